//! `object/unknown-field`: fields that a kind does not have. Only `check` can
//! find them all; the API server drops or refuses them before a webhook sees
//! the object, except below an early name, which has no schema.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::names;
use crate::rules::object::UNKNOWN_FIELD;
use crate::schema::Kind;

/// The fields of every object, whatever its kind.
const ROOT_FIELDS: [&str; 2] = ["apiVersion", "kind"];

/// All fields of `object` that its kind does not have.
#[must_use]
pub fn unknown_fields(kind: Kind, object: &Value) -> Vec<Finding> {
    let root = kind.schema().root();
    let mut search = Search { root, places: OnceCell::new(), findings: Vec::new() };
    search.visit(root, object, &FieldPath::root());
    search.findings
}

struct Search<'a> {
    root: &'a Value,
    /// Where fields of a name stand in the schema; most objects never ask.
    places: OnceCell<BTreeMap<&'a str, Vec<String>>>,
    findings: Vec<Finding>,
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
                None => self.findings.push(self.unknown(name, properties, path)),
            }
        }
    }

    fn unknown(&self, name: &str, siblings: &Map<String, Value>, path: &FieldPath) -> Finding {
        let finding =
            Finding::error(&UNKNOWN_FIELD, path.key(name), Fault::Forbidden, "is not a field of this object");
        let near = names::nearest(name, siblings.keys().map(String::as_str));
        match near.map(|near| format!("did you mean {near}?")).or_else(|| self.belongs(name)) {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    }

    /// Where a field of exactly that name belongs, if there is one such place.
    fn belongs(&self, name: &str) -> Option<String> {
        let places = self.places.get_or_init(|| {
            let mut places = BTreeMap::new();
            collect_places(self.root, "", &mut places);
            places
        });
        match places.get(name)?.as_slice() {
            [place] => Some(format!("it belongs at {place}")),
            _ => None,
        }
    }
}

fn collect_places<'a>(schema: &'a Value, path: &str, places: &mut BTreeMap<&'a str, Vec<String>>) {
    for (field, child) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let child_path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
        // The status is not written by users.
        if child_path == "status" {
            continue;
        }
        places.entry(field).or_default().push(child_path.clone());
        collect_places(child, &child_path, places);
    }
    if let Some(items) = schema.get("items") {
        collect_places(items, &format!("{path}[]"), places);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_fields_get_the_nearest_name_or_their_place() {
        let object = json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "metadata": {"name": "shop", "labls": {}},
            "syncPolicies": [],
            "spec": {
                "source": {"gitRepository": {"ulr": "https://e.com", "zebra": 1}},
                "syncPolicies": [{"helm": {"values": {"any": {"thing": 1}}}, "kustomization": {"branch": "main"}}],
            },
        });
        let texts: Vec<String> =
            unknown_fields(Kind::Application, &object).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "metadata.labls: Forbidden: is not a field of this object; did you mean labels? [object/unknown-field]",
                "spec.source.gitRepository.ulr: Forbidden: is not a field of this object; did you mean url? [object/unknown-field]",
                "spec.source.gitRepository.zebra: Forbidden: is not a field of this object [object/unknown-field]",
                "spec.syncPolicies[0].kustomization.branch: Forbidden: is not a field of this object; it belongs at spec.source.gitRepository.ref.branch [object/unknown-field]",
                "syncPolicies: Forbidden: is not a field of this object; it belongs at spec.syncPolicies [object/unknown-field]",
            ]
        );
    }

    #[test]
    fn a_plugin_has_its_place() {
        let object = json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": "f"},
            "grafana": {}, "spec": {"flagger": {}, "plugin": {"backup": {"any": 1}, "metrics": {}}},
        });
        let texts: Vec<String> =
            unknown_fields(Kind::Fleet, &object).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "grafana: Forbidden: is not a field of this object; it belongs at spec.plugin.grafana [object/unknown-field]",
                "spec.flagger: Forbidden: is not a field of this object; it belongs at spec.plugin.flagger [object/unknown-field]",
                "spec.plugin.metrics: Forbidden: is not a field of this object; did you mean metric? [object/unknown-field]",
            ]
        );
    }
}
