//! As much of a YAML document as says whether it is a patch: its outline.
//!
//! The parser's events are read without recursion and without following an
//! alias, so that a hostile text costs no more than its length.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle};

/// Below this depth, nothing decides.
const OUTLINE_DEPTH: usize = 3;

/// The most nodes that a document may become once its aliases are followed:
/// kustomize copies what they stand for.
const MAX_EXPANDED: u64 = 1_000_000;

/// A node, as far as the outline goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// An empty or `null` plain scalar.
    Null,
    /// Any other scalar.
    Scalar(String),
    /// A list.
    List(Vec<Self>),
    /// A mapping with its keys that are scalars, each as often as it stands there.
    Map(Vec<(String, Self)>),
    /// An alias, or what lies deeper than the outline: it may be anything.
    Unknown,
}

impl Node {
    /// The value of a mapping's field; `Unknown` where it stands twice, or may
    /// be merged in from elsewhere.
    pub(super) fn field(&self, name: &str) -> &Self {
        let Self::Map(fields) = self else {
            return &Self::Unknown;
        };
        let mut found = fields.iter().filter(|(key, _)| key == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => value,
            (None, _) if !fields.iter().any(|(key, _)| key == "<<") => &Self::Null,
            _ => &Self::Unknown,
        }
    }
}

/// Why there is no outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// The text is no YAML; the words say what the parser stumbled on.
    Syntax(String),
    /// An alias stands within what it stands for.
    Recursive,
    /// Followed, its aliases make more than [`MAX_EXPANDED`] nodes.
    Bomb,
    /// This parser and Flux's may be of two minds about it.
    Unsure,
}

/// The outline of the first document of `text`; `None` where there is none.
pub(super) fn outline(text: &str) -> Result<Option<Node>, Unreadable> {
    let mut options = granit_parser::options! {};
    options.set_emit_comments(false);
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, _) = event.map_err(|error| unreadable(error.kind(), &error.to_string()))?;
        match event {
            Event::Scalar(text, style, anchor, _) => builder.scalar(&text, style, anchor),
            Event::Alias(anchor) => builder.alias(anchor)?,
            Event::SequenceStart(_, anchor, _) => builder.open(Node::List(Vec::new()), anchor),
            Event::MappingStart(_, anchor, _) => builder.open(Node::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => builder.close()?,
            // What stands behind the first document is nobody's patch.
            Event::DocumentEnd => break,
            _ => {}
        }
    }
    Ok(builder.root)
}

/// Refusals that are this parser's own, where Flux's reads on.
fn unreadable(kind: &ErrorKind, words: &str) -> Unreadable {
    match kind {
        ErrorKind::RecursionLimitExceeded
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::CommentNotSeparated
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::UndeclaredTagHandle => Unreadable::Unsure,
        _ => Unreadable::Syntax(words.to_owned()),
    }
}

/// A collection that is still open.
struct Open {
    node: Node,
    anchor: usize,
    /// How many nodes it has so far, aliases followed.
    size: u64,
    /// In a mapping, what the next node is.
    next: Next,
}

/// A mapping's nodes are keys and values by turns.
enum Next {
    Key,
    /// The value of that key.
    Value(String),
    /// The value of a key that is no scalar, or deeper than the outline.
    Ignored,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    /// How many nodes each anchor stands for.
    sizes: HashMap<usize, u64>,
    root: Option<Node>,
}

impl Builder {
    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize) {
        let is_null = style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
        let node = if is_null { Node::Null } else { Node::Scalar(text.to_owned()) };
        self.anchored(anchor, 1);
        self.add(node, 1);
    }

    fn alias(&mut self, anchor: usize) -> Result<(), Unreadable> {
        if self.open.iter().any(|open| open.anchor == anchor) {
            return Err(Unreadable::Recursive);
        }
        let size = self.sizes.get(&anchor).copied().unwrap_or(1);
        self.add(Node::Unknown, size);
        Ok(())
    }

    fn open(&mut self, node: Node, anchor: usize) {
        self.open.push(Open { node, anchor, size: 1, next: Next::Key });
    }

    fn close(&mut self) -> Result<(), Unreadable> {
        let Some(closed) = self.open.pop() else {
            return Ok(());
        };
        if closed.size > MAX_EXPANDED {
            return Err(Unreadable::Bomb);
        }
        self.anchored(closed.anchor, closed.size);
        self.add(closed.node, closed.size);
        Ok(())
    }

    /// Zero is no anchor.
    fn anchored(&mut self, anchor: usize, size: u64) {
        if anchor != 0 {
            self.sizes.insert(anchor, size);
        }
    }

    /// Puts a whole node where it belongs: into the collection around it, or
    /// at the root.
    fn add(&mut self, node: Node, size: u64) {
        let is_deep = self.open.len() > OUTLINE_DEPTH;
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        parent.size = parent.size.saturating_add(size);
        let node = if is_deep { Node::Unknown } else { node };
        match &mut parent.node {
            Node::List(items) if !is_deep || items.is_empty() => items.push(node),
            Node::Map(fields) => match (std::mem::replace(&mut parent.next, Next::Key), node) {
                (Next::Key, Node::Scalar(key)) => parent.next = Next::Value(key),
                (Next::Key, _) => parent.next = Next::Ignored,
                (Next::Value(key), node) => fields.push((key, node)),
                (Next::Ignored, _) => {}
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scalar(text: &str) -> Node {
        Node::Scalar(text.to_owned())
    }

    #[test]
    fn an_outline_has_the_fields_that_decide() {
        let node = outline("# c\nkind: A\nmetadata: {name: \"5\", labels: [x]}\nnone: ~\n---\nkind: B\n");
        let node = node.expect("YAML").expect("a document");
        assert_eq!(node.field("kind"), &scalar("A"));
        assert_eq!(node.field("metadata").field("name"), &scalar("5"));
        assert_eq!(node.field("metadata").field("labels"), &Node::List(vec![scalar("x")]));
        assert_eq!(node.field("none"), &Node::Null);
        assert_eq!(node.field("absent"), &Node::Null);
        assert_eq!(outline("# nothing\n"), Ok(None));
    }

    #[test]
    fn what_may_be_anything_is_unknown() {
        let node = outline("kind: A\nkind: B\nx: &x {name: a}\nmetadata: *x\nmore: {<<: *x}\n");
        let node = node.expect("YAML").expect("a document");
        assert_eq!(node.field("kind"), &Node::Unknown);
        assert_eq!(node.field("metadata"), &Node::Unknown);
        assert_eq!(node.field("more").field("name"), &Node::Unknown);
    }

    #[test]
    fn hostile_documents_are_refused_or_left_alone() {
        let bomb = (1..8).fold("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned(), |bomb, level| {
            let aliases = vec![format!("*a{}", level - 1); 10].join(",");
            format!("{bomb}a{level}: &a{level} [{aliases}]\n")
        });
        assert_eq!(outline(&bomb), Err(Unreadable::Bomb));
        assert_eq!(outline("a: &a {b: *a}"), Err(Unreadable::Recursive));
        assert_eq!(outline("- &a [x, *a]"), Err(Unreadable::Recursive));
        assert_eq!(outline(&"[".repeat(100_000)), Err(Unreadable::Unsure));
        assert_eq!(outline(&"- ".repeat(100_000)), Err(Unreadable::Unsure));
        // Go's parser reads on in a quoted text that is not indented.
        assert_eq!(outline("a:\n  b: \"x\ny\"\n"), Err(Unreadable::Unsure));
        for text in ["a: *b", "{{{ not yaml", "a: [", "a:\n\tb: c", "a: 'x"] {
            assert!(matches!(outline(text), Err(Unreadable::Syntax(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}|[\\[\\]{}:,&*ab\\-?!|>'\"# \n]{0,60}") {
            let _ = outline(&text);
        }
    }
}
