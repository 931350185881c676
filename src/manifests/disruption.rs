//! What keeps drains of nodes from taking all replicas at once.

use serde_json::{Value, json};

use super::{CONTROLLER, NAMESPACE, WEBHOOK, labels};

pub(super) fn objects() -> Vec<Value> {
    vec![budget(WEBHOOK, "webhook"), budget(CONTROLLER, "controller")]
}

/// One at a time, which lets a single replica go, too: it would hold up the drain for ever otherwise.
fn budget(name: &str, component: &str) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels(component)},
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": labels(component)},
            // One that does not work is missed by nobody.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    })
}
