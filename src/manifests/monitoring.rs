//! What the Prometheus operator is told, where there is one.

use serde_json::{Value, json};

use super::form::Form;
use super::{APP, LABEL_NAME, NAMESPACE};

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
