//! `object/unknown-field`: fields that a kind does not have. Only `check` can
//! find them all; the API server drops or refuses them before a webhook sees
//! the object, except below an early name, which has no schema.

mod places;

use std::cell::OnceCell;

use serde_json::{Map, Value};

use self::places::{Places, is_early_name};
use crate::field_path::{FieldPath, Segment};
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::object::UNKNOWN_FIELD;
use crate::schema::Kind;

/// The fields of every object, whatever its kind.
const ROOT_FIELDS: [&str; 2] = ["apiVersion", "kind"];

/// All fields of `object` that its kind does not have.
#[must_use]
pub fn unknown_fields(kind: Kind, object: &Value) -> Findings {
    let root = kind.schema().root();
    let mut search = Search { root, object, places: OnceCell::new(), findings: Findings::default() };
    search.visit(root, object, &FieldPath::root());
    search.findings
}

struct Search<'a> {
    root: &'a Value,
    object: &'a Value,
    /// Where fields of a name stand in the schema; most objects never ask.
    places: OnceCell<Places<'a>>,
    findings: Findings,
}

impl Search<'_> {
    fn visit(&mut self, schema: &Value, value: &Value, path: &FieldPath) {
        if schema.get("x-kubernetes-preserve-unknown-fields").and_then(Value::as_bool) == Some(true) {
            return;
        }
        match value {
            Value::Object(fields) => {
                if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                    self.visit_fields(properties, fields, path);
                } else if let Some(values) = schema.get("additionalProperties") {
                    fields.iter().for_each(|(key, value)| self.visit(values, value, &path.key(key)));
                }
            }
            Value::Array(items) => {
                if let Some(schema) = schema.get("items") {
                    items
                        .iter()
                        .enumerate()
                        .for_each(|(index, item)| self.visit(schema, item, &path.index(index)));
                }
            }
            _ => {}
        }
    }

    fn visit_fields(
        &mut self,
        properties: &Map<String, Value>,
        fields: &Map<String, Value>,
        path: &FieldPath,
    ) {
        let is_root = path.segments().is_empty();
        for (name, value) in fields {
            match properties.get(name) {
                Some(schema) => self.visit(schema, value, &path.key(name)),
                None if is_root && ROOT_FIELDS.contains(&name.as_str()) => {}
                None => {
                    let hint = self.hint(name, value, properties, path);
                    self.findings.push(unknown(path.key(name), hint));
                }
            }
        }
    }

    /// The way out: what is certain about this field, then a name like it
    /// beside it, then another place.
    fn hint(
        &self,
        name: &str,
        value: &Value,
        siblings: &Map<String, Value>,
        path: &FieldPath,
    ) -> Option<String> {
        // Who writes an early name knows it: nobody is led there.
        let known = || siblings.keys().map(String::as_str).filter(|name| !is_early_name(name));
        filled(name, path)
            .or_else(|| label(value, siblings, path))
            .or_else(|| {
                let near = names::nearest(name, known()).or_else(|| begun_alike(name, known()));
                near.map(|near| format!("did you mean {near}?"))
            })
            .or_else(|| {
                let places = self.places.get_or_init(|| Places::of(self.root));
                let place = places.belongs(name, path, self.object);
                place.map(|place| format!("it belongs at {place}"))
            })
    }
}

fn unknown(path: FieldPath, hint: Option<String>) -> Finding {
    let finding = Finding::error(&UNKNOWN_FIELD, path, Fault::Forbidden, "is not a field of this object");
    match hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

/// What Flux's objects have and Fleetgate fills: whoever has written those
/// looks for it in a policy.
fn filled(name: &str, parent: &FieldPath) -> Option<String> {
    let with = match (name, last_fields(parent)) {
        ("sourceRef", (_, "kustomization") | ("chart", "spec")) | ("chartRef", (_, "helm")) => "spec.source",
        ("kubeConfig", (_, "kustomization" | "helm")) => "each cluster of the destination",
        _ => return None,
    };
    Some(format!("leave it out: Fleetgate fills it, from {with}"))
}

/// The names of the last two fields that a path leads through, if it has them.
fn last_fields(path: &FieldPath) -> (&str, &str) {
    let mut fields = path.segments().iter().rev().filter_map(|segment| match segment {
        Segment::Field(name) => Some(&**name),
        Segment::Index(_) => None,
    });
    let last = fields.next().unwrap_or_default();
    (fields.next().unwrap_or_default(), last)
}

/// A label that stands in a selector by itself.
fn label(value: &Value, siblings: &Map<String, Value>, path: &FieldPath) -> Option<String> {
    let is_label = siblings.contains_key("matchLabels") && value.is_string();
    is_label.then(|| format!("labels belong at {}", path.field("matchLabels")))
}

/// The one known name that begins as `wrong` does, where the two go on in
/// different ways: `kustomize` and `kustomization`.
fn begun_alike<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Many names have fewer letters than these in common.
    const LEAST: usize = 6;
    let is_alike = |name: &&str| {
        let common = wrong.bytes().zip(name.bytes()).take_while(|(one, other)| one == other).count();
        common >= LEAST && common * 4 >= wrong.len().min(name.len()) * 3
    };
    let mut alike = known.filter(is_alike);
    alike.next().filter(|_| alike.next().is_none())
}

#[cfg(test)]
mod tests;
