//! Where in an object a rule is evaluated, and the path that a rule names.

use crate::field_path::{FieldPath, Segment};

/// A way down from the root; a path is made of it only for a fault.
#[derive(Debug)]
pub(super) enum Place<'a> {
    Root,
    Field(&'a Self, &'a str),
    Index(&'a Self, usize),
}

impl Place<'_> {
    pub(super) fn path(&self) -> FieldPath {
        match self {
            Self::Root => FieldPath::root(),
            Self::Field(parent, name) => parent.path().key(name),
            Self::Index(parent, index) => parent.path().index(*index),
        }
    }
}

/// A rule's `fieldPath`: `.spec.name`, or `['a.b']` for a name with dots. One
/// that is malformed, which no API server has let pass, leads nowhere.
pub(super) fn parse(text: &str) -> FieldPath {
    let mut segments = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let step = if let Some(quoted) = rest.strip_prefix("['") {
            quoted.split_once("']")
        } else {
            rest.strip_prefix('.').map(|rest| rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())))
        };
        let Some((name, after)) = step.filter(|(name, _)| !name.is_empty()) else {
            return FieldPath::root();
        };
        segments.push(Segment::Field(name.replace(r"\'", "'").replace(r"\\", r"\").into()));
        rest = after;
    }
    FieldPath::from(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_rules_are_read() {
        for (text, path) in [
            (".spec.name", "spec.name"),
            (".labels['example.com/team'].x", "labels[example.com/team].x"),
            ("['a']", "a"),
            ("", ""),
            ("spec", ""),
            (".a..b", ""),
            ("['a", ""),
        ] {
            assert_eq!(parse(text).to_string(), path, "{text}");
        }
        let root = Place::Root;
        let (items, name) = (Place::Field(&root, "items"), "name");
        assert_eq!(Place::Field(&Place::Index(&items, 2), name).path().to_string(), "items[2].name");
    }
}
