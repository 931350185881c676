//! What a value may be, as JSON Schema: whatever would be rendered, and then kept from starting or from being
//! stored, is refused before.

use serde_json::{Value, json};

use crate::manifests::{LABEL_NAME, labels};

/// A name of an object's, as the API server takes it.
const NAME: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
/// A number of an address, as it stands between its dots.
const BYTE: &str = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

pub(super) fn text() -> Value {
    json!({"type": "string"})
}

pub(super) fn flag() -> Value {
    json!({"type": "boolean"})
}

pub(super) fn object() -> Value {
    json!({"type": "object"})
}

/// Fields that are all texts.
pub(super) fn texts() -> Value {
    json!({"type": "object", "additionalProperties": text()})
}

pub(super) fn items(item: Value) -> Value {
    json!({"type": "array", "items": item})
}

fn pattern(pattern: &str) -> Value {
    json!({"type": "string", "pattern": whole(pattern)})
}

/// All of a text, and not something in it.
fn whole(pattern: &str) -> String {
    format!("^{pattern}$")
}

/// The name of an object.
pub(super) fn name() -> Value {
    of_name(NAME)
}

/// The name of an object, or none.
pub(super) fn optional_name() -> Value {
    of_name(&format!("({NAME})?"))
}

fn of_name(name: &str) -> Value {
    json!({"type": "string", "maxLength": 253, "pattern": whole(name)})
}

/// Something that has a name, of that kind.
pub(super) fn named(name: Value) -> Value {
    json!({"type": "object", "required": ["name"], "properties": {"name": name}})
}

/// A text with something in it.
pub(super) fn some_text() -> Value {
    json!({"type": "string", "minLength": 1})
}

/// Labels of the pods, beside those by which they are found: no field can stand twice.
pub(super) fn pod_labels() -> Value {
    let found_by = labels("");
    let found_by = found_by.as_object().into_iter().flat_map(|labels| labels.keys());
    texts_but(found_by.map(String::as_str))
}

/// Labels of an object that has one already.
pub(super) fn object_labels() -> Value {
    texts_but([LABEL_NAME])
}

/// Fields that are all texts, and none of these.
fn texts_but<'a>(names: impl IntoIterator<Item = &'a str>) -> Value {
    let none: Value = names.into_iter().map(|name| (name.to_owned(), json!(false))).collect();
    json!({"type": "object", "additionalProperties": text(), "properties": none})
}

/// Where an image is, without its tag.
pub(super) fn repository() -> Value {
    pattern(r"([^\s@]+/)?[a-z0-9._-]+")
}

/// The tag of an image, or none.
pub(super) fn tag() -> Value {
    pattern("([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?")
}

/// Where ports are opened: a number after it makes it a socket's address.
pub(super) fn address() -> Value {
    let v6 = r"\[([0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]{0,15}\]";
    pattern(&format!(r"({BYTE}(\.{BYTE}){{3}}|{v6})"))
}

/// What is logged: a level, or directives with commas between them, of which each may end in one.
pub(super) fn directives() -> Value {
    let levels = "off|error|warn|info|debug|trace";
    let directive = format!(r"[^\s,=\[\]]*(\[[^\]]*\])?(=({levels}|{}|[0-5]))?", levels.to_uppercase());
    pattern(&format!("{directive}(,{directive})*"))
}

/// A port that needs no rights to be opened.
pub(super) fn port() -> Value {
    json!({"type": "integer", "minimum": 1024, "maximum": 65535})
}

/// One of those whom a network policy lets in: addresses, or pods, but not both, which the API server refuses.
pub(super) fn peer() -> Value {
    let block = json!({
        "type": "object", "required": ["cidr"], "additionalProperties": false,
        "properties": {"cidr": cidr(), "except": items(cidr())},
    });
    let properties = json!({"ipBlock": block, "namespaceSelector": object(), "podSelector": object()});
    json!({
        "type": "object", "minProperties": 1, "additionalProperties": false, "properties": properties,
        "dependencies": {"ipBlock": {"properties": {"namespaceSelector": false, "podSelector": false}}},
    })
}

fn cidr() -> Value {
    pattern("[0-9A-Fa-f.:]+/[0-9]{1,3}")
}
