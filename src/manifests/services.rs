//! The Services: where the API server calls the webhook, and where numbers are fetched.

use serde_json::{Value, json};

use super::{CONTROLLER, METRICS_PORT, NAMESPACE, WEBHOOK, labels};

pub(super) fn objects() -> Vec<Value> {
    let metrics = port("metrics", METRICS_PORT, "metrics");
    let reviews = port("https", 443, "webhook");
    let webhook = json!({"ports": [reviews, metrics], "selector": labels("webhook")});
    // Numbers are fetched from each pod: no address stands for all of them.
    let controller = json!({"clusterIP": "None", "ports": [metrics], "selector": labels("controller")});
    vec![service(WEBHOOK, "webhook", webhook), service(CONTROLLER, "controller", controller)]
}

/// A port that leads to the pods' port of that name.
fn port(name: &str, number: u16, target: &str) -> Value {
    json!({"name": name, "port": number, "protocol": "TCP", "targetPort": target})
}

fn service(name: &str, component: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels(component)},
        "spec": spec,
    })
}
