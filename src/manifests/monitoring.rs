//! How the program is watched: what the Prometheus operator is told, where
//! there is one; alerts; and a dashboard.
//!
//! Every query names what the program tells, and every alert a heading of
//! `docs/operations.md`: tests hold them to it.

mod alerts;
mod dashboard;
mod panels;
mod rules;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use super::form::Form;
use super::{APP, LABEL_NAME, Manifest, NAMESPACE, manifest};

/// The alerts of the chart, but for the rules themselves: those have brackets of their own, which Helm
/// would take for its own.
pub(super) fn alerts(form: Form) -> Value {
    let labels = form.with_fields("prometheusRule.labels", json!({LABEL_NAME: APP}));
    rules::object(labels, None)
}

/// The rules of [`mod@alerts`].
pub(super) fn rules() -> Value {
    rules::groups()
}

/// What is not installed, and there for those who want it.
pub(super) fn files() -> anyhow::Result<Vec<Manifest>> {
    Ok(vec![
        manifest(
            "monitoring/alerts.yaml",
            &[rules::object(json!({LABEL_NAME: APP}), Some(rules::groups()))],
        )?,
        manifest("monitoring/rules.yaml", &[rules::groups()])?,
        // JSON has no room for who made it.
        Manifest {
            path: "monitoring/dashboard.json".into(),
            content: format!("{:#}\n", dashboard::dashboard()),
        },
    ])
}

/// By its pods' Services it finds both roles.
pub(super) fn objects(form: Form) -> Vec<Value> {
    let endpoint =
        json!({"port": "metrics", "path": "/metrics", "interval": form.value("serviceMonitor.interval")});
    vec![json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
        "metadata": {
            "name": "fleetgate",
            "namespace": NAMESPACE,
            "labels": form.with_fields("serviceMonitor.labels", json!({LABEL_NAME: APP})),
        },
        "spec": {"selector": {"matchLabels": {LABEL_NAME: APP}}, "endpoints": [endpoint]},
    })]
}
