//! Where in an object a finding is: `spec.syncPolicies[1].kustomization.path`.

use std::borrow::{Borrow, Cow};
use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;
use smallvec::{SmallVec, smallvec};

use crate::line::one_line;

/// One step into an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A field of an object, or a key of a map.
    Field(Cow<'static, str>),
    /// An item of a list.
    Index(usize),
}

/// A path from an object's root, written as Kubernetes writes it in its own errors.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(SmallVec<[Segment; INLINE]>);

/// Most paths are no longer, and cost no allocation: rules make them before they
/// know whether they find anything.
const INLINE: usize = 8;

impl FieldPath {
    /// The object itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// `spec`.
    #[must_use]
    pub fn spec() -> Self {
        Self(smallvec![Segment::Field("spec".into())])
    }

    /// `spec.syncPolicies[index]`.
    #[must_use]
    pub fn policy(index: usize) -> Self {
        Self(smallvec![
            Segment::Field("spec".into()),
            Segment::Field("syncPolicies".into()),
            Segment::Index(index),
        ])
    }

    /// This path and one field further.
    #[must_use]
    pub fn field(&self, name: impl Into<Cow<'static, str>>) -> Self {
        self.with(Segment::Field(name.into()))
    }

    /// This path and one key of a map further, or a field that the user named.
    #[must_use]
    pub fn key(&self, name: &str) -> Self {
        self.field(name.to_owned())
    }

    /// This path and one list item further.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }

    /// This path and `rest` behind it.
    #[must_use]
    pub fn join(&self, rest: &Self) -> Self {
        Self(self.0.iter().chain(&rest.0).cloned().collect())
    }

    /// The steps from the root.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The path without its last step.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, parent) = self.0.split_last()?;
        Some(Self(parent.into()))
    }

    /// Whether this path is `other` or leads through it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Whether this path is one of `others` or leads through one.
    #[must_use]
    pub fn is_within_any(&self, others: &HashSet<Self>) -> bool {
        !others.is_empty()
            && (0..=self.0.len()).any(|length| self.0.get(..length).is_some_and(|head| others.contains(head)))
    }

    /// The value at this path.
    #[must_use]
    pub fn get<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(object, |value, segment| match segment {
            Segment::Field(name) => value.get(&**name),
            Segment::Index(index) => value.get(index),
        })
    }

    /// The value at this path, to be changed.
    pub fn get_mut<'a>(&self, object: &'a mut Value) -> Option<&'a mut Value> {
        self.0.iter().try_fold(object, |value, segment| match segment {
            Segment::Field(name) => value.get_mut(&**name),
            Segment::Index(index) => value.get_mut(index),
        })
    }
}

/// A set of paths can be asked for a path's head without making one.
impl Borrow<[Segment]> for FieldPath {
    fn borrow(&self) -> &[Segment] {
        &self.0
    }
}

impl From<Vec<Segment>> for FieldPath {
    fn from(segments: Vec<Segment>) -> Self {
        Self(segments.into())
    }
}

/// A text that is no field path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAPath;

/// The way back from [`FieldPath`]'s text: what stands in brackets is an index
/// where it is a number, and otherwise a key as it is.
impl FromStr for FieldPath {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        let mut segments = SmallVec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(bracketed) = rest.strip_prefix('[') {
                let (inner, after) = bracketed.split_once(']').ok_or(NotAPath)?;
                segments.push(
                    inner.parse().map_or_else(|_| Segment::Field(inner.to_owned().into()), Segment::Index),
                );
                rest = after;
                continue;
            }
            let name = if segments.is_empty() { rest } else { rest.strip_prefix('.').ok_or(NotAPath)? };
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (field, after) =
                name.split_at_checked(end).filter(|(field, _)| !field.is_empty()).ok_or(NotAPath)?;
            segments.push(Segment::Field(field.to_owned().into()));
            rest = after;
        }
        Ok(Self(segments))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                // A map's key may hold dots and slashes: `labels[example.com/team]`.
                Segment::Field(name) if name.contains(['.', '/', '[', ' ']) => {
                    write!(f, "[{}]", one_line(name))?;
                }
                Segment::Field(name) if position == 0 => f.write_str(&one_line(name))?,
                Segment::Field(name) => write!(f, ".{}", one_line(name))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_reads_as_kubernetes_writes_it() {
        let path = FieldPath::policy(1).field("kustomization").field("path");
        assert_eq!(path.to_string(), "spec.syncPolicies[1].kustomization.path");
        let label = FieldPath::root().field("metadata").field("labels").field("example.com/team");
        assert_eq!(label.to_string(), "metadata.labels[example.com/team]");
    }

    #[test]
    fn its_text_leads_back_to_it() {
        for text in
            ["spec.syncPolicies[1].kustomization.path", "metadata.labels[example.com/team]", "", "spec"]
        {
            assert_eq!(text.parse::<FieldPath>().expect("a path").to_string(), text);
        }
        for text in ["a..b", "a[0", ".a", "a[0]b"] {
            assert_eq!(text.parse::<FieldPath>(), Err(NotAPath), "{text}");
        }
    }

    #[test]
    fn it_finds_values() {
        let object = json!({"spec": {"syncPolicies": [{}, {"name": "web"}]}});
        assert_eq!(FieldPath::policy(1).field("name").get(&object), Some(&json!("web")));
        assert_eq!(FieldPath::policy(2).get(&object), None);
        assert!(FieldPath::policy(1).is_within(&FieldPath::spec()));
        assert!(!FieldPath::spec().is_within(&FieldPath::policy(1)));
    }
}
