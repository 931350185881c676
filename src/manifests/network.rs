//! The network policies: who may talk to whom.

use serde_json::{Value, json};

use super::form::Form;
use super::settings::{NUMBERS, REVIEWS};
use super::{CONTROLLER, METRICS_PORT, NAMESPACE, WEBHOOK, labels};

const DNS_PORT: u16 = 53;

pub(super) fn objects(form: Form) -> Vec<Value> {
    // The API server: no policy can name it, since it is no pod, nor its port, since what counts is the one that it
    // listens on itself, which is another one on every platform.
    let webhook = json!([{"ports": [{"protocol": "TCP"}]}, {"ports": [port("UDP", json!(DNS_PORT))]}]);
    // The member clusters are anywhere.
    let controller = json!([{}]);
    // From anywhere unless somebody knows better: the API server is no pod, nor is the kubelet.
    let open = |from: &str, number| json!({"from": form.optional(from), "ports": [port("TCP", number)]});
    let reviews = open("networkPolicy.webhookFrom", form.value(REVIEWS));
    let metrics = |number| open("networkPolicy.metricsFrom", number);
    vec![
        policy(WEBHOOK, "webhook", json!([reviews, metrics(form.value(NUMBERS))]), webhook),
        policy(CONTROLLER, "controller", json!([metrics(json!(METRICS_PORT))]), controller),
    ]
}

fn port(protocol: &str, number: Value) -> Value {
    json!({"protocol": protocol, "port": number})
}

fn policy(name: &str, component: &str, ingress: Value, egress: Value) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels(component)},
        "spec": {
            "podSelector": {"matchLabels": labels(component)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    })
}
