//! The first way through a file: what it holds, and what the Catalog takes from it.

use fleetgate_webhooks::{FieldPath, Kind};
use serde_json::Value;

use super::excerpt::Lines;
use super::facts::Fact;
use super::input::Input;
use super::kept::Kept;
use super::object::{Misfit, sort};
use super::reading::Reading;
use super::report::Remark;
use super::yaml::{self, Extent, Position, SyntaxError};

/// What a file is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its objects are judged.
    Judge,
    /// The Catalog takes from them what it can.
    Look,
}

/// What a file holds. Not to be printed: there may be Secrets in it.
#[derive(Default)]
pub(super) struct Scanned {
    /// The objects to judge.
    pub(super) objects: Vec<Kept>,
    pub(super) facts: Vec<Fact>,
    /// How many objects are none of ours.
    pub(super) others: usize,
    pub(super) unreadable: Vec<Remark>,
}

/// Reads `input`, document by document.
pub(super) fn scan(input: &Input, purpose: Purpose) -> Scanned {
    let text = match input.read() {
        Ok(text) => text,
        Err(reason) => {
            let unreadable = vec![Remark::unreadable(input.name(), None, reason)];
            return Scanned { unreadable, ..Scanned::default() };
        }
    };
    let mut scan = Scan { input, purpose, reading: Reading::of(&text), scanned: Scanned::default() };
    yaml::read(&text, |extent, document| match document {
        Ok(Value::Null) => {}
        Ok(document) => scan.document(extent, document),
        Err(error) => scan.syntax_error(extent, extent.of(&text), error),
    });
    scan.scanned.objects.shrink_to_fit();
    scan.scanned
}

struct Scan<'a> {
    input: &'a Input,
    purpose: Purpose,
    reading: Reading<'a>,
    scanned: Scanned,
}

impl Scan<'_> {
    fn document(&mut self, extent: Extent, document: Value) {
        let sorted = sort(document);
        let may_be_shown = !sorted.has_secret();
        for misfit in &sorted.misfits {
            self.misfit(extent, misfit, may_be_shown);
        }
        for (path, other) in &sorted.others {
            self.look(extent, path, other, may_be_shown);
        }
        for (path, object) in sorted.ours {
            self.look(extent, &path, &object.value, may_be_shown);
            if self.purpose == Purpose::Judge {
                self.scanned.objects.push(Kept::new(extent, path, &object, may_be_shown));
            }
        }
        self.scanned.others += sorted.others.len();
    }

    fn look(&mut self, extent: Extent, path: &FieldPath, value: &Value, may_be_shown: bool) {
        match Fact::of(value) {
            Ok(fact) => self.scanned.facts.extend(fact),
            // One that is judged gets its findings.
            Err(_) if self.purpose == Purpose::Judge => {}
            Err(message) => {
                let misfit = Misfit { path: path.clone(), message, is_ours: true };
                self.misfit(extent, &misfit, may_be_shown);
            }
        }
    }

    fn misfit(&mut self, extent: Extent, misfit: &Misfit, may_be_shown: bool) {
        let (position, excerpt) = self.reading.place(extent, &misfit.path);
        self.scanned.unreadable.push(Remark {
            excerpt: excerpt.filter(|_| may_be_shown && misfit.is_ours),
            ..Remark::unreadable(self.input.name(), Some(position), misfit.message.clone())
        });
    }

    fn syntax_error(&mut self, extent: Extent, document: &str, error: SyntaxError) {
        let message = format!("cannot be read as YAML: {}", error.message);
        let excerpt = says_that_it_is_ours(document).then(|| {
            let line = (error.position.line + 1).saturating_sub(extent.start.line);
            Lines::of(document).excerpt(document, Position { line, ..error.position }, 1)
        });
        self.scanned.unreadable.push(Remark {
            excerpt: excerpt.flatten(),
            ..Remark::unreadable(self.input.name(), Some(error.position), message)
        });
    }
}

/// Nobody knows what a broken document is; its lines are shown only if it says
/// that it is of a kind of ours, and does not speak of Secrets.
fn says_that_it_is_ours(document: &str) -> bool {
    let kind = document.lines().find_map(|line| line.strip_prefix("kind:")).map(str::trim);
    kind.is_some_and(|kind| Kind::ALL.iter().any(|known| known.as_str() == kind))
        && !document.contains("Secret")
}
