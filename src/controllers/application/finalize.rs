//! An Application that is being deleted: everything goes, and then it lets go.

use std::sync::Arc;

use anyhow::Context as _;
use fleetgate_api::{Application, FINALIZER_APPLICATION};
use fleetgate_plan::FluxKind;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DynamicObject, ListParams};
use kube::runtime::controller::Action;
use kube::{Api, Client, ResourceExt};

use super::children::{Children, is_owned};
use super::write::delete;
use super::{Context, status};
use crate::controllers::{RETRY, finalizers};
use crate::flux_state::State;

/// Takes everything away, policies before their source, and then lets go.
pub(super) async fn finalize(application: &Application, context: &Context) -> anyhow::Result<Action> {
    if !finalizers::has(application, FINALIZER_APPLICATION) {
        return Ok(Action::await_change());
    }
    let left = remove_all(application, &context.children, &context.client).await?;
    if left.is_empty() {
        finalizers::remove(&context.client, application, FINALIZER_APPLICATION).await?;
        return Ok(Action::await_change());
    }
    let status = status::deleting(application, &left, Timestamp::now());
    context.statuses.write(application, application.status.as_ref(), &status).await?;
    // Every child that goes comes back as an event; one that is not watched does not.
    Ok(Action::requeue(RETRY))
}

/// Deletes everything, the source last: returns what is still there, each with
/// what keeps it.
async fn remove_all(
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
