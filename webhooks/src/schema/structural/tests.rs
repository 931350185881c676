use super::*;
use serde_json::json;

/// What is said about a value, as `path: message`, with the fields of `schema`.
fn said(schema: &Value, value: &Value) -> String {
    let schema = StructuralSchema::compile(schema.clone()).expect("a structural schema");
    let faults = schema.faults(&schema.prepared(value));
    let texts = faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message));
    texts.collect::<Vec<_>>().join("; ")
}

/// The same for a field `a` with that schema.
fn said_of_field(schema: &Value, value: &Value) -> String {
    said(&json!({"type": "object", "properties": {"a": schema}}), &json!({ "a": value }))
}

#[test]
fn types() {
    let table = [
        (json!({"type": "integer"}), json!(5), ""),
        (json!({"type": "integer"}), json!(5.0), ""),
        (json!({"type": "integer"}), json!(5.5), "a: must be an integer, is a number"),
        (json!({"type": "integer"}), json!("5"), "a: must be an integer, is a string"),
        (json!({"type": "integer"}), json!(u64::MAX), "a: must be at most 9223372036854775807"),
        (json!({"type": "integer", "format": "int32"}), json!(1_i64 << 31), "a: must be at most 2147483647"),
        (json!({"type": "integer", "format": "int64"}), json!(1_i64 << 31), ""),
        (json!({"type": "integer", "format": "int32", "minimum": 1.0}), json!(0), "a: must be at least 1"),
        (
            json!({"type": "integer", "maximum": 9, "exclusiveMaximum": true}),
            json!(9),
            "a: must be less than 9",
        ),
        (json!({"type": "number", "format": "double"}), json!(5), ""),
        (json!({"type": "string", "format": "url"}), json!("no url"), ""),
        (json!({"type": "boolean"}), json!("yes"), "a: must be a boolean, is a string"),
        (
            json!({"type": "array", "items": {"type": "string"}}),
            json!(["x", 1]),
            "a[1]: must be a string, is an integer",
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"b.c": 1}),
            "a[b.c]: must be a string, is an integer",
        ),
        (json!({"x-kubernetes-int-or-string": true}), json!(80), ""),
        (json!({"x-kubernetes-int-or-string": true}), json!("http"), ""),
        (
            json!({"x-kubernetes-int-or-string": true}),
            json!(true),
            "a: must be an integer or a string, is a boolean",
        ),
        (
            json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}], "nullable": true}),
            json!(null),
            "",
        ),
        (json!({"x-kubernetes-preserve-unknown-fields": true}), json!([null, {"any": 1}]), ""),
        (
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"b": {"type": "string"}}}),
            json!({"b": 1, "c": 1}),
            "a.b: must be a string, is an integer",
        ),
    ];
    for (schema, value, expected) in table {
        assert_eq!(said_of_field(&schema, &value), expected, "{schema} {value}");
    }
}

#[test]
fn nulls() {
    let nullable = json!({"type": "string", "nullable": true, "enum": ["x", null]});
    let table = [
        // Absent, therefore; in a list it stays, and is none of the type.
        (json!({"type": "string"}), json!(null), ""),
        (
            json!({"type": "array", "items": {"type": "string"}}),
            json!([null]),
            "a[0]: must be a string, is null",
        ),
        (json!({"type": "string", "nullable": true, "minLength": 1}), json!(null), ""),
        (nullable.clone(), json!("x"), ""),
        // The API server finds null in no enum, not even in one that names it.
        (nullable, json!(null), "a: supported values: \"x\""),
    ];
    for (schema, value, expected) in table {
        assert_eq!(said_of_field(&schema, &value), expected, "{schema} {value}");
    }
}

#[test]
fn texts() {
    let table = [
        (json!({"pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"}), "1h30m", ""),
        (json!({"pattern": "^[0-9]+(m|s)"}), "5h", "a: must match ^[0-9]+(m|s)"),
        (json!({"pattern": "^\\d+$"}), "١", "a: must match ^\\d+$"),
        (json!({"maxLength": 2}), "äöü", "a: may not have more than 2 characters"),
        (json!({"minLength": 1}), "", "a: must have at least 1 characters"),
        (json!({"enum": ["", "x"]}), "y", "a: supported values: \"\", \"x\""),
        (json!({"format": "duration"}), "soon", "a: must be a duration such as 1m30s"),
        (json!({"format": "date-time"}), "2006-01-02T15:04:05Z", ""),
        (json!({"format": "date-time"}), "now", "a: must be a time such as 2006-01-02T15:04:05Z"),
        (json!({"format": "string"}), "x", ""),
    ];
    for (mut schema, value, expected) in table {
        schema["type"] = json!("string");
        assert_eq!(said_of_field(&schema, &json!(value)), expected, "{schema} {value}");
    }
}

#[test]
fn numbers_of_items_and_their_uniqueness() {
    let map = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "port"], "items": {"type": "object"}});
    let set = json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}});
    let atomic = json!({"type": "array", "x-kubernetes-list-type": "atomic", "items": {"type": "string"}});
    let table = [
        (
            json!({"type": "array", "maxItems": 1, "items": {"type": "string"}}),
            json!(["x", "y"]),
            "a: may not have more than 1 items",
        ),
        (
            json!({"type": "object", "minProperties": 1, "additionalProperties": true}),
            json!({}),
            "a: must have at least 1 items",
        ),
        (set.clone(), json!(["x", "y"]), ""),
        (set, json!(["x", "y", "x"]), "a: items 0 and 2 (counted from 0) are the same"),
        (atomic, json!(["x", "x"]), ""),
        (map.clone(), json!([{"name": "x", "port": 1}, {"name": "x", "port": 2}, {"name": "x"}]), ""),
        (
            map,
            json!([{"name": "x"}, {"name": "y"}, {"name": "x", "at": 1}]),
            "a: items 0 and 2 (counted from 0) have the same name and port",
        ),
    ];
    for (schema, value, expected) in table {
        assert_eq!(said_of_field(&schema, &value), expected, "{schema} {value}");
    }
}

#[test]
fn required_fields_and_their_defaults() {
    let schema = json!({"type": "object", "required": ["a", "b"], "properties": {
        "a": {"type": "string", "default": "x"}, "b": {"type": "string"},
        "c": {"type": "object", "default": {}, "required": ["d"], "properties": {"d": {"type": "integer", "default": 7}}},
    }});
    assert_eq!(said(&schema, &json!({})), "b: ");
    assert_eq!(said(&schema, &json!({"a": null, "b": "y", "unknown": 1})), "");
    let schema = StructuralSchema::compile(schema).expect("a structural schema");
    let object = json!({"b": "y"});
    let prepared = schema.prepared(&object);
    assert_eq!(*prepared, json!({"a": "x", "b": "y", "c": {"d": 7}}));
    assert!(matches!(schema.prepared(&prepared), Cow::Borrowed(_)), "what is prepared is not copied");
}

#[test]
fn alternatives_and_embedded_objects() {
    let either = json!({"type": "object", "oneOf": [{"required": ["b"]}, {"required": ["c"]}], "not": {"required": ["d"]}});
    let embedded = json!({"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true});
    let table = [
        (&either, json!({"b": 1}), ""),
        (
            &either,
            json!({"b": 1, "c": 1}),
            "a: fits more than one of the alternatives, of which exactly one must hold",
        ),
        (&either, json!({}), "a: fits none of the alternatives that the schema has"),
        (&either, json!({"b": 1, "d": 1}), "a: is what the schema rules out"),
        (&embedded, json!({"apiVersion": "v1", "kind": "Pod", "spec": {}}), ""),
        (&embedded, json!({"apiVersion": "v1", "kind": ""}), "a.kind: must have at least 1 characters"),
        (&embedded, json!({"apiVersion": "v1"}), "a.kind: "),
    ];
    for (schema, value, expected) in table {
        assert_eq!(said_of_field(schema, &value), expected, "{schema} {value}");
    }
}

#[test]
fn what_is_no_structural_schema_is_said() {
    let mut deep = json!({"type": "string"});
    for _ in 0..100 {
        deep = json!({"type": "array", "items": deep});
    }
    for schema in [deep, json!({"type": "text"}), json!({"type": "object", "required": "a"})] {
        assert!(StructuralSchema::compile(schema.clone()).is_err(), "{schema}");
    }
    // Nothing is fetched, whatever a schema refers to.
    let schema = StructuralSchema::compile(json!({"$ref": "http://127.0.0.1:1/x"})).expect("it is ignored");
    assert_eq!(schema.faults(&json!(5)), []);
}
