//! The one finding type: what a rule says about a field.
//!
//! Admission, `fleetgate check` and the controllers' conditions print the same
//! findings; only the frame around them differs.

mod findings;

use std::fmt;

use serde_json::Value;

use crate::field_path::FieldPath;
use crate::line::short_line;
use crate::redact::redacted;
use crate::rules::Rule;

pub use self::findings::Findings;
pub(crate) use self::findings::MOST_KEPT;

/// What a finding does to an admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The object is refused.
    Error,
    /// The object is admitted, and its user reads a warning.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// What is wrong with the field, in the kinds and words that Kubernetes has
/// for it (`k8s.io/apimachinery/pkg/util/validation/field`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The field must be there.
    Required,
    /// The value is malformed.
    Invalid,
    /// The value may not be there, in this place or beside another.
    Forbidden,
    /// The value is there twice.
    Duplicate,
    /// The value names what does not exist.
    NotFound,
    /// The value is not one of a closed set.
    NotSupported,
    /// The value is longer than its limit.
    TooLong,
    /// The value has the wrong type.
    TypeInvalid,
}

impl Fault {
    /// The words before the colon.
    const fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::Forbidden => "Forbidden",
            Self::Duplicate => "Duplicate value",
            Self::NotFound => "Not found",
            Self::NotSupported => "Unsupported value",
            Self::TooLong => "Too long",
        }
    }

    /// The machine-readable reason of a status cause.
    #[must_use]
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::Forbidden => "FieldValueForbidden",
            Self::Duplicate => "FieldValueDuplicate",
            Self::NotFound => "FieldValueNotFound",
            Self::NotSupported => "FieldValueNotSupported",
            Self::TooLong => "FieldValueTooLong",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }
}

/// The longest part of a user's value that a message repeats, in characters.
const SHOWN_VALUE: usize = 64;

/// What a rule says about a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's code, which never changes once released.
    pub code: &'static str,
    /// Whether it denies.
    pub severity: Severity,
    /// The field that it is about.
    pub path: FieldPath,
    /// What is wrong with the field.
    pub fault: Fault,
    /// The offending value, if there is one, without the passwords in it.
    pub value: Option<Value>,
    /// What the rule asks for, and why the value does not have it.
    pub message: String,
    /// The way out, if it is not plain from the message.
    pub hint: Option<String>,
}

impl Finding {
    fn new(
        rule: &Rule,
        severity: Severity,
        path: FieldPath,
        fault: Fault,
        message: impl Into<String>,
    ) -> Self {
        // Names that users gave stand in it.
        let message = short_line(&message.into());
        Self { code: rule.code, severity, path, fault, value: None, message, hint: None }
    }

    /// A finding that refuses the object.
    #[must_use]
    pub fn error(rule: &Rule, path: FieldPath, fault: Fault, message: impl Into<String>) -> Self {
        Self::new(rule, Severity::Error, path, fault, message)
    }

    /// A finding that its user should know of.
    #[must_use]
    pub fn warning(rule: &Rule, path: FieldPath, fault: Fault, message: impl Into<String>) -> Self {
        Self::new(rule, Severity::Warning, path, fault, message)
    }

    /// With the offending value. Findings are printed, logged and stored in
    /// conditions, so that no password in a URL is kept.
    #[must_use]
    pub fn value(mut self, value: impl Into<Value>) -> Self {
        self.value = Some(match value.into() {
            Value::String(text) => Value::from(redacted(&text)),
            other => other,
        });
        self
    }

    /// With the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(short_line(&hint.into()));
        self
    }

    /// The words for what is wrong. A warning of a value that Kubernetes itself
    /// would take calls it neither invalid nor required.
    fn words(&self) -> Option<&'static str> {
        let is_advice =
            self.severity == Severity::Warning && matches!(self.fault, Fault::Invalid | Fault::Required);
        (!is_advice).then(|| self.fault.words())
    }

    /// What is wrong, without the path, the way out and the code: `Invalid value: "x": must be …`.
    #[must_use]
    pub fn statement(&self) -> String {
        let value = self.value.as_ref().map(shown);
        let mut text =
            [self.words().map(str::to_owned), value].into_iter().flatten().collect::<Vec<_>>().join(": ");
        if !self.message.is_empty() {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&self.message);
        }
        text
    }

    /// Everything but the path: `Invalid value: "x": must be … [source/url]`.
    /// A status cause carries the path in a field of its own.
    #[must_use]
    pub fn detail(&self) -> String {
        let mut text = self.statement();
        if let Some(hint) = &self.hint {
            text.push_str("; ");
            text.push_str(hint);
        }
        format!("{text} [{}]", self.code)
    }
}

/// A text is quoted and escaped; anything else stands as it was written.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", shortened(text)),
        // An API type holds 150 as 150.0, which nobody wrote.
        Value::Number(number) if number.is_f64() => {
            let text = number.to_string();
            shortened(text.strip_suffix(".0").unwrap_or(&text))
        }
        other => shortened(&other.to_string()),
    }
}

fn shortened(value: &str) -> String {
    if value.chars().count() <= SHOWN_VALUE {
        return value.to_owned();
    }
    let head: String = value.chars().take(SHOWN_VALUE - 1).collect();
    format!("{head}…")
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.segments().is_empty() {
            return f.write_str(&self.detail());
        }
        write!(f, "{}: {}", self.path, self.detail())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::source;

    #[test]
    fn it_reads_as_kubernetes_writes_it() {
        let path = FieldPath::spec().field("source").field("helmRepository");
        let finding = Finding::error(
            &source::EXACTLY_ONE,
            path,
            Fault::Forbidden,
            "may not be set together with gitRepository",
        )
        .hint("keep one of them");
        assert_eq!(
            finding.to_string(),
            "spec.source.helmRepository: Forbidden: may not be set together with gitRepository; keep one of them [source/exactly-one]"
        );
    }

    #[test]
    fn values_are_shown_as_they_are_written() {
        let finding = Finding::error(&source::URL, FieldPath::root(), Fault::TypeInvalid, "m");
        for (value, shown) in [
            (Value::from("5"), "\"5\""),
            (Value::from(5), "5"),
            (Value::from(150.0), "150"),
            (Value::from(0.5), "0.5"),
            (Value::from(true), "true"),
            (Value::from("https://me:secret@e.com"), "\"https://me:***@e.com\""),
        ] {
            let text = finding.clone().value(value).detail();
            assert_eq!(text, format!("Invalid value: {shown}: m [source/url]"));
        }
    }

    #[test]
    fn a_hostile_value_is_cut_and_escaped() {
        let finding = Finding::error(&source::URL, FieldPath::root(), Fault::Invalid, "m")
            .value("\u{1b}[31m".repeat(100));
        let text = finding.to_string();
        assert!(text.len() < 1_000 && !text.contains('\u{1b}'), "{text}");
        let key = FieldPath::root().field("labels").field("a.\n");
        let finding = Finding::error(&source::URL, key, Fault::Invalid, "like \u{7}").hint("say\rit");
        assert_eq!(finding.to_string(), "labels[a.\\n]: Invalid value: like \\u{7}; say\\rit [source/url]");
    }
}
