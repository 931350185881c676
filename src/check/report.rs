//! What `check` prints: one line per finding, then a summary.

use std::io::{self, Write};

use fleetgate_webhooks::Severity;

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
        for Unreadable { file, position, message } in &self.unreadable {
            match position {
                Some(position) => {
                    writeln!(out, "{file}:{}:{}: error: {message}", position.line, position.column)?;
                }
                None => writeln!(out, "{file}: error: {message}")?,
            }
        }
        for Located { file, position, finding } in &self.findings {
            writeln!(out, "{file}:{}:{}: {}: {finding}", position.line, position.column, finding.severity)?;
        }
        self.print_summary(out)
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

fn plural(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}
