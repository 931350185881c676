//! `kubectl explain`: every field is explained where its user asks for it.

use serde_json::Value;

use crate::support::{admission, kubectl};

/// The schema of Applications' rollouts, as the API server has it.
async fn rollout_schema() -> Value {
    let answer =
        kubectl(admission(), &["get", "crd", "applications.apps.kurator.dev", "--output", "json"]).await;
    let crd: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/syncPolicies/items/properties/rollout";
    crd.pointer(path).expect("the rollout's schema").clone()
}

/// The paths below `path` of everything that has fields of its own.
fn parents(schema: &Value, path: &str, found: &mut Vec<String>) {
    let schema = schema.get("items").unwrap_or(schema);
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    found.push(path.to_owned());
    for (name, child) in properties {
        parents(child, &format!("{path}.{name}"), found);
    }
}

#[tokio::test]
async fn every_field_of_a_rollout_is_explained() {
    let mut paths = Vec::new();
    parents(&rollout_schema().await, "application.spec.syncPolicies.rollout", &mut paths);
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        let arguments = ["explain", path.as_str(), "--api-version", "apps.kurator.dev/v1alpha1"];
        let text = kubectl(admission(), &arguments).await.stdout;
        assert!(text.contains("FIELDS:") && text.contains("DESCRIPTION:"), "{path}: {text}");
        assert!(!text.contains("<no description>"), "{path}: {text}");
    }
}
