//! The fields that Kurator's client wrote, made ours. Pure.
//!
//! A server-side apply takes away only what the same manager applied before.
//! What another client wrote would stay in an object for ever, whatever becomes
//! of the Application: so its entries and ours are united before the first apply.

use std::sync::LazyLock;

use fleetgate_api::FIELD_MANAGER;
use fleetgate_api::names::LABEL_APPLICATION;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Value, json};

const APPLY: &str = "Apply";
const UPDATE: &str = "Update";

/// Where an entry says that it owns the label that names the Application.
static OWNS_LABEL: LazyLock<String> = LazyLock::new(|| {
    // As a JSON pointer escapes it.
    format!("/f:metadata/f:labels/f:{}", LABEL_APPLICATION.replace('/', "~1"))
});

/// Whether fields of an object are Kurator's.
pub(super) fn is_kurators(fields: &[ManagedFieldsEntry]) -> bool {
    fields.iter().any(is_of_kurator)
}

/// Who manages an object's fields once Kurator's are ours; nothing, if none are.
///
/// The united entry is of the version that we apply: Kurator's may be one that is
/// served no longer, and would take nothing away. The names of fields are the same.
pub(super) fn adopted(fields: &[ManagedFieldsEntry], api_version: &str) -> Option<Vec<ManagedFieldsEntry>> {
    let (to_unite, others): (Vec<_>, Vec<_>) =
        fields.iter().cloned().partition(|entry| is_of_kurator(entry) || is_ours(entry));
    if !is_kurators(&to_unite) {
        return None;
    }
    let time = to_unite.iter().filter_map(|entry| entry.time.clone()).max();
    let owned = to_unite.into_iter().filter_map(|entry| entry.fields_v1).map(|fields| fields.0);
    let ours = ManagedFieldsEntry {
        api_version: Some(api_version.to_owned()),
        fields_type: Some("FieldsV1".to_owned()),
        fields_v1: owned.reduce(united).map(FieldsV1),
        manager: Some(FIELD_MANAGER.to_owned()),
        operation: Some(APPLY.to_owned()),
        subresource: None,
        time,
    };
    Some(others.into_iter().chain([ours]).collect())
}

/// Whoever wrote the label that names the Application is Kurator's client,
/// whatever it called itself: Flux never does, and we apply.
fn is_of_kurator(entry: &ManagedFieldsEntry) -> bool {
    entry.operation.as_deref() == Some(UPDATE)
        && is_of_the_object(entry)
        && entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer(&OWNS_LABEL).is_some())
}

fn is_ours(entry: &ManagedFieldsEntry) -> bool {
    entry.operation.as_deref() == Some(APPLY)
        && is_of_the_object(entry)
        && entry.manager.as_deref() == Some(FIELD_MANAGER)
}

/// Not of its status, or another subresource.
fn is_of_the_object(entry: &ManagedFieldsEntry) -> bool {
    entry.subresource.as_deref().unwrap_or_default().is_empty()
}

/// The fields that are in one of two sets. A field that has none below it is in
/// a set itself; one that has some is if a dot is among them.
fn united(one: Value, other: Value) -> Value {
    let (mut one, other) = match (one, other) {
        (Value::Object(one), Value::Object(other)) => (one, other),
        (one, _) => return one,
    };
    if one.is_empty() != other.is_empty() {
        one.insert(".".to_owned(), json!({}));
    }
    for (field, below) in other {
        let below = match one.remove(&field) {
            Some(known) => united(known, below),
            None => below,
        };
        one.insert(field, below);
    }
    Value::Object(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "kustomize.toolkit.fluxcd.io/v1";

    /// As an API server told it of a Kustomization that Kurator's client wrote
    /// and Flux has reconciled.
    fn recorded() -> Value {
        let owner = r#"k:{"uid":"1b409bdd-09d5-493d-b936-c05fac114f4e"}"#;
        json!([
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1beta2", "fieldsType": "FieldsV1",
                "fieldsV1": {
                    "f:metadata": {
                        "f:labels": {".": {}, "f:apps.kurator.dev/app-name": {}},
                        "f:ownerReferences": {".": {}, owner: {}},
                    },
                    "f:spec": {
                        ".": {}, "f:interval": {}, "f:path": {}, "f:prune": {}, "f:targetNamespace": {}, "f:timeout": {},
                        "f:kubeConfig": {".": {}, "f:secretRef": {".": {}, "f:key": {}, "f:name": {}}},
                        "f:sourceRef": {".": {}, "f:kind": {}, "f:name": {}},
                    },
                },
                "manager": "fleet-manager", "operation": "Update", "time": "2026-11-21T16:03:36Z",
            },
            {
                "apiVersion": VERSION, "fieldsType": "FieldsV1",
                "fieldsV1": {"f:metadata": {"f:finalizers": {".": {}, "v:\"finalizers.fluxcd.io\"": {}}}},
                "manager": "gotk-kustomize-controller", "operation": "Update", "time": "2026-11-21T16:03:36Z",
            },
            {
                "apiVersion": VERSION, "fieldsType": "FieldsV1",
                "fieldsV1": {"f:status": {"f:conditions": {}, "f:lastAttemptedRevision": {}}},
                "manager": "gotk-kustomize-controller", "operation": "Update", "subresource": "status",
                "time": "2026-11-21T16:03:37Z",
            },
        ])
    }

    /// An entry of ours, from before.
    fn applied() -> Value {
        json!({
            "apiVersion": VERSION, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:annotations": {"f:fleetgate.dev/applied": {}}}, "f:spec": {"f:path": {}}},
            "manager": "fleetgate", "operation": "Apply", "time": "2026-11-21T16:03:39Z",
        })
    }

    fn entries(fields: &Value) -> Vec<ManagedFieldsEntry> {
        serde_json::from_value(fields.clone()).expect("managed fields")
    }

    fn adopt(fields: &Value) -> Option<Value> {
        let adopted = adopted(&entries(fields), VERSION)?;
        Some(serde_json::to_value(adopted).expect("JSON"))
    }

    #[test]
    fn kurators_fields_become_ours_and_fluxs_stay() {
        let before = recorded();
        let mut ours = before[0].clone();
        ours["apiVersion"] = json!(VERSION);
        ours["manager"] = json!("fleetgate");
        ours["operation"] = json!("Apply");
        assert_eq!(adopt(&before), Some(json!([before[1], before[2], ours])));
    }

    #[test]
    fn what_was_ours_before_stays_ours() {
        let mut before = recorded();
        before.as_array_mut().expect("entries").push(applied());
        let after = adopt(&before).expect("they are adopted");
        assert_eq!(after.as_array().map(Vec::len), Some(3));
        let fields = &after[2]["fieldsV1"];
        let metadata = fields["f:metadata"].as_object().expect("metadata");
        assert_eq!(metadata.keys().collect::<Vec<_>>(), ["f:annotations", "f:labels", "f:ownerReferences"]);
        assert_eq!(fields["f:spec"], before[0]["fieldsV1"]["f:spec"]);
        assert_eq!(after[2]["time"], "2026-11-21T16:03:39Z");
    }

    #[test]
    fn nothing_to_do_is_none() {
        let mut of_status = recorded();
        of_status[0]["subresource"] = json!("status");
        let mut of_an_apply = recorded();
        of_an_apply[0]["operation"] = json!("Apply");
        let flux = recorded();
        let table = [
            ("nobody wrote anything", json!([])),
            ("only Flux did", json!([flux[1], flux[2]])),
            ("only we did", json!([applied()])),
            ("a status", of_status),
            ("someone applies", of_an_apply),
            ("it is done", adopt(&recorded()).expect("they are adopted")),
        ];
        for (what, fields) in table {
            assert_eq!(adopt(&fields), None, "{what}");
            assert!(!is_kurators(&entries(&fields)), "{what}");
        }
    }

    #[test]
    fn a_set_of_fields_and_another_are_what_is_in_either() {
        let table = [
            (json!({"f:a": {}}), json!({"f:b": {}}), json!({"f:a": {}, "f:b": {}})),
            (
                json!({"f:a": {"f:b": {}}}),
                json!({"f:a": {"f:c": {}}}),
                json!({"f:a": {"f:b": {}, "f:c": {}}}),
            ),
            (json!({"f:a": {}}), json!({"f:a": {"f:b": {}}}), json!({"f:a": {".": {}, "f:b": {}}})),
            (json!({"f:a": {".": {}, "f:b": {}}}), json!({"f:a": {}}), json!({"f:a": {".": {}, "f:b": {}}})),
        ];
        for (one, other, expected) in table {
            assert_eq!(united(one.clone(), other.clone()), expected, "{one} {other}");
            assert_eq!(united(other.clone(), one.clone()), expected, "{other} {one}");
        }
    }
}
