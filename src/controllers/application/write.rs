//! The one writer of Flux objects.

use std::collections::BTreeSet;

use fleetgate_api::names::{ANNOTATION_APPLIED, ANNOTATION_POLICY};
use fleetgate_api::{Application, ConditionReason, FIELD_MANAGER};
use fleetgate_plan::{FluxKind, Plan, names};
use futures::{StreamExt, stream};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use super::children::{Children, applied_digest, is_owned};
use crate::controllers::conditions::Summary;

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
    let wanted: Vec<(FluxKind, DynamicObject)> = plan.objects().collect();
    let applied =
        stream::iter(wanted).map(|(kind, object)| apply_one(application, kind, object, children, client));
    let results: Vec<_> = applied.buffered(CONCURRENCY).collect().await;
    let mut outcome = Outcome::default();
    for result in results {
        match result {
            Ok(written) => outcome.written.extend(written),
            Err(failure) => outcome.failures.push(failure),
        }
    }
    if outcome.failures.is_empty() {
        outcome.failures = prune(application, plan, children, client).await;
    }
    outcome
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
    let digest = digest(&object);
    object.annotations_mut().insert(ANNOTATION_APPLIED.to_owned(), digest.clone());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &kind.resource());
    let failed = |error: &kube::Error| {
        Summary::new(
            ConditionReason::ApplyFailed,
            format!("{} {name:?} cannot be written: {error}", kind.kind()),
        )
    };
    // An object without our label is not watched, but may well stand there.
    let existing = match children.get(kind, &namespace, &name) {
        Some(existing) => Some((*existing).clone()),
        None => api.get_opt(&name).await.map_err(|error| failed(&error))?,
    };
    if let Some(existing) = existing {
        if !is_owned(&existing, application) {
            let message = format!(
                "{} {name:?} exists and belongs to someone else: rename the policy or the Application, or delete that object",
                kind.kind()
            );
            return Err(Summary::new(ConditionReason::Conflict, message));
        }
        let is_going = existing.metadata.deletion_timestamp.is_some();
        let is_same =
            applied_digest(&existing) == Some(digest.as_str()) && contains(&existing.data, &object.data);
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

/// Removes what is ours and in the plan no more. What a policy that still
/// stands has delivered stays as long as the policy resolves to no cluster at
/// all: nobody decided that.
async fn prune(application: &Application, plan: &Plan, children: &Children, client: &Client) -> Vec<Summary> {
    let mut failures = Vec::new();
    for (kind, object) in children.of(application) {
        if is_planned(plan, kind, &object) || is_held(plan, &object) {
            continue;
        }
        if let Err(error) = delete(kind, &object, client).await {
            let message = format!("{} {:?} cannot be deleted: {error}", kind.kind(), object.name_any());
            failures.push(Summary::new(ConditionReason::ApplyFailed, message));
        }
    }
    failures
}

fn is_planned(plan: &Plan, kind: FluxKind, object: &DynamicObject) -> bool {
    let name = object.name_any();
    let of_kind = plan.templates().filter(|template| template.kind == kind);
    of_kind.flat_map(|template| &template.bindings).any(|binding| binding.name == name)
}

fn is_held(plan: &Plan, object: &DynamicObject) -> bool {
    let policy = object.annotations().get(ANNOTATION_POLICY);
    let standing = plan.policies.iter().find(|standing| Some(&standing.name) == policy);
    standing.is_some_and(|standing| standing.resolution.targets.is_empty())
}

/// Deletes everything, the source last: returns the names of what is still there.
pub(super) async fn remove_all(
    application: &Application,
    children: &Children,
    client: &Client,
) -> anyhow::Result<Vec<String>> {
    let all = children.of(application);
    let (policies, sources): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(kind, _)| FluxKind::POLICIES.contains(kind));
    let next = if policies.is_empty() { sources } else { policies };
    for (kind, object) in &next {
        delete(*kind, object, client).await?;
    }
    Ok(next.iter().map(|(kind, object)| format!("{} {}", kind.kind(), object.name_any())).collect())
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
}
