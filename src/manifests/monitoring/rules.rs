//! The alerts, as a rules file of Prometheus and as an object of its operator.

use serde_json::{Value, json};

use super::super::{NAMESPACE, form};
use super::alerts::{Alert, GROUPS};

/// Where it stands what to do, for each of them.
const RUNBOOK: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/operations.md");

/// As a rules file has them.
pub(super) fn groups() -> Value {
    let groups = GROUPS.iter().map(|group| {
        let rules: Vec<Value> = group.alerts.iter().map(rule).collect();
        json!({"name": group.name, "rules": rules})
    });
    json!({"groups": groups.collect::<Vec<_>>()})
}

/// As the Prometheus operator finds them, by its labels.
pub(super) fn object(labels: Value, rules: Option<Value>) -> Value {
    form::without_gaps(json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"name": "fleetgate", "namespace": NAMESPACE, "labels": labels},
        "spec": rules,
    }))
}

fn rule(alert: &Alert) -> Value {
    json!({
        "alert": alert.name,
        "expr": alert.query,
        "for": alert.lasts,
        "labels": {"severity": alert.severity.as_str()},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": format!("{RUNBOOK}#{}", alert.runbook),
        },
    })
}
