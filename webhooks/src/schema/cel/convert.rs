//! JSON values as the API server shows them to rules
//! (`k8s.io/apiserver/pkg/cel/common`): typed by the schema, and only what the
//! schema knows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use kube_cel::cel;
use kube_cel::cel::objects::{Key, Map};
use serde_json::Value;

use super::needs::{Needs, WHOLE};

/// The most values that a rule may read at once.
const MAX_VALUES: usize = 1024;
/// The most text that a rule may read at once, in bytes.
const MAX_TEXT: usize = 64 * 1024;

/// Formats that CEL has types of its own for, and that are not converted.
const TYPED_FORMATS: [&str; 4] = ["date-time", "date", "duration", "byte"];

/// What a rule needs of `value`; `None` if that is too much, or of a type that
/// is not converted.
pub(super) fn to_cel(schema: &Value, value: &Value, needs: &Needs) -> Option<cel::Value> {
    Conversion { values: MAX_VALUES, text: MAX_TEXT }.convert(schema, value, needs)
}

/// What may still be converted.
struct Conversion {
    values: usize,
    text: usize,
}

impl Conversion {
    fn convert(&mut self, schema: &Value, value: &Value, needs: &Needs) -> Option<cel::Value> {
        self.values = self.values.checked_sub(1)?;
        if !needs.whole && needs.fields.is_empty() {
            return Some(cel::Value::Null);
        }
        match value {
            Value::Null => Some(cel::Value::Null),
            Value::Bool(value) => Some(cel::Value::Bool(*value)),
            Value::Number(number) if schema.get("type").is_some_and(|kind| kind == "number") => {
                number.as_f64().map(cel::Value::Float)
            }
            Value::Number(number) => number.as_i64().map(cel::Value::Int),
            Value::String(text) => self.text(schema, text).map(cel::Value::String),
            Value::Array(items) => {
                let schema = schema.get("items")?;
                let items: Option<Vec<_>> =
                    items.iter().map(|item| self.convert(schema, item, &WHOLE)).collect();
                Some(cel::Value::List(Arc::new(items?)))
            }
            Value::Object(fields) => self.object(schema, fields, needs),
        }
    }

    fn text(&mut self, schema: &Value, text: &str) -> Option<Arc<String>> {
        let is_typed = schema
            .get("format")
            .and_then(Value::as_str)
            .is_some_and(|format| TYPED_FORMATS.contains(&format));
        self.text = self.text.checked_sub(text.len())?;
        (!is_typed).then(|| Arc::new(text.to_owned()))
    }

    fn object(
        &mut self,
        schema: &Value,
        fields: &serde_json::Map<String, Value>,
        needs: &Needs,
    ) -> Option<cel::Value> {
        let mut map = HashMap::new();
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (field, value) in fields {
                // A field whose name cannot be said in CEL is read by no rule.
                let Some(name) = escaped(field) else { continue };
                if let Some((needs, schema)) = needs.field(&name).zip(properties.get(field)) {
                    map.insert(Key::from(name.into_owned()), self.convert(schema, value, needs)?);
                }
            }
        } else if let Some(schema) = schema.get("additionalProperties").filter(|schema| schema.is_object()) {
            for (name, value) in fields {
                if let Some(needs) = needs.field(name) {
                    self.text = self.text.checked_sub(name.len())?;
                    map.insert(Key::from(name.as_str()), self.convert(schema, value, needs)?);
                }
            }
        } else if !fields.is_empty() {
            // What no schema describes can be compared, and nothing else.
            return None;
        }
        Some(cel::Value::Map(Map { map: Arc::new(map) }))
    }
}

/// Words that CEL keeps for itself.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// A field's name in CEL (`k8s.io/apiserver/pkg/cel/escaping.go`).
fn escaped(name: &str) -> Option<Cow<'_, str>> {
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__").into());
    }
    let is_sayable = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte))
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    is_sayable.then(|| {
        // Nearly every name is one already.
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return name.into();
        }
        // The underscores first, as the others bring some along.
        name.replace("__", "__underscores__")
            .replace('.', "__dot__")
            .replace('-', "__dash__")
            .replace('/', "__slash__")
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_escaped_as_the_api_server_does() {
        for (name, expected) in [
            ("replicas", Some("replicas")),
            ("namespace", Some("__namespace__")),
            ("my-field", Some("my__dash__field")),
            ("a_b", Some("a_b")),
            ("a__b", Some("a__underscores__b")),
            ("app.kubernetes.io/name", Some("app__dot__kubernetes__dot__io__slash__name")),
            ("1st", None),
            ("ü", None),
            ("", None),
        ] {
            assert_eq!(escaped(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn what_is_too_large_or_of_a_foreign_type_is_not_converted() {
        let list = json!({"type": "array", "items": {"type": "integer"}});
        let text = json!({"type": "string"});
        let table = [
            (&list, json!([1, 2, 3]), true),
            (&list, json!(vec![0; MAX_VALUES]), false),
            (&text, json!("short"), true),
            (&text, json!("x".repeat(MAX_TEXT + 1)), false),
            (&json!({"type": "string", "format": "date-time"}), json!("2006-01-02T15:04:05Z"), false),
            (
                &json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
                json!({"a": 1}),
                false,
            ),
        ];
        for (schema, value, converted) in table {
            assert_eq!(to_cel(schema, &value, &WHOLE).is_some(), converted, "{schema}");
        }
    }
}
