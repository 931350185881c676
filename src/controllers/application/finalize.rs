//! An Application that is being deleted: everything goes, and then it lets go.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fleetgate_api::{Application, FINALIZER_APPLICATION};
use fleetgate_plan::FluxKind;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DynamicObject, ListParams};
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};

use super::children::Child;
use super::{Context, status};
use crate::controllers::finalizers;

/// How often what is not watched is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long the watch is waited for where it is behind our own writes.
const LET_GO_AGAIN: Duration = Duration::from_millis(500);

/// Takes everything away, policies before their source, and then lets go.
pub(super) async fn finalize(application: &Application, context: &Context) -> anyhow::Result<Action> {
    if !finalizers::has(application, FINALIZER_APPLICATION) {
        return Ok(Action::await_change());
    }
    context.damping.forget(application);
    let left = remove_all(application, context).await?;
    if left.is_empty() {
        finalizers::remove(&context.client, application, FINALIZER_APPLICATION).await?;
        // It is refused where the status that was written last has not been heard of,
        // and no event of a status has an Application looked at.
        return Ok(Action::requeue(LET_GO_AGAIN));
    }
    let status = status::deleting(application, &left, Timestamp::now());
    context.statuses.write(application, application.status.as_ref(), &status).await?;
    // Every child that goes comes back as an event; one that is not watched does not.
    Ok(Action::requeue(LOOK_AGAIN))
}

/// Deletes everything, the source last: returns what is still there, each with
/// what keeps it.
async fn remove_all(application: &Application, context: &Context) -> anyhow::Result<Vec<String>> {
    let mut all = context.children.of(application.uid().as_deref());
    if all.is_empty() {
        // The watches see what has our label, a moment late; before the last
        // one to know about them lets go, the API server is asked.
        all = unwatched(application, context).await?;
    }
    let (policies, sources): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|child| FluxKind::POLICIES.contains(&child.kind));
    let next = if policies.is_empty() { sources } else { policies };
    let mut left = Vec::new();
    for child in &next {
        let reason = match context.writer.delete(child).await {
            Ok(left) => {
                context.children.answered(left);
                child.facts.state.message.clone()
            }
            Err(failure) => failure.summary("deleted", child.kind, &child.name).message,
        };
        left.push(format!("{} {} ({reason})", child.kind.kind(), child.name));
    }
    Ok(left)
}

/// What belongs to `application` by the API server's own word.
async fn unwatched(application: &Application, context: &Context) -> anyhow::Result<Vec<Arc<Child>>> {
    let namespace = application.namespace().unwrap_or_default();
    let uid = application.uid();
    let mut owned = Vec::new();
    for kind in FluxKind::ALL.into_iter().filter(|kind| !context.children.is_missing(*kind)) {
        let api: Api<DynamicObject> =
            Api::namespaced_with(context.client.clone(), &namespace, &kind.resource());
        let listed = api
            .list(&ListParams::default())
            .await
            .with_context(|| format!("{}s cannot be listed", kind.kind()))?;
        let children = listed.items.iter().map(|object| Child::of(kind, object));
        owned.extend(children.filter(|child| child.is_owned_by(uid.as_deref())).map(Arc::new));
    }
    Ok(owned)
}
