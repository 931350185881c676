//! Whether a query certainly fails as the Go template that Flagger takes it for
//! (its `pkg/metrics/observers/render.go`, and Go's `text/template/parse`).
//!
//! ```text
//! query ─▶ lexer: tokens ─▶ parser: blocks, pipelines, names ─▶ what fails, and why
//! ```
//!
//! Flagger executes the template with its own functions and without any data,
//! and takes a missing key for an error. The crates that run Go templates lack
//! parts of the language, and would refuse what Go takes.
//!
//! **Invariant**: what Go parses is never called unparsable; what fails only
//! when it is executed is said only of actions that are executed in any case.
//! Length and nesting are bounded, and time is proportional to the length.

mod lexer;
mod parser;
mod token;

/// The longest template that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// The functions that Flagger adds to Go's; none takes an argument.
pub(super) const OF_FLAGGER: [&str; 8] =
    ["name", "namespace", "target", "service", "ingress", "route", "interval", "variables"];

/// The functions that every Go template has.
pub(super) const OF_GO: [&str; 19] = [
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print",
    "printf", "println", "slice", "urlquery",
];

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It fails, for what the words say.
    Fails(String),
    /// The same, because of a name that nothing defines.
    Unknown(String),
    /// It is too long, or nested too deeply, to be looked at.
    Unread,
}

/// Says whether the template certainly fails.
pub(super) fn check(template: &str) -> Result<(), Fault> {
    if template.len() > LONGEST {
        return Err(Fault::Unread);
    }
    parser::parse(lexer::tokens(template)?)
}

#[cfg(test)]
mod tests;
