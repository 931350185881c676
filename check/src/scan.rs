//! The first way through the files: what they hold, and what the Catalog takes from it.

use fleetgate_webhooks::{FieldPath, Kind};
use serde_json::Value;

use super::duplicates::identity;
use super::excerpt::Lines;
use super::facts::Fact;
use super::input::Input;
use super::kept::{Kept, Objects};
use super::object::{Misfit, sort};
use super::reading::Reading;
use super::report::Remark;
use super::yaml::{self, Extent, Position, SyntaxError};

/// What becomes of a template that no `Chart.yaml` betrays.
const TEMPLATE_HINT: &str =
    "if it is a template, render it first and check what comes out: helm template … | fleetgate check -";

/// What a file is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its objects are judged.
    Judge,
    /// The Catalog takes from them what it can.
    Look,
}

/// What some files hold. Not to be printed: there may be Secrets in them.
#[derive(Default)]
pub(super) struct Scanned {
    /// The objects to judge.
    pub(super) objects: Objects,
    pub(super) facts: Vec<Fact>,
    /// How many objects are none of ours, and what else was found in folders.
    pub(super) others: usize,
    pub(super) unreadable: Vec<Remark>,
}

/// Reads `files`, document by document.
pub(super) fn scan(files: &[Input], purpose: Purpose) -> Scanned {
    let mut scanned = Scanned::default();
    for (file, input) in files.iter().enumerate() {
        let text = match input.read() {
            Ok(text) => text,
            Err(reason) => {
                scanned.unreadable.push(Remark::unreadable(&input.name(), None, reason));
                continue;
            }
        };
        let reading = Reading::of(input, &text);
        let is_found = input.is_found();
        let mut scan = Scan { file, is_found, purpose, reading, scanned: &mut scanned };
        yaml::read(&text, |extent, document| match document {
            Ok(Value::Null) => {}
            Ok(document) => scan.document(extent, document),
            Err(error) => scan.syntax_error(extent, extent.of(&text), error),
        });
    }
    scanned.objects.finish();
    scanned
}

struct Scan<'a> {
    file: usize,
    is_found: bool,
    purpose: Purpose,
    reading: Reading<'a>,
    scanned: &'a mut Scanned,
}

impl Scan<'_> {
    fn document(&mut self, extent: Extent, document: Value) {
        let mut sorted = sort(document);
        if self.is_found {
            self.scanned.others += sorted.pass_strangers();
        }
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
                let (file, steps, identity) = (self.file, path.segments().into(), identity(&object));
                let kept = Kept { file, document: extent, steps, may_be_shown, identity };
                self.scanned.objects.push(kept, &object);
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
                let misfit = Misfit { path: path.clone(), message, is_ours: true, is_stranger: false };
                self.misfit(extent, &misfit, may_be_shown);
            }
        }
    }

    fn misfit(&mut self, extent: Extent, misfit: &Misfit, may_be_shown: bool) {
        let (position, excerpt) = self.reading.place(extent, &misfit.path);
        self.scanned.unreadable.push(Remark {
            excerpt: excerpt.filter(|_| may_be_shown && misfit.is_ours),
            ..Remark::unreadable(self.reading.file(), Some(position), misfit.message.clone())
        });
    }

    fn syntax_error(&mut self, extent: Extent, document: &str, error: SyntaxError) {
        let message = format!("cannot be read as YAML: {}", error.message);
        let hint = document.contains("{{").then(|| TEMPLATE_HINT.to_owned());
        let excerpt = says_that_it_is_ours(document).then(|| {
            let line = (error.position.line + 1).saturating_sub(extent.start.line);
            Lines::of(document).excerpt(document, Position { line, ..error.position }, 1)
        });
        self.scanned.unreadable.push(Remark {
            excerpt: excerpt.flatten(),
            hint,
            ..Remark::unreadable(self.reading.file(), Some(error.position), message)
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
