//! Points webhook configurations at a server on loopback: the sandbox has no service network, but a
//! Service may name a host. So the API server asks as it does in an installation, by HTTP/1.1, which
//! it does not of a URL on loopback. And lets one user of the sandbox's own pass. Pure.

use kube::api::{DynamicObject, ObjectMeta, TypeMeta};
use serde_json::{Value, json};

/// Whether the object configures admission webhooks.
pub(crate) fn is_configuration(object: &DynamicObject) -> bool {
    kind(object)
        .is_some_and(|kind| matches!(kind, "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration"))
}

/// Sets each service's port.
pub(crate) fn redirect(object: &mut DynamicObject, port: u16) {
    let webhooks = object.data.get_mut("webhooks").and_then(Value::as_array_mut);
    for config in webhooks.into_iter().flatten().filter_map(|webhook| webhook.get_mut("clientConfig")) {
        if let Some(service) = config.get_mut("service") {
            service["port"] = json!(port);
        }
    }
}

/// Has the API server ask nothing of what that user does.
pub(crate) fn exempt(object: &mut DynamicObject, user: &str) {
    let webhooks = object.data.get_mut("webhooks").and_then(Value::as_array_mut);
    for webhook in webhooks.into_iter().flatten() {
        let condition = json!({"name": "not-the-sandbox", "expression": format!("request.userInfo.username != '{user}'")});
        match webhook.get_mut("matchConditions").and_then(Value::as_array_mut) {
            Some(conditions) => conditions.push(condition),
            None => webhook["matchConditions"] = json!([condition]),
        }
    }
}

/// The Service `name` that stands for this machine.
pub(crate) fn service(namespace: &str, name: &str) -> DynamicObject {
    DynamicObject {
        types: Some(TypeMeta { api_version: "v1".to_owned(), kind: "Service".to_owned() }),
        metadata: ObjectMeta {
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        data: json!({"spec": {"type": "ExternalName", "externalName": "localhost"}}),
    }
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
                    "service": {"namespace": "fleetgate-system", "name": "webhook", "path": "/validate", "port": 443}}},
                {"name": "b", "clientConfig": {"service": {"namespace": "x", "name": "y"}, "caBundle": "b2xk"}},
            ],
        }))
        .unwrap();
        redirect(&mut object, 20443);
        assert!(is_configuration(&object));
        assert_eq!(
            object.data,
            json!({"webhooks": [
                {"name": "a", "timeoutSeconds": 5, "clientConfig": {
                    "service": {"namespace": "fleetgate-system", "name": "webhook", "path": "/validate", "port": 20443}}},
                {"name": "b", "clientConfig": {
                    "service": {"namespace": "x", "name": "y", "port": 20443}, "caBundle": "b2xk"}},
            ]})
        );
    }

    #[test]
    fn one_more_may_pass() {
        let mut object: DynamicObject = serde_json::from_value(json!({
            "metadata": {"name": "fleetgate"},
            "webhooks": [{"name": "a", "matchConditions": [{"name": "x", "expression": "true"}]}, {"name": "b"}],
        }))
        .unwrap();
        exempt(&mut object, "somebody");
        let condition =
            json!({"name": "not-the-sandbox", "expression": "request.userInfo.username != 'somebody'"});
        assert_eq!(
            object.data,
            json!({"webhooks": [
                {"name": "a", "matchConditions": [{"name": "x", "expression": "true"}, condition]},
                {"name": "b", "matchConditions": [condition]},
            ]})
        );
    }
}
