//! The network policies: who may talk to whom.

use serde_json::{Value, json};

use super::{CONTROLLER, METRICS_PORT, NAMESPACE, WEBHOOK, WEBHOOK_PORT, labels};

const DNS_PORT: u16 = 53;

pub(super) fn objects() -> Vec<Value> {
    // The API server: no policy can name it, since it is no pod, nor its port, since what counts is the one that it
    // listens on itself, which is another one on every platform.
    let webhook = json!([{"ports": [{"protocol": "TCP"}]}, {"ports": [port("UDP", DNS_PORT)]}]);
    // The member clusters are anywhere.
    let controller = json!([{}]);
    vec![
        policy(WEBHOOK, "webhook", &[WEBHOOK_PORT, METRICS_PORT], webhook),
        policy(CONTROLLER, "controller", &[METRICS_PORT], controller),
    ]
}

fn port(protocol: &str, number: u16) -> Value {
    json!({"protocol": protocol, "port": number})
}

/// From anywhere to these ports alone: the API server is no pod, nor is the kubelet.
fn policy(name: &str, component: &str, open: &[u16], egress: Value) -> Value {
    let open: Vec<Value> = open.iter().map(|number| port("TCP", *number)).collect();
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels(component)},
        "spec": {
            "podSelector": {"matchLabels": labels(component)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": open}],
            "egress": egress,
        },
    })
}
