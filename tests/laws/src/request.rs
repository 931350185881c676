//! What an API server asks about an object.

use serde_json::{Value, json};

/// The uid of every request.
const UID: &str = "u-1";

/// The first time that anyone hears of `object`.
#[must_use]
pub fn create(object: &Value) -> Value {
    about(object, "CREATE", object, &Value::Null)
}

/// What is stored is to become `object`.
#[must_use]
pub fn update(object: &Value, stored: &Value) -> Value {
    about(object, "UPDATE", object, stored)
}

/// What is stored is to go.
#[must_use]
pub fn delete(stored: &Value) -> Value {
    about(stored, "DELETE", &Value::Null, stored)
}

fn about(subject: &Value, operation: &str, object: &Value, old: &Value) -> Value {
    let api_version = subject.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": UID, "operation": operation, "namespace": "default",
            "name": subject.pointer("/metadata/name"),
            "kind": {"group": group, "version": version, "kind": subject.get("kind")},
            "object": object, "oldObject": old,
        },
    })
}
