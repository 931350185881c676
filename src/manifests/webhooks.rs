//! The webhook configurations.
//!
//! No namespace selector: it would only be a bypass, and the rules match our
//! own kinds. The plain objects have no `caBundle`: whoever issues the
//! certificate sets it, which is the webhook itself unless it is given one.

use fleetgate_webhooks::Kind;
use fleetgate_webhooks::router::{MUTATE_PATH, VALIDATE_PATH};
use fleetgate_webhooks::schema::VERSION;
use serde_json::{Value, json};

use super::form::Form;
use super::{CONTROLLER, NAMESPACE, WEBHOOK};

/// The name of both configurations.
pub(crate) const CONFIGURATION: &str = "fleetgate";

/// The webhooks in them.
const MUTATING: &str = "default.fleetgate.dev";
const VALIDATING: &str = "validate.fleetgate.dev";
const DELETING: &str = "delete.fleetgate.dev";

/// Seconds that the API server waits for a review.
const TIMEOUT: u8 = 5;

pub(super) fn objects(form: Form) -> Vec<Value> {
    vec![
        configuration(form, "MutatingWebhookConfiguration", vec![mutating(form)]),
        configuration(form, "ValidatingWebhookConfiguration", vec![validating(form), deleting(form)]),
    ]
}

fn configuration(form: Form, kind: &str, webhooks: Vec<Value>) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": {"name": CONFIGURATION, "annotations": form.optional("webhook.annotations")},
        "webhooks": webhooks,
    })
}

fn mutating(form: Form) -> Value {
    let mut webhook = webhook(form, MUTATING, MUTATE_PATH);
    if let Value::Object(fields) = &mut webhook {
        // Another webhook's change may need a default again.
        fields.insert("reinvocationPolicy".to_owned(), json!("IfNeeded"));
    }
    webhook
}

fn validating(form: Form) -> Value {
    webhook(form, VALIDATING, VALIDATE_PATH)
}

/// May it be deleted? Help for people, not the guard: without an answer it may.
fn deleting(form: Form) -> Value {
    let mut webhook = webhook(form, DELETING, VALIDATE_PATH);
    if let Value::Object(fields) = &mut webhook {
        let kinds = [Kind::Fleet, Kind::AttachedCluster];
        fields.insert("failurePolicy".to_owned(), json!("Ignore"));
        fields.insert("rules".to_owned(), kinds.map(|kind| rule(kind, &["DELETE"])).into_iter().collect());
    }
    webhook
}

fn rule(kind: Kind, operations: &[&str]) -> Value {
    json!({
        "apiGroups": [kind.group()],
        "apiVersions": [VERSION],
        "resources": [kind.plural()],
        "operations": operations,
        "scope": "Namespaced",
    })
}

fn webhook(form: Form, name: &str, path: &str) -> Value {
    let service = json!({"name": WEBHOOK, "namespace": NAMESPACE, "path": path, "port": 443});
    json!({
        "name": name,
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": service, "caBundle": form.optional("webhook.caBundle")},
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "sideEffects": "None",
        "timeoutSeconds": TIMEOUT,
        "rules": Kind::ALL.map(|kind| rule(kind, &["CREATE", "UPDATE"])),
        "matchConditions": conditions(),
    })
}

/// What is not asked about, so that an outage keeps nothing from going: finalizers are taken off by the controller, by
/// the garbage collector, and by people.
fn conditions() -> Value {
    let controller = format!("system:serviceaccount:{NAMESPACE}:{CONTROLLER}");
    json!([
        {"name": "not-the-controller", "expression": format!("request.userInfo.username != '{controller}'")},
        {
            "name": "not-being-deleted",
            // Of the stored object: a request may say what it likes. Only what leaves the spec alone: what is stored
            // is also what all Fleets, clusters and Applications are listed from.
            "expression": "request.operation != 'UPDATE' || !has(oldObject.metadata.deletionTimestamp) || \
                           has(object.spec) != has(oldObject.spec) || has(object.spec) && object.spec != oldObject.spec",
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions_are_asked_about_and_never_held_up() {
        let form = Form::Plain;
        let webhooks: Vec<Value> = vec![mutating(form), validating(form), deleting(form)];
        let policy = |webhook: &Value| webhook["failurePolicy"].as_str().map(str::to_owned);
        let policies: Vec<_> = webhooks.iter().filter_map(policy).collect();
        assert_eq!(policies, ["Fail", "Fail", "Ignore"]);
        let rules = webhooks[2]["rules"].as_array().expect("rules");
        let resources: Vec<&Value> = rules.iter().map(|rule| &rule["resources"][0]).collect();
        assert_eq!(resources, ["fleets", "attachedclusters"]);
        assert!(rules.iter().all(|rule| rule["operations"] == json!(["DELETE"])));
    }
}
