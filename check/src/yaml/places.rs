//! Where the fields of a document stand.
//!
//! They are asked for only where something was found, so that this is a second
//! way through a document, beside the one that reads its content.

use std::collections::BTreeMap;
use std::fmt;

use fleetgate_webhooks::FieldPath;
use fleetgate_webhooks::field_path::Segment;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Location, NonFiniteFloatPolicy, Spanned};

use super::content::Key;
use super::scalars::{is_no_number_of_json, is_text_to_kubectl};
use super::{Position, SyntaxError, no_number_of_json, options};

/// A document's fields with their places.
#[derive(Debug)]
pub(crate) struct Places(pub(super) Spanned<Node>);

/// What a finding points at: a field's name or a list's item, in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its beginning, counted from the document's.
    pub(crate) position: Position,
    /// How many characters it has, some of them perhaps in lines below.
    pub(crate) width: usize,
}

/// What stands at a place.
#[derive(Debug)]
pub(super) enum Node {
    Scalar,
    List(Vec<Spanned<Self>>),
    Map(BTreeMap<String, (Location, Spanned<Self>)>),
}

impl Places {
    /// The places in `document`, if it can be read at all.
    pub(crate) fn of(document: &str) -> Option<Self> {
        let options = options(document, NonFiniteFloatPolicy::PassThrough);
        serde_saphyr::from_str_with_options(document, options).ok().map(Self)
    }

    /// Where the field at `path` is, or the nearest field around it that is there.
    pub(crate) fn place(&self, path: &FieldPath) -> Place {
        let mut node = &self.0;
        let mut found = node.referenced;
        for segment in path.segments() {
            let next = match (&node.value, segment) {
                (Node::Map(fields), Segment::Field(name)) => {
                    fields.get(&**name).map(|(location, child)| (*location, child))
                }
                (Node::List(items), Segment::Index(index)) => {
                    items.get(*index).map(|item| (item.referenced, item))
                }
                _ => None,
            };
            let Some((location, child)) = next else {
                break;
            };
            (found, node) = (location, child);
        }
        Place { position: Position::of(Some(found)), width: width(found) }
    }

    /// Puts back what is a text to kubectl in `document`, and was read as a
    /// boolean, a null or a number without end into `content`.
    ///
    /// # Errors
    ///
    /// When there is a number without end that kubectl takes for one, too.
    pub(super) fn restore_texts(&self, document: &str, content: &mut Value) -> Result<(), SyntaxError> {
        restore_texts(&self.0, document, content)
    }
}

fn width(location: Location) -> usize {
    usize::try_from(location.span().len()).unwrap_or_default()
}

fn restore_texts(node: &Spanned<Node>, document: &str, content: &mut Value) -> Result<(), SyntaxError> {
    match (&node.value, content) {
        (Node::List(nodes), Value::Array(items)) => {
            nodes.iter().zip(items).try_for_each(|(node, item)| restore_texts(node, document, item))
        }
        (Node::Map(nodes), Value::Object(fields)) => nodes.iter().try_for_each(|(name, (_, node))| {
            fields.get_mut(name).map_or(Ok(()), |field| restore_texts(node, document, field))
        }),
        (Node::Scalar, content @ (Value::Bool(_) | Value::Null)) => restore_text(node, document, content),
        _ => Ok(()),
    }
}

/// What is written in `document` at a place.
pub(super) fn text(location: Location, document: &str) -> Option<&str> {
    let (start, length) = (location.span().byte_offset()?, location.span().byte_len()?);
    let (start, length) = (usize::try_from(start).ok()?, usize::try_from(length).ok()?);
    document.get(start..start + length)
}

fn restore_text(node: &Spanned<Node>, document: &str, content: &mut Value) -> Result<(), SyntaxError> {
    // An alias stands for what was written elsewhere.
    match text(node.defined, document) {
        Some(word) if is_text_to_kubectl(word) => *content = Value::from(word),
        Some(word) if is_no_number_of_json(word) => {
            let position = Position::of(Some(node.referenced));
            return Err(SyntaxError { position, message: no_number_of_json(word) });
        }
        _ => {}
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML node")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((key, node)) = map.next_entry::<Spanned<Key>, _>()? {
            fields.insert(key.value.0, (key.referenced, node));
        }
        Ok(Node::Map(fields))
    }
}
