//! The AdmissionReview protocol: a request's bytes in, a response out.
//!
//! **Invariant**: a pure function of the bytes and the Catalog. Whatever the
//! bytes are, the answer is a well-formed AdmissionReview that echoes the uid,
//! as far as there is one to be found, and repeats no more than a line of anything else.

mod account;
mod deletion;
mod labels;
mod messages;
mod refusal;
mod size;

use fleetgate_plan::Catalog;
use kube::core::admission::{AdmissionResponse, AdmissionReview};
use kube::core::{DynamicObject, Status};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

pub use self::account::{About, Account, Operation, Outcome};
use self::messages::{denied, warnings};
use self::refusal::refused;
pub use self::refusal::{failed, shed};
pub use self::size::weight;
use crate::judge::{judge_asked, may_change};
use crate::rules::object::DEPRECATED_FIELD;
use crate::rules::reference;
use crate::schema::{Kind, VERSION};
use crate::uid;

/// Which of the two webhooks asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Runs before the CRD's schema: patches, and denies with all findings.
    Mutating,
    /// Runs last, after every other webhook: denies again, and warns of all
    /// that it can see.
    Validating,
}

impl Endpoint {
    /// Its name in logs and numbers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mutating => "mutating",
            Self::Validating => "validating",
        }
    }
}

/// A response, what it is counted as, and whether a newer Catalog could change it.
#[derive(Debug)]
pub struct Reviewed {
    /// What to answer.
    pub response: AdmissionReview<DynamicObject>,
    /// What it is counted and logged as.
    pub account: Account,
    /// What may be on its way, and would change the answer.
    pub awaits: Option<Awaited>,
}

/// What an answer may have come too early for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// An object that is named: one `kubectl apply` creates the Fleet and, a
    /// moment later, the Application.
    Reference,
    /// An Application that lets go: one `kubectl delete` takes away the
    /// Application and, a moment later, the Fleet.
    Release,
}

impl Awaited {
    /// Whether it may have come between the two Catalogs.
    #[must_use]
    pub fn may_have_come(self, before: &Catalog, after: &Catalog) -> bool {
        match self {
            Self::Reference => !after.is_same_but_for_applications(before),
            Self::Release => !after.is_same(before),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    request: Option<Request>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    uid: String,
    kind: GroupVersionKind,
    operation: String,
    #[serde(default, deserialize_with = "or_default")]
    namespace: String,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    dry_run: Option<bool>,
    #[serde(default)]
    object: Value,
    #[serde(default)]
    old_object: Value,
}

#[derive(Deserialize)]
struct GroupVersionKind {
    group: String,
    version: String,
    kind: String,
}

/// A `null` is as good as an absent field.
fn or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Answers the request in `body`.
#[must_use]
pub fn review(body: &[u8], catalog: &Catalog, endpoint: Endpoint) -> Reviewed {
    if let Some(reason) = size::excess(body) {
        return refused(uid::find(body), &reason);
    }
    // A text as a whole is quicker seen to be one than each of those in it.
    let read =
        str::from_utf8(body).map_or_else(|_| serde_json::from_slice::<Review>(body), serde_json::from_str);
    match read {
        Err(error) => refused(uid::find(body), &format!("the AdmissionReview cannot be read: {error}")),
        Ok(Review { api_version, kind, .. })
            if api_version != "admission.k8s.io/v1" || kind != "AdmissionReview" =>
        {
            let message =
                format!("expected an admission.k8s.io/v1 AdmissionReview, got {api_version:?} {kind:?}");
            refused(uid::find(body), &message)
        }
        Ok(Review { request: None, .. }) => refused(None, "the AdmissionReview has no request"),
        Ok(Review { request: Some(request), .. }) if request.uid.len() > uid::MAX => {
            let message = format!(
                "the request's uid is longer than {} bytes: the API server's own are UUIDs",
                uid::MAX
            );
            refused(None, &message)
        }
        Ok(Review { request: Some(mut request), .. }) => {
            default_namespace(&mut request);
            let about = About::request(&request);
            let mut reviewed = answer(request, catalog, endpoint);
            reviewed.account.about = about;
            reviewed
        }
    }
}

fn answer(mut request: Request, catalog: &Catalog, endpoint: Endpoint) -> Reviewed {
    let GroupVersionKind { group, version, kind } = &request.kind;
    let known = Kind::of(group, kind).filter(|_| version == VERSION);
    let Some(known) = known else {
        // Anyone may have written this, and it is to be a line in a terminal.
        let asked = account::cut(&format!("{group}/{version} {kind}"), account::MAX_NAME);
        let message = format!(
            "{asked:?} is not a kind that Fleetgate reviews: correct the rules of its webhook configuration"
        );
        return refused(Some(request.uid.clone()), &message);
    };
    if is_let_through(&request, catalog) {
        return unchanged(allowed(&request.uid));
    }
    if request.operation == "DELETE" {
        return deletion::review(&request, known, catalog, endpoint);
    }
    if is_same(&request) {
        return labels::review(&request, known, catalog, endpoint);
    }
    if let Some(reason) = foreign(&request) {
        return refused(Some(request.uid.clone()), &reason);
    }
    // The API server has done so, and a replayed request may lack it: the patch leaves it to the API server.
    known.schema().prepare(&mut request.object);
    // Only a patch needs the object as it was; nothing but the spec is ever changed.
    let is_patched = endpoint == Endpoint::Mutating && may_change(known, &request.object);
    let asked = is_patched.then(|| spec_of(&request.object).clone());
    let object = std::mem::take(&mut request.object);
    // Only an update has something beside it; whatever else comes with another request excuses nothing.
    let old = Some(&request.old_object).filter(|old| request.operation == "UPDATE" && !old.is_null());
    let verdict = judge_asked(known, object, old, catalog);
    let mut response = if verdict.is_admitted() { allowed(&request.uid) } else { denied(&request, &verdict) };
    if let Some(asked) = asked.filter(|asked| response.allowed && spec_of(&verdict.object) != asked) {
        let patch = json_patch::diff(&json!({"spec": asked}), &json!({"spec": spec_of(&verdict.object)}));
        response = match response.with_patch(patch) {
            Ok(patched) => patched,
            Err(error) => {
                return refused(Some(request.uid.clone()), &format!("the patch cannot be written: {error}"));
            }
        };
    }
    response.warnings = warnings(&verdict, |finding| match endpoint {
        // Where this webhook denies, the validating one is not asked any more;
        // and of an early name that it has moved away only this one knows.
        Endpoint::Mutating => !response.allowed || finding.code == DEPRECATED_FIELD.code,
        Endpoint::Validating => true,
    });
    let misses_reference = endpoint == Endpoint::Validating
        && response.allowed
        && verdict.findings.iter().any(reference::is_missing);
    let outcome = if response.allowed { Outcome::Allowed } else { Outcome::Denied };
    Reviewed {
        response: response.into_review(),
        account: Account::new(outcome).found(&verdict.findings),
        awaits: misses_reference.then_some(Awaited::Reference),
    }
}

fn spec_of(object: &Value) -> &Value {
    object.get("spec").unwrap_or(&Value::Null)
}

/// Never in the way: objects on their way out, and everything under a namespace
/// on its way out. Another spec is reviewed all the same: it is stored, and read by all who list.
fn is_let_through(request: &Request, catalog: &Catalog) -> bool {
    let is_reviewed = matches!(request.operation.as_str(), "CREATE" | "UPDATE" | "DELETE");
    // Of the stored object: a request may say what it likes.
    let time = request.old_object.get("metadata").and_then(|metadata| metadata.get("deletionTimestamp"));
    let is_going = time.is_some_and(|time| !time.is_null()) || catalog.is_terminating(&request.namespace);
    !is_reviewed || is_going && (request.operation != "UPDATE" || is_same(request))
}

/// Whether an update leaves the spec alone.
fn is_same(request: &Request) -> bool {
    request.operation == "UPDATE"
        && request.object.is_object()
        && request.object.get("spec") == request.old_object.get("spec")
}

/// Why the object is not of the kind that the request speaks of.
fn foreign(request: &Request) -> Option<String> {
    let GroupVersionKind { group, version, kind } = &request.kind;
    let expected = (format!("{group}/{version}"), kind.as_str());
    let text = |field: &str| request.object.get(field).and_then(Value::as_str);
    // What is no object at all gets the findings of its schema.
    let is_foreign = request.object.is_object()
        && (text("apiVersion") != Some(expected.0.as_str()) || text("kind") != Some(expected.1));
    is_foreign.then(|| {
        let (found_version, found_kind) =
            (text("apiVersion").unwrap_or_default(), text("kind").unwrap_or_default());
        format!(
            "the request is about a {} {}, and its object is a {found_version:?} {found_kind:?}",
            expected.0, expected.1
        )
    })
}

/// The API server fills the namespace in before it asks; whoever replays a
/// request may not have.
fn default_namespace(request: &mut Request) {
    let Value::Object(object) = &mut request.object else { return };
    if request.namespace.is_empty() {
        return;
    }
    // A `null` is as good as an absent field.
    let metadata = object.entry("metadata").or_insert(Value::Null);
    if metadata.is_null() {
        *metadata = json!({});
    }
    if let Value::Object(metadata) = metadata {
        let namespace = metadata.entry("namespace").or_insert(Value::Null);
        if namespace.is_null() {
            *namespace = request.namespace.as_str().into();
        }
    }
}

fn unchanged(response: AdmissionResponse) -> Reviewed {
    Reviewed { response: response.into_review(), account: Account::new(Outcome::Allowed), awaits: None }
}

fn allowed(uid: &str) -> AdmissionResponse {
    let mut response = AdmissionResponse::invalid("");
    uid.clone_into(&mut response.uid);
    response.allowed = true;
    response.result = Status::default();
    response
}

/// The request has no name yet where the object asks for a generated one.
fn object_name<'a>(request: &'a Request, object: &'a Value) -> &'a str {
    let from_object = || object.pointer("/metadata/generateName").and_then(Value::as_str);
    Some(request.name.as_str()).filter(|name| !name.is_empty()).or_else(from_object).unwrap_or_default()
}
