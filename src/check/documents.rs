//! YAML as kubectl reads it, with the place of every field.
//!
//! kubectl cuts a file at its `---` lines before it parses anything, so that a
//! syntax error in one document does not hide the others; so do we.

use std::fmt;

use fleetgate_webhooks::FieldPath;
use fleetgate_webhooks::field_path::Segment;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Error, MessageFormatter, Options, Spanned, UserMessageFormatter};

/// A line and column, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// One document of a file.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its content; `Null` if there is nothing but comments.
    pub(crate) value: Value,
    root: Spanned<Node>,
    /// How many lines of the file stand before it.
    offset: usize,
}

/// A document that cannot be parsed.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) position: Position,
    pub(crate) message: String,
}

impl Document {
    /// Where the field at `path` is, or the nearest field around it that is there.
    pub(crate) fn position(&self, path: &FieldPath) -> Position {
        let mut node = &self.root;
        let mut position = self.at(node);
        for segment in path.segments() {
            let next = match (&node.value, segment) {
                (Node::Map(fields), Segment::Field(name)) => fields
                    .iter()
                    .find(|(key, _)| key.value.0 == *name)
                    .map(|(key, child)| (self.at(key), child)),
                (Node::List(items), Segment::Index(index)) => {
                    items.get(*index).map(|item| (self.at(item), item))
                }
                _ => None,
            };
            let Some((found, child)) = next else {
                break;
            };
            (position, node) = (found, child);
        }
        position
    }

    fn at<T>(&self, node: &Spanned<T>) -> Position {
        let line = usize::try_from(node.referenced.line()).unwrap_or_default();
        let column = usize::try_from(node.referenced.column()).unwrap_or_default();
        Position { line: line.max(1) + self.offset, column: column.max(1) }
    }
}

/// Parses every document of `text`.
pub(crate) fn parse(text: &str) -> Vec<Result<Document, SyntaxError>> {
    // A byte order mark is no content.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    split(text).into_iter().map(|(offset, document)| parse_one(offset, document)).collect()
}

/// The documents between the `---` lines, each with the lines before it.
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut start_line, mut position) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if is_separator(line) {
            documents.push((start_line, text.get(start..position).unwrap_or_default()));
            start = position + line.len();
            start_line = number + 1;
        }
        position += line.len();
    }
    documents.push((start_line, text.get(start..).unwrap_or_default()));
    documents
}

/// As kubectl: `---` at the start of a line, and nothing but a comment behind it.
fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").map(str::trim).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

fn parse_one(offset: usize, text: &str) -> Result<Document, SyntaxError> {
    let options = options();
    match serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options) {
        Ok(root) => Ok(Document { value: root.value.to_json(), root, offset }),
        Err(error) => {
            let place = error.location();
            let line = place.map_or(1, |place| usize::try_from(place.line()).unwrap_or(1).max(1));
            let column = place.map_or(1, |place| usize::try_from(place.column()).unwrap_or(1).max(1));
            Err(SyntaxError {
                position: Position { line: line + offset, column },
                message: plain(error.without_snippet()),
            })
        }
    }
}

/// The parser's words without its advice to programmers, and without a place:
/// it counts lines from the document's start, the position from the file's.
fn plain(error: &Error) -> String {
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key} stands twice in one mapping")
        }
        Error::DuplicateMappingKey { .. } => "a key stands twice in one mapping".to_owned(),
        Error::MultipleDocuments { .. } => "another document begins without a line of `---`".to_owned(),
        Error::NonFiniteFloat { value, .. } => format!("{value} is not a number that JSON has"),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => "it is too large, or nested too deeply".to_owned(),
        other => UserMessageFormatter.format_message(other).into_owned(),
    }
}

fn options() -> Options {
    serde_saphyr::options! { legacy_octal_numbers: true }
}

/// A YAML node whose children know where they are.
#[derive(Debug)]
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<Key>, Spanned<Self>)>),
}

impl Node {
    fn to_json(&self) -> Value {
        match self {
            Self::Scalar(value) => value.clone(),
            Self::List(items) => items.iter().map(|item| item.value.to_json()).collect(),
            Self::Map(fields) => {
                let fields = fields.iter().map(|(key, child)| (key.value.0.clone(), child.value.to_json()));
                Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }
}

/// An integral float is an integer, as in kubectl's way from YAML to JSON.
#[expect(
    clippy::cast_possible_truncation,
    reason = "only where the float is integral and within i64's exact range"
)]
fn number(float: f64) -> Value {
    /// Above this, neighbouring integers are no longer apart as floats.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() <= EXACT {
        return Value::from(float as i64);
    }
    Number::from_f64(float).map_or(Value::Null, Value::Number)
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

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(number(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
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
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Map(fields))
    }
}

/// A mapping's key; a number or boolean is taken as its text, as kubectl does.
#[derive(Debug)]
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Node::deserialize(deserializer)? {
            Node::Scalar(Value::String(text)) => Ok(Self(text)),
            Node::Scalar(value) => Ok(Self(value.to_string())),
            Node::List(_) | Node::Map(_) => Err(serde::de::Error::custom("a key must be a text")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(text: &str) -> Vec<Value> {
        parse(text).into_iter().map(|document| document.expect("YAML").value).collect()
    }

    #[test]
    fn documents_are_cut_at_their_lines() {
        assert_eq!(
            values("a: 1\n---\n# nothing\n--- # comment\r\nb: 2\n"),
            [json!({"a": 1}), Value::Null, json!({"b": 2})]
        );
        let mixed = parse("a: [\n---\nb: 2\n");
        assert_eq!(mixed.len(), 2);
        assert!(mixed[0].is_err() && mixed[1].is_ok());
    }

    #[test]
    fn scalars_are_what_kubectl_makes_of_them() {
        let text =
            "a: yes\nb: 'yes'\nc: 0o17\nd: 017\ne: 1e3\nf: 9898.0\ng: 1.5\nh: ~\ni: \"\\u0041\"\n80: port\n";
        let value = &values(text)[0];
        assert_eq!(value["b"], json!("yes"));
        assert_eq!(value["d"], json!(15));
        assert_eq!(value["e"], json!(1000));
        assert_eq!(value["f"], json!(9898));
        assert_eq!(value["g"], json!(1.5));
        assert_eq!(value["h"], Value::Null);
        assert_eq!(value["i"], json!("A"));
        assert_eq!(value["80"], json!("port"));
    }

    #[test]
    fn positions_count_from_the_files_first_line() {
        let text = "kind: A\n---\nspec:\n  list:\n  - name: x\n  - name: y\n";
        let documents = parse(text);
        let second = documents[1].as_ref().expect("YAML");
        let path = FieldPath::spec().field("list").index(1);
        assert_eq!(second.position(&path.field("name")), Position { line: 6, column: 5 });
        assert_eq!(second.position(&path.field("missing")), Position { line: 6, column: 5 });
        assert_eq!(second.position(&FieldPath::spec()), Position { line: 3, column: 1 });
    }

    #[test]
    fn hostile_documents_end() {
        let deep = format!("a: {}", "[".repeat(100_000));
        let bomb = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g]\n";
        for text in [deep.as_str(), bomb, "a: \u{0}", "a: 1\na: 2\n"] {
            assert!(parse(text)[0].is_err());
        }
    }

    #[test]
    fn errors_speak_to_who_writes_the_file() {
        let deep = format!("a: {}", "[".repeat(100_000));
        let table = [
            ("a: 1\na: 2\n", "the key a stands twice in one mapping"),
            ("--- {a: 1}\n--- {b: 2}\n", "another document begins without a line of `---`"),
            ("a: .nan\n", ".nan is not a number that JSON has"),
            (deep.as_str(), "recursion limit exceeded"),
            ("a: *b\n", "reference to unknown value"),
        ];
        for (text, expected) in table {
            let error = parse(text).remove(0).expect_err("no YAML");
            assert_eq!(error.message, expected);
        }
    }
}
