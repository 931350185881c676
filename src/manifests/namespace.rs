//! The namespace that Fleetgate is installed into, and what may run in it.

use serde_json::{Value, json};

use super::NAMESPACE;

pub(super) fn objects() -> Vec<Value> {
    vec![namespace(), critical_pods()]
}

fn namespace() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    })
}

/// Some platforms admit pods of such a priority only where a quota speaks of them.
fn critical_pods() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "fleetgate-critical-pods", "namespace": NAMESPACE},
        "spec": {
            "hard": {"pods": "100"},
            "scopeSelector": {"matchExpressions": [{
                "scopeName": "PriorityClass",
                "operator": "In",
                "values": ["system-cluster-critical"],
            }]},
        },
    })
}
