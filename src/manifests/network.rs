//! The network policies: who may talk to whom.

use serde_json::{Value, json};

use super::{CONTROLLER, METRICS_PORT, NAMESPACE, WEBHOOK, WEBHOOK_PORT, labels};

/// Where API servers listen. No policy can name them otherwise, since they are no pods, and what
/// counts is the port that they listen on themselves, not the one of their Service.
const API_SERVER_PORTS: [u16; 4] = [443, 6443, 8443, 16443];
const DNS_PORT: u16 = 53;

pub(super) fn objects() -> Vec<Value> {
    let api_server: Vec<Value> = API_SERVER_PORTS.map(|number| port("TCP", number)).into();
    let dns = ["UDP", "TCP"].map(|protocol| port(protocol, DNS_PORT));
    let to_api_server = json!([{"ports": api_server}, {"ports": dns}]);
    // The member clusters are anywhere.
    let to_all = json!([{}]);
    vec![
        policy(WEBHOOK, "webhook", &[WEBHOOK_PORT, METRICS_PORT], to_api_server),
        policy(CONTROLLER, "controller", &[METRICS_PORT], to_all),
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
