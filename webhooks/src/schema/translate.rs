//! Structural schemas, said in JSON Schema (draft 7).
//!
//! Only keywords that stand here are taken over, so that no schema can refer to
//! another document. Each of them means what it means to the API server:
//! `nullable`, integers and strings in one field, whole numbers as integers,
//! the bounds of 32 and 64 bits, Go's regular expressions.

use serde_json::{Map, Value, json};

use super::prepare::whole_number;
use super::structural::NotStructural;
use super::{list_type, text};

/// The deepest nesting of schemas. Kubernetes' own deepest (a pod in a CRD) has 30.
const MAX_DEPTH: usize = 64;

/// What means the same in both.
const SAME: [&str; 9] = [
    "required",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    list_type::KEYS,
];

/// The JSON Schema that accepts what the structural schema accepts.
pub(super) fn to_json_schema(schema: &Value) -> Result<Value, NotStructural> {
    node(schema, Place { depth: 0, is_branch_of_union: false })
}

/// Where a schema stands in the document.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    /// Below an int-or-string's `anyOf`, whose types only repeat it.
    is_branch_of_union: bool,
}

impl Place {
    fn below(self) -> Self {
        Self { depth: self.depth + 1, is_branch_of_union: false }
    }
}

fn node(schema: &Value, place: Place) -> Result<Value, NotStructural> {
    let Value::Object(schema) = schema else {
        return Ok(Value::Bool(schema.as_bool().unwrap_or(true)));
    };
    if place.depth > MAX_DEPTH {
        return Err(NotStructural(format!("nested more than {MAX_DEPTH} schemas deep")));
    }
    let mut out = Map::new();
    for keyword in SAME {
        if let Some(value) = schema.get(keyword) {
            out.insert(keyword.to_owned(), value.clone());
        }
    }
    if !place.is_branch_of_union {
        types(schema, &mut out);
    }
    bound(schema, &mut out, "minimum", "exclusiveMinimum", |own, other| own >= other);
    bound(schema, &mut out, "maximum", "exclusiveMaximum", |own, other| own <= other);
    texts(schema, &mut out);
    // The API server finds null in no enum, not even in one that names it.
    if let Some(Value::Array(options)) = schema.get("enum") {
        let options: Vec<&Value> = options.iter().filter(|option| !option.is_null()).collect();
        out.insert("enum".to_owned(), json!(options));
    }
    children(schema, &mut out, place)?;
    if is_true(schema, "x-kubernetes-embedded-resource") {
        embedded_resource(&mut out);
    }
    Ok(Value::Object(out))
}

fn is_true(schema: &Map<String, Value>, keyword: &str) -> bool {
    schema.get(keyword).and_then(Value::as_bool).unwrap_or_default()
}

fn is_int_or_string(schema: &Map<String, Value>) -> bool {
    is_true(schema, "x-kubernetes-int-or-string")
}

fn types(schema: &Map<String, Value>, out: &mut Map<String, Value>) {
    let mut types = match schema.get("type") {
        _ if is_int_or_string(schema) => vec![json!("integer"), json!("string")],
        Some(kind) => vec![kind.clone()],
        None => return,
    };
    if types == ["integer"] {
        let (least, most) = match schema.get("format").and_then(Value::as_str) {
            Some("int32") => (json!(i32::MIN), json!(i32::MAX)),
            _ => (json!(i64::MIN), json!(i64::MAX)),
        };
        out.insert("minimum".to_owned(), least);
        out.insert("maximum".to_owned(), most);
    }
    if is_true(schema, "nullable") {
        types.push(json!("null"));
    }
    let types = if let [kind] = types.as_slice() { kind.clone() } else { Value::Array(types) };
    out.insert("type".to_owned(), types);
}

/// A limit beside that of the type: whichever is `narrower`. In a structural
/// schema whether it is exclusive is a boolean.
fn bound(
    schema: &Map<String, Value>,
    out: &mut Map<String, Value>,
    keyword: &str,
    exclusive: &str,
    narrower: fn(f64, f64) -> bool,
) {
    let Some(limit) = schema.get(keyword) else { return };
    // Kubernetes' types hold every limit as a floating point number.
    let limit = whole_number(limit).map_or_else(|| limit.clone(), Value::from);
    if is_true(schema, exclusive) {
        out.insert(exclusive.to_owned(), limit);
        return;
    }
    let of_type = out.get(keyword).and_then(Value::as_f64);
    if limit.as_f64().zip(of_type).is_none_or(|(limit, of_type)| narrower(limit, of_type)) {
        out.insert(keyword.to_owned(), limit);
    }
}

fn texts(schema: &Map<String, Value>, out: &mut Map<String, Value>) {
    for (keyword, ours) in [("pattern", text::PATTERN), ("format", text::FORMAT)] {
        if let Some(value) = schema.get(keyword) {
            out.insert(ours.to_owned(), value.clone());
        }
    }
    if let Some(kind) = schema.get(list_type::KEYWORD) {
        out.insert(list_type::KEYWORD.to_owned(), kind.clone());
    }
}

fn children(
    schema: &Map<String, Value>,
    out: &mut Map<String, Value>,
    place: Place,
) -> Result<(), NotStructural> {
    for keyword in ["items", "additionalProperties", "not"] {
        if let Some(child) = schema.get(keyword) {
            out.insert(keyword.to_owned(), node(child, place.below())?);
        }
    }
    let is_branch_of_union = place.is_branch_of_union || is_int_or_string(schema);
    for keyword in ["allOf", "anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = schema.get(keyword) {
            let place = Place { is_branch_of_union, ..place.below() };
            let branches: Result<Vec<Value>, _> = branches.iter().map(|branch| node(branch, place)).collect();
            out.insert(keyword.to_owned(), Value::Array(branches?));
        }
    }
    if let Some(Value::Object(properties)) = schema.get("properties") {
        let mut translated = Map::new();
        for (name, property) in properties {
            translated.insert(name.clone(), node(property, place.below())?);
        }
        out.insert("properties".to_owned(), Value::Object(translated));
    }
    Ok(())
}

/// An object in an object has to say what it is.
fn embedded_resource(out: &mut Map<String, Value>) {
    let word = json!({"type": "string", "minLength": 1});
    let own = out.remove("properties");
    let mut properties = own.and_then(|own| own.as_object().cloned()).unwrap_or_default();
    for (name, schema) in [("apiVersion", &word), ("kind", &word), ("metadata", &json!({"type": "object"}))] {
        properties.insert(name.to_owned(), schema.clone());
    }
    out.insert("properties".to_owned(), Value::Object(properties));
    let own = out.remove("required");
    let mut required = own.and_then(|own| own.as_array().cloned()).unwrap_or_default();
    for name in ["apiVersion", "kind"] {
        if !required.iter().any(|known| known == name) {
            required.push(json!(name));
        }
    }
    out.insert("required".to_owned(), Value::Array(required));
}
