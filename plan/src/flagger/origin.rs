//! The way back from a field of a rendered object to the field of the rollout
//! that it was made of, so that what a CRD refuses is reported where the user
//! can change it.

mod rows;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use self::rows::Row;
use super::{MemberKind, MemberObject};

/// One step into an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// A field of an object, or a key of a map.
    Field(&'a str),
    /// An item of a list.
    Index(usize),
}

impl MemberObject {
    /// The field of the rollout, written from the rollout on, that the field of
    /// this object at `path` is made of; if that is not known, the one of the
    /// nearest field around it. Empty if that is the rollout itself.
    #[must_use]
    pub fn origin(&self, path: &[Step<'_>]) -> String {
        let found =
            Row::of_kind(self.kind).iter().filter_map(|row| row.follow(path)).max_by_key(|found| found.depth);
        let Some(mut found) = found else { return String::new() };
        match (self.kind, self.items.first()) {
            (MemberKind::MetricTemplate, Some(metric)) => found.wild.insert(0, Step::Index(*metric)),
            (MemberKind::Canary, _) if found.row.made.starts_with("spec.analysis.match[]") => {
                self.put_match_back(&mut found.wild);
            }
            _ => {}
        }
        found.write(path)
    }

    /// Matches that are left out move those behind them.
    fn put_match_back(&self, wild: &mut [Step<'_>]) {
        if let Some(Step::Index(place)) = wild.first_mut()
            && let Some(original) = self.items.get(*place)
        {
            *place = *original;
        }
    }
}

/// A row that a path leads through.
struct Found<'a> {
    row: &'static Row,
    /// What stood in the place of each `[]` and `{}`.
    wild: Vec<Step<'a>>,
    /// How many steps of the path the row knows.
    depth: usize,
}

impl Row {
    fn follow<'a>(&'static self, path: &[Step<'a>]) -> Option<Found<'a>> {
        let mut wild = Vec::new();
        let mut depth = 0;
        for token in tokens(self.made) {
            match (token, path.get(depth)?) {
                ("[]", step @ Step::Index(_)) | ("{}", step @ Step::Field(_)) => wild.push(*step),
                (name, Step::Field(field)) if name == *field => {}
                _ => return None,
            }
            depth += 1;
        }
        Some(Found { row: self, wild, depth })
    }
}

impl Found<'_> {
    fn write(&self, path: &[Step<'_>]) -> String {
        let mut text = String::new();
        let mut wild = self.wild.iter();
        for token in tokens(self.row.of) {
            match token {
                "[]" | "{}" => wild.next().into_iter().for_each(|step| push(&mut text, *step)),
                name => push(&mut text, Step::Field(name)),
            }
        }
        let below = path.get(self.depth..).filter(|_| self.row.alike).unwrap_or_default();
        for step in below {
            push(&mut text, *step);
        }
        text
    }
}

/// `a.b[].c` as `a`, `b`, `[]`, `c`.
fn tokens(pattern: &'static str) -> impl Iterator<Item = &'static str> {
    pattern.split('.').flat_map(|part| {
        let name = part.trim_end_matches("[]").trim_end_matches("{}");
        [Some(name), part.get(name.len()..).filter(|wild| !wild.is_empty())].into_iter().flatten()
    })
}

/// As Kubernetes writes paths; a key that is no plain name stands in brackets.
fn push(text: &mut String, step: Step<'_>) {
    match step {
        Step::Index(index) => bracket(text, index),
        Step::Field(name) if name.contains(['.', '/', '[', ' ']) => bracket(text, name),
        Step::Field(name) => {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(name);
        }
    }
}

fn bracket(text: &mut String, inner: impl std::fmt::Display) {
    // Writing to a text does not fail.
    let _ = write!(text, "[{inner}]");
}
