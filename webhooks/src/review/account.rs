//! What a review is counted and logged as: never the object, and names of
//! users only as far as names may be long.

use super::Request;
use crate::finding::Finding;
use crate::schema::{Kind, VERSION};

/// What is asked to happen to the object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Operation {
    /// It is new.
    Create,
    /// It is there, and changes.
    Update,
    /// It goes.
    Delete,
    /// Something that no webhook configuration of ours asks about, or nothing that can be read.
    #[default]
    Other,
}

impl Operation {
    /// Its name in logs and numbers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Other => "other",
        }
    }

    fn of(text: &str) -> Self {
        let known = [Self::Create, Self::Update, Self::Delete];
        known.into_iter().find(|operation| operation.as_str() == text).unwrap_or_default()
    }
}

/// What a review comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The object is as it should be, or is none of our business.
    Allowed,
    /// It is not.
    Denied,
    /// The request cannot be read, and is refused.
    Malformed,
    /// There was no time for it.
    Shed,
    /// A fault of our own.
    Failed,
}

impl Outcome {
    /// Its name in logs and numbers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Malformed => "malformed",
            Self::Shed => "shed",
            Self::Failed => "failed",
        }
    }
}

/// What a review is counted and logged as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose review it is.
    pub about: About,
    /// What it came to.
    pub outcome: Outcome,
    /// The codes of what was found, each once, errors first.
    pub codes: Vec<&'static str>,
}

impl Account {
    pub(super) fn new(outcome: Outcome) -> Self {
        Self { about: About::default(), outcome, codes: Vec::new() }
    }

    /// With the codes of what was found.
    pub(super) fn found<'a>(mut self, findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        for finding in findings {
            if !self.codes.contains(&finding.code) {
                self.codes.push(finding.code);
            }
        }
        self
    }
}

/// Whose review it is, as far as that can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The request's uid.
    pub uid: String,
    /// The object's kind, if it is one of ours.
    pub kind: Option<Kind>,
    /// What is asked to happen to it.
    pub operation: Operation,
    /// Its namespace.
    pub namespace: String,
    /// Its name, or what one will be made of.
    pub name: String,
    /// Whether nothing of it is stored, whatever the answer is.
    pub dry_run: bool,
}

impl About {
    pub(super) fn uid(uid: Option<&str>) -> Self {
        Self { uid: cut(uid.unwrap_or_default(), MAX_NAME), ..Self::default() }
    }

    pub(super) fn request(request: &Request) -> Self {
        let kind = &request.kind;
        Self {
            uid: cut(&request.uid, MAX_NAME),
            kind: Kind::of(&kind.group, &kind.kind).filter(|_| kind.version == VERSION),
            operation: Operation::of(&request.operation),
            namespace: cut(&request.namespace, MAX_NAME),
            name: cut(super::object_name(request, &request.object), MAX_NAME),
            dry_run: request.dry_run.unwrap_or_default(),
        }
    }
}

/// The longest name that an object can have, in characters.
pub(super) const MAX_NAME: usize = 253;

/// The text, or so many of its characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_longer_than_names_may_be() {
        assert_eq!(cut("shop", MAX_NAME), "shop");
        assert_eq!(cut(&"ä".repeat(MAX_NAME), MAX_NAME), "ä".repeat(MAX_NAME));
        assert_eq!(cut(&"ä".repeat(1_000_000), MAX_NAME).chars().count(), MAX_NAME + 1);
    }

    #[test]
    fn operations_are_a_closed_set() {
        for (text, expected) in [
            ("CREATE", "CREATE"),
            ("DELETE", "DELETE"),
            ("CONNECT", "other"),
            ("other", "other"),
            ("", "other"),
        ] {
            assert_eq!(Operation::of(text).as_str(), expected);
        }
    }
}
