//! What `check` prints: one line per finding, then a summary.

use std::io::{self, Write};

use fleetgate_webhooks::Severity;

use super::documents::Position;
use super::input::Unreadable;
use super::{Located, Outcome};

/// All that a run has to say.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) files: usize,
    pub(super) checked: usize,
    pub(super) others: usize,
    pub(super) fleets_unknown: bool,
    pub(super) findings: Vec<Located>,
    pub(super) unreadable: Vec<Unreadable>,
}

impl Report {
    pub(super) fn outcome(&self) -> Outcome {
        if !self.unreadable.is_empty() {
            Outcome::Unreadable
        } else if self.count(Severity::Error) > 0 {
            Outcome::Refused
        } else {
            Outcome::Admitted
        }
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|located| located.finding.severity == severity).count()
    }

    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for (_, line) in self.lines() {
            writeln!(out, "{line}")?;
        }
        self.print_summary(out)
    }

    /// Everything that was found, in the order in which one would read the
    /// files; what is said of a file as a whole comes first.
    pub(super) fn lines(&self) -> Vec<((&str, Option<Position>), String)> {
        let unreadable = self.unreadable.iter().map(|Unreadable { file, position, message }| {
            let place = position.map_or_else(|| file.clone(), |position| place(file, position));
            ((file.as_str(), *position), format!("{place}: error: {message}"))
        });
        let findings = self.findings.iter().map(|Located { file, position, finding }| {
            let text = format!("{}: {}: {finding}", place(file, *position), finding.severity);
            ((file.as_str(), Some(*position)), text)
        });
        let mut lines: Vec<_> = unreadable.chain(findings).collect();
        lines.sort_by_key(|(place, _)| *place);
        lines
    }

    fn print_summary(&self, out: &mut impl Write) -> io::Result<()> {
        write!(
            out,
            "{} checked in {}: {}, {}",
            plural(self.checked, "object"),
            plural(self.files, "file"),
            plural(self.count(Severity::Error), "error"),
            plural(self.count(Severity::Warning), "warning"),
        )?;
        if self.others > 0 {
            write!(out, "; {} of other kinds passed by", plural(self.others, "object"))?;
        }
        if !self.unreadable.is_empty() {
            write!(out, "; {} could not be read", plural(self.unreadable.len(), "input"))?;
        }
        if self.fleets_unknown {
            write!(out, "; no Fleet among the files, so references to Fleets were not checked")?;
        }
        writeln!(out)
    }
}

fn place(file: &str, position: Position) -> String {
    format!("{file}:{}:{}", position.line, position.column)
}

fn plural(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}
