//! The namespace that Fleetgate is installed into, and what may run in it.

use serde_json::{Value, json};

use super::NAMESPACE;
use super::form::Form;
use super::settings::WEBHOOK_PRIORITY;

pub(super) fn objects() -> [Value; 1] {
    [json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    })]
}

/// Some platforms admit pods of such a priority only where a quota speaks of them.
pub(super) fn quota(form: Form) -> Vec<Value> {
    vec![json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "fleetgate-critical-pods", "namespace": NAMESPACE},
        "spec": {
            "hard": {"pods": "100"},
            "scopeSelector": {"matchExpressions": [{
                "scopeName": "PriorityClass",
                "operator": "In",
                "values": [form.value(WEBHOOK_PRIORITY)],
            }]},
        },
    })]
}
