//! The one writer of Flux objects.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use fleetgate_api::names::{ANNOTATION_APPLIED, ANNOTATION_POLICY};
use fleetgate_api::{Application, ConditionReason, FIELD_MANAGER};
use fleetgate_plan::{Fate, Fates, FluxKind, Plan, names};
use futures::{StreamExt, stream};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use super::children::{Children, applied_digest, is_owned};
use crate::controllers::conditions::Summary;
use crate::flux_state::State;

/// Writes of one Application that are under way at the same time: one
/// cluster's trouble does not hold up the others.
const CONCURRENCY: usize = 8;

/// Hexadecimal digits of the digest in an object's annotation.
const DIGEST_DIGITS: usize = 32;

/// What a pass of writing came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What did not succeed.
    pub(super) failures: Vec<Summary>,
    /// What was written, and is known by its earlier state only.
    pub(super) written: BTreeSet<(FluxKind, String)>,
}

/// Makes what exists the same as the plan, creating before it removes.
pub(super) async fn apply(
    application: &Application,
    plan: &Plan,
    children: &Children,
    client: &Client,
) -> Outcome {
    let mut outcome = Outcome::default();
    // One object at a time: those of many clusters are more than there need be at once.
    let applied = stream::iter(distinct(plan)).map(|(kind, object, is_first)| async move {
        let policy = policy_of(&object).map(str::to_owned);
        let applied = if is_first {
            apply_one(application, kind, object, children, client).await
        } else {
            Err(made_twice(kind, &object.name_any()))
        };
        (policy, applied)
    });
    let results: Vec<_> = applied.buffered(CONCURRENCY).collect().await;
    let mut failed = BTreeSet::new();
    for (policy, result) in results {
        match result {
            Ok(written) => outcome.written.extend(written),
            Err(failure) => {
                failed.insert(policy);
                outcome.failures.push(failure);
            }
        }
    }
    outcome.failures.extend(prune(application, plan, &failed, children, client).await);
    outcome
}

/// The plan's objects, each with whether it is the first of its name. Another
/// one of that name is not written: they would be in turn, for ever. Admission
/// refuses such names (`policy/name`).
fn distinct(plan: &Plan) -> impl Iterator<Item = (FluxKind, DynamicObject, bool)> {
    let mut seen = BTreeSet::new();
    plan.objects().map(move |(kind, object)| {
        let is_first = seen.insert((kind, object.name_any()));
        (kind, object, is_first)
    })
}

fn made_twice(kind: FluxKind, name: &str) -> Summary {
    let message = format!("two policies make a {} {name:?}: rename one of them", kind.kind());
    Summary::new(ConditionReason::Conflict, message)
}

/// Applies one object, and names it if it had to be written.
async fn apply_one(
    application: &Application,
    kind: FluxKind,
    mut object: DynamicObject,
    children: &Children,
    client: &Client,
) -> Result<Option<(FluxKind, String)>, Summary> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    if children.is_missing(kind) {
        let message = format!("Flux's {}s are not installed on the host", kind.kind());
        return Err(Summary::new(ConditionReason::ApplyFailed, message));
    }
    let digest = digest(&object);
    object.annotations_mut().insert(ANNOTATION_APPLIED.to_owned(), digest.clone());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &kind.resource());
    let failed = |error: &kube::Error| {
        let message = format!("{} {name:?} cannot be written: {error}", kind.kind());
        Summary::new(ConditionReason::ApplyFailed, message)
    };
    let watched = children.get(kind, &namespace, &name);
    let is_watched = watched.is_some();
    // An object that lost its label is not watched, but may well stand there.
    let existing = match watched {
        Some(existing) => Some((*existing).clone()),
        None => api.get_opt(&name).await.map_err(|error| failed(&error))?,
    };
    if let Some(existing) = existing {
        if !is_owned(&existing, application) {
            return Err(conflict(kind, &name));
        }
        let is_going = existing.metadata.deletion_timestamp.is_some();
        let is_same = is_watched
            && applied_digest(&existing) == Some(digest.as_str())
            && contains(&existing.data, &object.data);
        // One that goes is made again once it is gone; that comes as an event.
        if is_going || is_same {
            return Ok(None);
        }
    }
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(&name, &parameters, &Patch::Apply(&object)).await.map_err(|error| failed(&error))?;
    tracing::info!(kind = kind.kind(), namespace, name, "applied");
    Ok(Some((kind, name)))
}

fn conflict(kind: FluxKind, name: &str) -> Summary {
    let message = format!(
        "{} {name:?} exists and belongs to someone else: rename the policy or the Application, or delete that object",
        kind.kind()
    );
    Summary::new(ConditionReason::Conflict, message)
}

/// The policy that an object was made for.
fn policy_of(object: &DynamicObject) -> Option<&str> {
    object.annotations().get(ANNOTATION_POLICY).map(String::as_str)
}

/// Removes what was taken out of the plan. What a policy delivered stays until
/// all that is to replace it has been written.
async fn prune(
    application: &Application,
    plan: &Plan,
    failed: &BTreeSet<Option<String>>,
    children: &Children,
    client: &Client,
) -> Vec<Summary> {
    let fates = Fates::of(plan);
    let mut failures = Vec::new();
    for (kind, object) in children.of(application) {
        let policy = policy_of(&object);
        let is_replaced = !failed.iter().any(|failed| failed.as_deref() == policy);
        if !is_replaced || fates.look_up(kind, &object.name_any(), policy) != Fate::Removed {
            continue;
        }
        if let Err(error) = delete(kind, &object, client).await {
            failures.push(not_deleted(kind, &object, &error));
        }
    }
    failures
}

fn not_deleted(kind: FluxKind, object: &DynamicObject, error: &kube::Error) -> Summary {
    let message = format!("{} {:?} cannot be deleted: {error}", kind.kind(), object.name_any());
    Summary::new(ConditionReason::ApplyFailed, message)
}

/// Deletes everything, the source last: returns what is still there, each with
/// what keeps it.
pub(super) async fn remove_all(
    application: &Application,
    children: &Children,
    client: &Client,
) -> anyhow::Result<Vec<String>> {
    let mut all = children.of(application);
    if all.is_empty() {
        // The watches see what has our label, a moment late; before the last
        // one to know about them lets go, the API server is asked.
        all = unwatched(application, children, client).await?;
    }
    let (policies, sources): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(kind, _)| FluxKind::POLICIES.contains(kind));
    let next = if policies.is_empty() { sources } else { policies };
    let mut left = Vec::new();
    for (kind, object) in &next {
        let reason = match delete(*kind, object, client).await {
            Ok(()) => State::of(*kind, object).message,
            Err(error) => error.to_string(),
        };
        left.push(format!("{} {} ({reason})", kind.kind(), object.name_any()));
    }
    Ok(left)
}

/// What belongs to `application` by the API server's own word.
async fn unwatched(
    application: &Application,
    children: &Children,
    client: &Client,
) -> anyhow::Result<Vec<(FluxKind, Arc<DynamicObject>)>> {
    let namespace = application.namespace().unwrap_or_default();
    let mut owned = Vec::new();
    for kind in FluxKind::ALL.into_iter().filter(|kind| !children.is_missing(*kind)) {
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &kind.resource());
        let listed = api
            .list(&ListParams::default())
            .await
            .with_context(|| format!("{}s cannot be listed", kind.kind()))?;
        let of_kind = listed.items.into_iter().filter(|object| is_owned(object, application));
        owned.extend(of_kind.map(|object| (kind, Arc::new(object))));
    }
    Ok(owned)
}

async fn delete(kind: FluxKind, object: &DynamicObject, client: &Client) -> kube::Result<()> {
    if object.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &kind.resource());
    // Exactly this object, and not one that was made under its name meanwhile.
    let preconditions = Preconditions { uid: object.uid(), ..Preconditions::default() };
    let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    match api.delete(&name, &parameters).await {
        Ok(_) => {
            tracing::info!(kind = kind.kind(), namespace, name, "deleted");
            Ok(())
        }
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        Err(error) => Err(error),
    }
}

/// What tells two rendered objects apart.
fn digest(object: &DynamicObject) -> String {
    names::digest(&serde_json::to_vec(object).unwrap_or_default(), DIGEST_DIGITS)
}

/// Whether `actual` has everything that `wanted` asks for; the API server's
/// defaults come on top.
fn contains(actual: &Value, wanted: &Value) -> bool {
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
