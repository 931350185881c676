//! What the API server does to an object before any webhook sees it.

use serde_json::{Map, Value};

/// Runs `visit` over every child of `value` that the schema knows.
fn for_each_child(schema: &Value, value: &mut Value, visit: impl Fn(&Value, &mut Value)) {
    match value {
        Value::Object(fields) => {
            let properties = schema.get("properties");
            let rest = schema.get("additionalProperties");
            for (name, child) in fields {
                if let Some(schema) = properties.and_then(|known| known.get(name)).or(rest) {
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

/// As the API server: a `null` field that is not nullable counts as absent.
/// Items of lists and what no schema describes stay.
pub(super) fn prune_nulls(schema: &Value, value: &mut Value) {
    if let Value::Object(fields) = &mut *value {
        let properties = schema.get("properties");
        let rest = schema.get("additionalProperties").filter(|rest| rest.is_object());
        let of = |name: &str| properties.and_then(|known| known.get(name)).or(rest);
        fields.retain(|name, child| !child.is_null() || of(name).is_none_or(keeps_null));
    }
    for_each_child(schema, value, prune_nulls);
}

fn keeps_null(schema: &Value) -> bool {
    let is_true = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or_default();
    is_true("nullable") || (is_true("x-kubernetes-preserve-unknown-fields") && schema.get("type").is_none())
}

pub(super) fn fill_defaults(schema: &Value, value: &mut Value) {
    if let (Value::Object(fields), Some(Value::Object(properties))) = (&mut *value, schema.get("properties"))
    {
        insert_missing(fields, properties);
    }
    for_each_child(schema, value, fill_defaults);
}

fn insert_missing(fields: &mut Map<String, Value>, properties: &Map<String, Value>) {
    for (name, schema) in properties {
        if let Some(default) = schema.get("default")
            && !fields.contains_key(name)
        {
            fields.insert(name.clone(), default.clone());
        }
    }
}
