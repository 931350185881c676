//! The one writer of Flux objects.

use std::collections::BTreeSet;

use fleetgate_api::names::ANNOTATION_APPLIED;
use fleetgate_api::{Application, ConditionReason, FIELD_MANAGER};
use fleetgate_plan::{FluxKind, Plan, names};
use futures::{StreamExt, stream};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::{Api, Client, ResourceExt};

use super::children::{Children, applied_digest, contains, is_owned, policy_of};
use super::prune::prune;
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

/// Deletes exactly this object, unless it goes already.
pub(super) async fn delete(kind: FluxKind, object: &DynamicObject, client: &Client) -> kube::Result<()> {
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
