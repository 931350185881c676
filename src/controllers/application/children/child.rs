//! What one Flux object says of itself: whose it is, and what was last applied.

use fleetgate_api::Application;
use fleetgate_api::names::{ANNOTATION_APPLIED, ANNOTATION_POLICY};
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

/// Whether `application` is the object's controller.
pub(in crate::controllers::application) fn is_owned(
    object: &DynamicObject,
    application: &Application,
) -> bool {
    let uid = application.uid();
    let is_controller = |reference: &&_| -> bool {
        let reference: &k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference = reference;
        reference.controller == Some(true)
    };
    let controller = object.owner_references().iter().find(is_controller);
    controller.is_some_and(|reference| Some(&reference.uid) == uid.as_ref())
}

/// The digest of what was last applied to the object.
pub(in crate::controllers::application) fn applied_digest(object: &DynamicObject) -> Option<&str> {
    object.annotations().get(ANNOTATION_APPLIED).map(String::as_str)
}

/// The policy that an object was made for.
pub(in crate::controllers::application) fn policy_of(object: &DynamicObject) -> Option<&str> {
    object.annotations().get(ANNOTATION_POLICY).map(String::as_str)
}

/// Whether `actual` has everything that `wanted` asks for; the API server's
/// defaults come on top.
pub(in crate::controllers::application) fn contains(actual: &Value, wanted: &Value) -> bool {
    match (actual, wanted) {
        (Value::Object(actual), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| actual.get(key).is_some_and(|actual| contains(actual, wanted)))
        }
        (Value::Array(actual), Value::Array(wanted)) => {
            actual.len() == wanted.len()
                && actual.iter().zip(wanted).all(|(actual, wanted)| contains(actual, wanted))
        }
        (actual, wanted) => actual == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::contains;
    use serde_json::json;

    #[test]
    fn defaults_on_top_are_no_difference() {
        let wanted = json!({"spec": {"interval": "5m", "patches": [{"patch": "x"}]}});
        let table = [
            (
                json!({"spec": {"interval": "5m", "force": false, "patches": [{"patch": "x"}]}, "status": {}}),
                true,
            ),
            (json!({"spec": {"interval": "6m", "patches": [{"patch": "x"}]}}), false),
            (json!({"spec": {"interval": "5m", "patches": []}}), false),
            (json!({"spec": {"interval": "5m"}}), false),
        ];
        for (actual, expected) in table {
            assert_eq!(contains(&actual, &wanted), expected, "{actual}");
        }
    }

    #[test]
    fn a_null_is_a_value_of_its_own() {
        let wanted = json!({"values": {"debug": null}});
        let table =
            [(json!({"debug": null}), true), (json!({}), false), (json!({"debug": {"on": true}}), false)];
        for (actual, expected) in table {
            assert_eq!(contains(&json!({ "values": actual }), &wanted), expected, "{actual}");
        }
    }
}
