//! Structural schemas: what a CRD's `openAPIV3Schema` asks of an object.
//!
//! ```text
//! openAPIV3Schema ─translate─▶ JSON Schema ─compile─▶ Validator ─▶ faults
//!        └──────────────────────────────────────────▶ prepare (nulls, defaults, whole numbers)
//! ```
//!
//! The same engine judges our own kinds before they are parsed, and every
//! object that Fleetgate renders. The API server's own code is the reference
//! (`k8s.io/kube-openapi/pkg/validation/validate`).

use std::borrow::Cow;
use std::fmt;

use jsonschema::{Draft, Validator};
use serde_json::Value;

use super::fault::SchemaFault;
use super::prepare::{Defaults, has_null_or_float, prune_nulls, round_integers};
use super::{list_type, text, translate};
use crate::field_path::{FieldPath, Segment};

/// A compiled structural schema. The default one accepts everything.
#[derive(Debug, Default)]
pub struct StructuralSchema {
    root: Value,
    defaults: Defaults,
    validator: Option<Validator>,
}

/// Why a document is no structural schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotStructural(pub(super) String);

impl fmt::Display for NotStructural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotStructural {}

impl StructuralSchema {
    /// Compiles an `openAPIV3Schema`.
    ///
    /// # Errors
    /// If it is nested too deeply, or a keyword has no meaning.
    pub fn compile(root: Value) -> Result<Self, NotStructural> {
        let validator = jsonschema::options()
            .with_draft(Draft::Draft7)
            .should_validate_formats(false)
            .with_keyword(text::PATTERN, |_, pattern, _| Ok(text::pattern(pattern)))
            .with_keyword(text::FORMAT, |_, format, _| Ok(text::format(format)))
            .with_keyword(list_type::KEYWORD, |schema, kind, _| Ok(list_type::unique(schema, kind)))
            .build(&translate::to_json_schema(&root)?)
            .map_err(|error| NotStructural(error.to_string()))?;
        Ok(Self { defaults: Defaults::of(&root), root, validator: Some(validator) })
    }

    /// The schema document, to walk along.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The schema of the field at `path`.
    #[must_use]
    pub fn at(&self, path: &FieldPath) -> Option<&Value> {
        path.segments().iter().try_fold(&self.root, |schema, segment| match segment {
            Segment::Index(_) => schema.get("items"),
            Segment::Field(name) => schema
                .get("properties")
                .and_then(|properties| properties.get(&**name))
                .or_else(|| schema.get("additionalProperties")),
        })
    }

    /// Does what the API server does to an object before any webhook sees it:
    /// drops `null` fields that the schema knows, fills in its defaults, and
    /// takes a whole number for an integer.
    pub fn prepare(&self, object: &mut Value) {
        let has_null_or_float = has_null_or_float(object);
        if has_null_or_float {
            prune_nulls(&self.root, object);
        }
        self.defaults.fill(object);
        if has_null_or_float {
            round_integers(&self.root, object);
        }
    }

    /// The prepared object; most are so already, and are not copied.
    #[must_use]
    pub fn prepared<'a>(&self, object: &'a Value) -> Cow<'a, Value> {
        if !has_null_or_float(object) && self.defaults.are_in(object) {
            return Cow::Borrowed(object);
        }
        let mut object = object.clone();
        self.prepare(&mut object);
        Cow::Owned(object)
    }

    /// All faults of a prepared object. Fields that the schema does not know
    /// are none: the API server drops them.
    #[must_use]
    pub fn faults(&self, object: &Value) -> Vec<SchemaFault> {
        // To say yes takes a fraction of what looking for faults does.
        let refusing = self.validator.iter().filter(|validator| !validator.is_valid(object));
        let errors = refusing.flat_map(|validator| validator.iter_errors(object));
        errors.map(|error| SchemaFault::from_error(&error)).collect()
    }
}

#[cfg(test)]
mod tests {
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
            (
                json!({"type": "integer", "format": "int32"}),
                json!(1_i64 << 31),
                "a: must be at most 2147483647",
            ),
            (json!({"type": "integer", "format": "int64"}), json!(1_i64 << 31), ""),
            (
                json!({"type": "integer", "format": "int32", "minimum": 1.0}),
                json!(0),
                "a: must be at least 1",
            ),
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
        let atomic =
            json!({"type": "array", "x-kubernetes-list-type": "atomic", "items": {"type": "string"}});
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
        let schema =
            StructuralSchema::compile(json!({"$ref": "http://127.0.0.1:1/x"})).expect("it is ignored");
        assert_eq!(schema.faults(&json!(5)), []);
    }
}
