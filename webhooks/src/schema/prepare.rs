//! What the API server does to an object before any webhook, the schema or a
//! rule sees it (`apiextensions-apiserver/pkg/apiserver/schema/defaulting`).
//!
//! Recursion goes as deep as the schema, whose depth is bounded.

use serde_json::{Map, Value};

/// The largest whole number that JSON's floating point numbers tell apart from
/// its neighbours; beyond it the API server takes none for an integer.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// The schema of a field or of a map's value.
fn field_schema<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let known = schema.get("properties").and_then(|properties| properties.get(name));
    known.or_else(|| schema.get("additionalProperties").filter(|values| values.is_object()))
}

/// Runs `visit` over every child of `value` that the schema knows.
fn for_each_child(schema: &Value, value: &mut Value, visit: impl Fn(&Value, &mut Value)) {
    match value {
        Value::Object(fields) => {
            for (name, child) in fields {
                if let Some(schema) = field_schema(schema, name) {
                    visit(schema, child);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    visit(schema, item);
                }
            }
        }
        _ => {}
    }
}

/// Whether preparing would leave the object as it is.
pub(super) fn is_prepared(schema: &Value, value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            let lacks_default = defaults(schema).any(|(name, _)| fields.get(name).is_none_or(Value::is_null));
            let is_prepared = |(name, child): (&String, &Value)| {
                field_schema(schema, name).is_none_or(|schema| {
                    (!child.is_null() || is_nullable(schema)) && is_prepared(schema, child)
                })
            };
            !lacks_default && fields.iter().all(is_prepared)
        }
        Value::Array(items) => {
            schema.get("items").is_none_or(|schema| items.iter().all(|item| is_prepared(schema, item)))
        }
        Value::Number(_) => !is_integer(schema) || whole_number(value).is_none(),
        _ => true,
    }
}

/// As the API server: a `null` field that is not nullable counts as absent.
/// Items of lists and what no schema describes stay.
pub(super) fn prune_nulls(schema: &Value, value: &mut Value) {
    if let Value::Object(fields) = &mut *value {
        fields.retain(|name, child| !child.is_null() || field_schema(schema, name).is_none_or(is_nullable));
    }
    for_each_child(schema, value, prune_nulls);
}

fn is_nullable(schema: &Value) -> bool {
    schema.get("nullable").and_then(Value::as_bool).unwrap_or_default()
}

pub(super) fn fill_defaults(schema: &Value, value: &mut Value) {
    if let Value::Object(fields) = &mut *value {
        insert_missing(fields, schema);
    }
    for_each_child(schema, value, fill_defaults);
}

fn insert_missing(fields: &mut Map<String, Value>, schema: &Value) {
    for (name, default) in defaults(schema) {
        if !fields.contains_key(name) {
            fields.insert(name.clone(), default.clone());
        }
    }
}

/// The fields that have a default, with it.
fn defaults(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.filter_map(|(name, schema)| Some((name, schema.get("default")?)))
}

/// Writes integers as integers: `5.0` is one, and is stored as `5`.
pub(super) fn round_integers(schema: &Value, value: &mut Value) {
    if let Some(whole) = whole_number(value).filter(|_| is_integer(schema)) {
        *value = Value::from(whole);
    }
    for_each_child(schema, value, round_integers);
}

fn is_integer(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "integer")
}

/// The integer that a floating point number is.
pub(super) fn whole_number(value: &Value) -> Option<i64> {
    let Value::Number(number) = value else { return None };
    let float = Some(number).filter(|number| number.is_f64())?.as_f64()?;
    let is_whole = float.fract() == 0.0 && float.abs() <= MAX_SAFE_INTEGER;
    // By way of its digits, as there is no conversion that cannot lose any.
    if is_whole { format!("{float:.0}").parse().ok() } else { None }
}
