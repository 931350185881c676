//! What a run of `check` has to say, in one type for all formats.
//!
//! ```text
//!                ┌─▶ text    for people: the line, a caret, the way out
//! Remark ─▶ Report ─▶ json    for programs: docs/check.md says what stays
//!                ├─▶ sarif   for code scanning
//!                ├─▶ junit   for test reports
//!                └─▶ github  for annotations in a pull request
//! ```

mod github;
mod json;
mod junit;
mod sarif;
mod text;

use std::io::{self, Write};
use std::sync::Arc;

use fleetgate_webhooks::rules::Rule;
use fleetgate_webhooks::rules::example::Example;
use fleetgate_webhooks::{Finding, Severity};

use super::excerpt::Excerpt;
use super::yaml::Position;
use super::{Outcome, judging::Judged};

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: the lines, and what is wrong in them.
    Text,
    /// For programs.
    Json,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
    /// For test reports: the XML of JUnit.
    Junit,
    /// For annotations in GitHub: workflow commands.
    Github,
}

/// What there can be no verdict on. It is none of admission's rules, which never
/// see such a thing.
pub const UNREADABLE: Rule = Rule {
    code: "input/unreadable",
    severities: &[Severity::Error],
    what: "A file, document or object that cannot be read, so that there is no verdict on it.",
    why: "kubectl could not apply it either, or would not read it as others do, or it is none of Kubernetes' \
          objects.",
    example: Example::new("", ""),
};

/// Something to be said of a place in a file.
#[derive(Clone, Debug)]
pub(super) struct Remark {
    pub(super) file: Arc<str>,
    /// None, where it is said of the file as a whole.
    pub(super) position: Option<Position>,
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    /// The object's name for users: `Application default/shop`.
    pub(super) object: Option<Arc<str>>,
    /// The field in the object; empty, if it is said of more than one.
    pub(super) path: String,
    pub(super) message: String,
    /// The way out.
    pub(super) hint: Option<String>,
    /// The line, if it may be printed.
    pub(super) excerpt: Option<Excerpt>,
}

impl Remark {
    /// What a finding says, without its place.
    pub(super) fn new(file: &Arc<str>, finding: Finding) -> Self {
        Self {
            file: Arc::clone(file),
            position: None,
            code: finding.code,
            severity: finding.severity,
            object: None,
            path: finding.path.to_string(),
            message: finding.statement(),
            hint: finding.hint,
            excerpt: None,
        }
    }

    /// That there can be no verdict.
    pub(super) fn unreadable(
        file: &Arc<str>,
        position: Option<Position>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            file: Arc::clone(file),
            position,
            code: UNREADABLE.code,
            severity: Severity::Error,
            object: None,
            path: String::new(),
            message: message.into(),
            hint: None,
            excerpt: None,
        }
    }

    pub(super) fn is_unreadable(&self) -> bool {
        self.code == UNREADABLE.code
    }

    /// All of it but the excerpt, in one line.
    pub(super) fn line(&self) -> String {
        let place = self.position.map_or_else(String::new, |at| format!(":{}:{}", at.line, at.column));
        let code = if self.is_unreadable() { String::new() } else { format!(" [{}]", self.code) };
        let line = format!("{}{place}: {}: {}{code}", self.file, self.severity, self.advice());
        text::one_line(&line)
    }

    /// Path and message, as Kubernetes writes them.
    fn sentence(&self) -> String {
        if self.path.is_empty() { self.message.clone() } else { format!("{}: {}", self.path, self.message) }
    }

    /// The sentence and the way out.
    fn advice(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.sentence()),
            None => self.sentence(),
        }
    }
}

/// All that a run has to say.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// How many files were read for their objects.
    pub(super) files: usize,
    /// How many objects there is a verdict on.
    pub(super) objects: usize,
    /// What they are called, file by file; only for a report on each.
    pub(super) names: Vec<(Arc<str>, Vec<Arc<str>>)>,
    /// How many objects are none of ours, and what else was found in folders.
    pub(super) others: usize,
    /// How many folders of a Helm chart's templates were not read.
    pub(super) templates: usize,
    /// Whether Applications were judged without any Fleet being known.
    pub(super) fleets_unknown: bool,
    pub(super) warnings_as_errors: bool,
    pub(super) remarks: Vec<Remark>,
}

impl Report {
    /// Adds the verdicts on the objects of some files.
    pub(super) fn add(&mut self, judged: Judged) {
        self.objects += judged.objects;
        self.names.extend(judged.names);
        self.remarks.extend(judged.remarks);
    }

    /// Puts the remarks into the order in which one would read the files; what
    /// is said of a file as a whole comes first.
    pub(super) fn sort(&mut self) {
        self.remarks.sort_by(|one, other| (&one.file, one.position).cmp(&(&other.file, other.position)));
    }

    pub(super) fn outcome(&self) -> Outcome {
        if self.count(Remark::is_unreadable) > 0 {
            Outcome::Unreadable
        } else if self.count(|remark| self.fails(remark)) > 0 {
            Outcome::Refused
        } else {
            Outcome::Admitted
        }
    }

    /// Writes it in `format`, with colours if they are wanted and there are any.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written to.
    pub(super) fn write(&self, format: Format, coloured: bool, out: &mut impl Write) -> io::Result<()> {
        match format {
            Format::Text => text::write(self, coloured, out),
            Format::Json => json::write(self, out),
            Format::Sarif => sarif::write(self, out),
            Format::Junit => junit::write(self, out),
            Format::Github => github::write(self, out),
        }
    }

    /// Whether the exit code says so.
    fn fails(&self, remark: &Remark) -> bool {
        remark.severity == Severity::Error || self.warnings_as_errors
    }

    fn count(&self, of: impl Fn(&Remark) -> bool) -> usize {
        self.remarks.iter().filter(|remark| of(remark)).count()
    }

    fn errors(&self) -> usize {
        self.count(|remark| remark.severity == Severity::Error && !remark.is_unreadable())
    }

    fn warnings(&self) -> usize {
        self.count(|remark| remark.severity == Severity::Warning)
    }

    /// The run in one line.
    fn summary(&self) -> String {
        let mut parts = vec![format!(
            "{} checked in {}: {}, {}",
            plural(self.objects, "object"),
            plural(self.files, "file"),
            plural(self.errors(), "error"),
            plural(self.warnings(), "warning"),
        )];
        if self.others > 0 {
            parts.push(format!("{} of other kinds passed by", self.others));
        }
        if self.templates > 0 {
            parts.push(format!(
                "the templates of {} were not read: render them first",
                plural(self.templates, "Helm chart")
            ));
        }
        match self.count(Remark::is_unreadable) {
            0 => {}
            unreadable => parts.push(format!("{} could not be read", plural(unreadable, "input"))),
        }
        if self.fleets_unknown {
            parts.push("no Fleet among the files, so references to Fleets were not checked".to_owned());
        }
        parts.join("; ")
    }
}

fn plural(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}
