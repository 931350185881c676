//! The Deployments: each role as pods that the strictest Pod Security admits.

use fleetgate_plan::prune::Guard;
use serde_json::{Value, json};

use super::{CONTROLLER, METRICS_PORT, NAMESPACE, WEBHOOK, WEBHOOK_PORT, labels};

/// Where the image of this version is.
const IMAGE: &str = concat!("ghcr.io/fleetgate/fleetgate:", env!("CARGO_PKG_VERSION"));
/// Of each role: one may go while another answers, or waits for the Lease.
const REPLICAS: u8 = 2;
/// More than the program takes to drain once it is asked to stop.
const GRACE_SECONDS: u8 = 30;
/// Without the webhook nobody can deliver: its pods are placed before others' are.
const PRIORITY_CLASS: &str = "system-cluster-critical";

/// What is a role's own.
struct Role {
    name: &'static str,
    command: &'static str,
    /// Ports besides the one of the metrics.
    ports: Vec<Value>,
    args: Vec<String>,
    env: Vec<Value>,
    /// Asked for, and the limit.
    memory: [&'static str; 2],
    cpu: &'static str,
}

pub(super) fn objects() -> Vec<Value> {
    let webhook = Role {
        name: WEBHOOK,
        command: "webhook",
        ports: vec![port("webhook", WEBHOOK_PORT)],
        args: vec![format!("--bind=0.0.0.0:{WEBHOOK_PORT}")],
        env: vec![of_pod("FLEETGATE_NAMESPACE", "metadata.namespace")],
        // 60 MiB with an index of ten thousand Applications, and under 100 MiB whatever is sent to it.
        memory: ["64Mi", "256Mi"],
        cpu: "50m",
    };
    let controller = Role {
        name: CONTROLLER,
        command: "controller",
        ports: vec![],
        args: vec![],
        env: vec![of_pod("FLEETGATE_LEASE_NAMESPACE", "metadata.namespace")],
        // 68 MiB with eight thousand Flux objects, and 2.1 MiB more for each thousand.
        memory: ["96Mi", "512Mi"],
        cpu: "100m",
    };
    vec![deployment(&webhook), deployment(&controller)]
}

fn deployment(role: &Role) -> Value {
    let labels = labels(role.command);
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": role.name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": REPLICAS,
            // The next one answers before the last one goes.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod(role)},
        },
    })
}

fn pod(role: &Role) -> Value {
    json!({
        "serviceAccountName": role.name,
        // The account itself gives its token to no pod that does not ask.
        "automountServiceAccountToken": true,
        "enableServiceLinks": false,
        "priorityClassName": PRIORITY_CLASS,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        // The image says who: where a platform gives each namespace its own user ids, that one counts.
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "topologySpreadConstraints": [
            spread(role, "topology.kubernetes.io/zone"),
            spread(role, "kubernetes.io/hostname"),
        ],
        "containers": [container(role)],
    })
}

/// Where there is but one zone or node, they run there all the same.
fn spread(role: &Role, topology: &str) -> Value {
    json!({
        "topologyKey": topology,
        "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels(role.command)},
        // Those of the version before go anyway, and do not count.
        "matchLabelKeys": ["pod-template-hash"],
    })
}

fn container(role: &Role) -> Value {
    let [asked, limit] = role.memory;
    let mut args = vec![role.command.to_owned()];
    args.extend(role.args.iter().cloned());
    args.push(format!("--metrics-bind=0.0.0.0:{METRICS_PORT}"));
    json!({
        "name": "fleetgate",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": args,
        "env": of_installation().chain(role.env.iter().cloned()).collect::<Vec<_>>(),
        "ports": role.ports.iter().cloned().chain([port("metrics", METRICS_PORT)]).collect::<Vec<_>>(),
        // No limit of CPU: who is throttled in the middle of a review answers late, and late is a refusal.
        "resources": {"requests": {"cpu": role.cpu, "memory": asked}, "limits": {"memory": limit}},
        "readinessProbe": probe("/readyz", 5, 2),
        "livenessProbe": probe("/livez", 10, 6),
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
        },
    })
}

/// What both roles have to agree on, and how they log: as variables, which an overlay finds by their names.
fn of_installation() -> impl Iterator<Item = Value> {
    let guard = Guard::default();
    [
        ("FLEETGATE_LOG", "info".to_owned()),
        ("FLEETGATE_PRUNE_GUARD_CLUSTERS", guard.clusters.to_string()),
        ("FLEETGATE_PRUNE_GUARD_PERCENT", guard.percent.to_string()),
        ("FLEETGATE_NO_CROSS_NAMESPACE_REFS", false.to_string()),
        ("FLEETGATE_NO_HOST_DESTINATION", false.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| json!({"name": name, "value": value}))
}

fn port(name: &str, number: u16) -> Value {
    json!({"name": name, "containerPort": number, "protocol": "TCP"})
}

/// A variable with what is known of the pod itself.
fn of_pod(name: &str, field: &str) -> Value {
    json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": field}}})
}

fn probe(path: &str, seconds: u8, failures: u8) -> Value {
    json!({
        "httpGet": {"path": path, "port": "metrics"},
        "periodSeconds": seconds,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    })
}
