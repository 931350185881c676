//! The laws of a review, for any bytes at all.

use fleetgate_api::Application;
use fleetgate_plan::Plan;
use fleetgate_webhooks::{Endpoint, Kind};
use kube::core::admission::AdmissionResponse;
use serde_json::Value;

use crate::catalog;

/// The most findings that a denial lists, and the line that counts the rest.
const MAX_CAUSES: usize = 101;
/// The longest warning, in characters, and all of them, in bytes: of more the
/// API server tells nobody.
const MAX_WARNING: usize = 255;
const MAX_WARNINGS: usize = 4_096;
/// The longest uid that is echoed, in bytes.
const MAX_UID: usize = 128;

/// Whatever `body` is, both endpoints answer with a well-formed AdmissionReview
/// that echoes the uid, or refuses what has too long a one; what one of them admits the other one does, too, once
/// it is patched; and the patched object needs no other patch.
pub fn review(body: &[u8]) {
    // What a review passes over may be nothing that a Value holds: `1e999`, or what is no UTF-8.
    let asked: Option<Value> = serde_json::from_slice(body).ok();
    let request = asked.as_ref().and_then(|review| review.get("request"));
    let [mutating, validating] = [Endpoint::Mutating, Endpoint::Validating].map(|endpoint| {
        let response = answer(body, endpoint);
        if let Some(uid) = request.and_then(|request| request.get("uid")).and_then(Value::as_str) {
            if uid.len() <= MAX_UID {
                assert_eq!(response.uid, uid, "the uid is echoed");
            } else {
                assert!(!response.allowed, "what has too long a uid is refused");
            }
        }
        response
    });
    assert!(validating.patch.is_none(), "only the mutating endpoint patches");
    match (&mutating.patch, request) {
        (None, _) => assert_eq!(mutating.allowed, validating.allowed, "{mutating:?} {validating:?}"),
        (Some(patch), Some(request)) => {
            assert!(mutating.allowed, "what is refused is not patched");
            let kind = kind(request).expect("what is patched is of a kind of ours");
            let mut review = asked.clone().unwrap_or_default();
            let object = review.pointer_mut("/request/object").expect("what is patched is there");
            apply(patch, kind, object);
            settled(&review);
        }
        (Some(_), None) => assert!(mutating.allowed, "what is refused is not patched"),
    }
    if let (true, Some(request)) = (mutating.allowed, request) {
        plannable(request, mutating.patch.as_deref());
    }
}

/// What an endpoint answers, which the API server can read.
pub(crate) fn answer(body: &[u8], endpoint: Endpoint) -> AdmissionResponse {
    let reviewed = fleetgate_webhooks::review(body, catalog(), endpoint);
    let written = serde_json::to_value(&reviewed.response).expect("the answer can be written");
    assert_eq!(written.get("apiVersion").and_then(Value::as_str), Some("admission.k8s.io/v1"));
    assert_eq!(written.get("kind").and_then(Value::as_str), Some("AdmissionReview"));
    let response = reviewed.response.response.expect("an answer has a response");
    if response.allowed {
        assert!(response.result.details.is_none(), "what is admitted has no causes");
    } else {
        denied(&response);
    }
    warned(&response);
    response
}

/// A denial says why, in a line that cannot steer a terminal.
fn denied(response: &AdmissionResponse) {
    let status = &response.result;
    assert!(matches!(status.code, 400 | 422), "{status:?}");
    assert!(is_line(&status.message), "{:?}", status.message);
    let causes = status.details.iter().flat_map(|details| &details.causes);
    assert!(causes.clone().count() <= MAX_CAUSES);
    for cause in causes {
        assert!(is_line(&cause.message), "{cause:?}");
    }
}

/// A warning is one that the API server tells as a whole.
fn warned(response: &AdmissionResponse) {
    let warnings = response.warnings.as_deref().unwrap_or_default();
    for warning in warnings {
        assert!(is_line(warning) && warning.chars().count() <= MAX_WARNING, "{warning:?}");
    }
    assert!(warnings.iter().map(String::len).sum::<usize>() <= MAX_WARNINGS);
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

/// The kind that a request speaks of.
fn kind(request: &Value) -> Option<Kind> {
    let text = |field: &str| request.get("kind")?.get(field)?.as_str();
    Kind::of(text("group")?, text("kind")?)
}

/// Applies a patch as the API server does: to the object with the defaults of its schema.
pub(crate) fn apply(patch: &[u8], kind: Kind, object: &mut Value) {
    kind.schema().prepare(object);
    let patch: json_patch::Patch = serde_json::from_slice(patch).expect("the patch is a JSON patch");
    assert!(!patch.0.is_empty(), "a patch changes something");
    json_patch::patch(object, &patch).expect("the patch applies to the object");
}

/// Once it is patched, both endpoints take it as it is.
fn settled(review: &Value) {
    let body = review.to_string();
    for endpoint in [Endpoint::Mutating, Endpoint::Validating] {
        let response = answer(body.as_bytes(), endpoint);
        assert!(response.allowed, "{endpoint:?} refuses what was patched: {}", response.result.message);
        assert!(response.patch.is_none(), "{endpoint:?} patches what was patched: {body}");
    }
}

/// A new Application that is admitted can be read in its type and planned, and
/// every object of the plan can be rendered.
fn plannable(request: &Value, patch: Option<&[u8]>) {
    let is_new = request.get("operation").and_then(Value::as_str) == Some("CREATE");
    let Some(mut object) = request.get("object").cloned() else { return };
    if !is_new || kind(request) != Some(Kind::Application) || is_leaving(&object) {
        return;
    }
    match patch {
        Some(patch) => apply(patch, Kind::Application, &mut object),
        None => Kind::Application.schema().prepare(&mut object),
    }
    let application: Application = serde_json::from_value(object).expect("what is admitted has its type");
    let plan = Plan::of(&application, catalog());
    let templates =
        plan.source.iter().chain(plan.policies.iter().filter_map(|policy| policy.template.as_ref()));
    for template in templates {
        for binding in template.bindings() {
            serde_json::to_value(template.render(&binding, &plan.owner)).expect("it can be rendered");
        }
    }
}

fn is_leaving(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}
