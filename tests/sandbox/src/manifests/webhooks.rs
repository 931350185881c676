//! Points webhook configurations at a server on loopback: the sandbox has no service network. Pure.

use kube::api::DynamicObject;
use serde_json::{Value, json};

/// Whether the object configures admission webhooks.
pub(crate) fn is_configuration(object: &DynamicObject) -> bool {
    kind(object)
        .is_some_and(|kind| matches!(kind, "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration"))
}

/// Whether the object configures webhooks that change what they are shown.
pub(crate) fn is_mutating(object: &DynamicObject) -> bool {
    kind(object) == Some("MutatingWebhookConfiguration")
}

/// Replaces each `clientConfig.service` by a URL with the service's path, and the CA by the given one.
pub(crate) fn redirect(object: &mut DynamicObject, port: u16, ca_bundle: &str) {
    let webhooks = object.data.get_mut("webhooks").and_then(Value::as_array_mut);
    for config in webhooks.into_iter().flatten().filter_map(|webhook| webhook.get_mut("clientConfig")) {
        if let Some(path) = config.get("service").map(|service| service_path(service).to_owned()) {
            *config = json!({"url": format!("https://127.0.0.1:{port}{path}"), "caBundle": ca_bundle});
        }
    }
}

fn service_path(service: &Value) -> &str {
    service.get("path").and_then(Value::as_str).unwrap_or("/")
}

fn kind(object: &DynamicObject) -> Option<&str> {
    object.types.as_ref().map(|types| types.kind.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_all_but_the_address() {
        let mut object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "fleetgate"},
            "webhooks": [
                {"name": "a", "timeoutSeconds": 5, "clientConfig": {
                    "service": {"namespace": "fleetgate-system", "name": "webhook", "path": "/validate"}}},
                {"name": "b", "clientConfig": {"service": {"namespace": "x", "name": "y"}, "caBundle": "b2xk"}},
            ],
        }))
        .unwrap();
        redirect(&mut object, 20443, "Y2E=");
        assert!(is_configuration(&object) && !is_mutating(&object));
        assert_eq!(
            object.data,
            json!({"webhooks": [
                {"name": "a", "timeoutSeconds": 5,
                 "clientConfig": {"url": "https://127.0.0.1:20443/validate", "caBundle": "Y2E="}},
                {"name": "b", "clientConfig": {"url": "https://127.0.0.1:20443/", "caBundle": "Y2E="}},
            ]})
        );
    }
}
