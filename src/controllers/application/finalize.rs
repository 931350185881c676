//! An Application that is being deleted: everything goes, and then it lets go.

use std::sync::Arc;
use std::time::Duration;

use fleetgate_api::{Application, FINALIZER_APPLICATION};
use fleetgate_plan::{Catalog, Cluster, FluxKind, Purpose, lets_go, names};
use fleetgate_webhooks::router::Snapshots;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::runtime::controller::Action;

use super::children::Child;
use super::write::Failure;
use super::{Context, status};
use crate::controllers::finalizers;

/// How often what is not watched is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long the watch is waited for where it is behind our own writes.
const LET_GO_AGAIN: Duration = Duration::from_millis(500);

/// What Flux has not removed by then may never be: the way out is said.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// What is still there, and keeps an Application.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Each with where it is, and what keeps it; what waits the longest first.
    pub(super) children: Vec<String>,
    /// Whether one of them may be there for ever.
    pub(super) is_stuck: bool,
}

/// Takes everything away, policies before their source, and then lets go.
pub(super) async fn finalize(application: &Application, context: &Context) -> anyhow::Result<Action> {
    if !finalizers::has(application, FINALIZER_APPLICATION) {
        return Ok(Action::await_change());
    }
    context.damping.forget(application);
    let left = remove_all(application, context).await?;
    if left.children.is_empty() {
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

/// Deletes everything, the source last: returns what is still there.
async fn remove_all(application: &Application, context: &Context) -> anyhow::Result<Left> {
    let mut all = context.children.of(application.uid().as_deref());
    if all.is_empty() {
        // The watches see what has our label, a moment late; before the last
        // one to know about them lets go, the API server is asked.
        all = unwatched(application, context).await?;
    }
    let (policies, sources): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|child| FluxKind::POLICIES.contains(&child.kind));
    let mut next = if policies.is_empty() { sources } else { policies };
    let since = |child: &Arc<Child>| child.facts.going_since.unwrap_or(Timestamp::MAX);
    next.sort_by(|one, other| (since(one), &one.name).cmp(&(since(other), &other.name)));
    let now = Timestamp::now();
    let mut left = Left::default();
    for child in &next {
        let removed = remove(application, child, context).await;
        left.children.push(said(child, removed.as_ref().err(), &context.catalog.current()));
        left.is_stuck |= child.facts.going_since.is_some_and(|since| now.duration_since(since) > PATIENCE);
        context.children.answered(removed.ok().flatten());
    }
    Ok(left)
}

/// Deletes a child, and what it delivered unless that is let go of.
async fn remove(
    application: &Application,
    child: &Child,
    context: &Context,
) -> Result<Option<Child>, Failure> {
    let of_cluster = || {
        let catalog = context.catalog.current();
        fleetgate_plan::usage::lets_go_of((&child.namespace, &child.name), child.purpose(), &catalog)
    };
    context.writer.take_away(child, lets_go(application) || of_cluster()).await
}

/// What is said of a child that is still there.
fn said(child: &Child, failure: Option<&Failure>, catalog: &Catalog) -> String {
    let what = format!("{} {}{}", child.kind.kind(), child.name, place(child, catalog));
    let state = &child.facts.state;
    match failure {
        Some(failure) => format!("{what} ({})", failure.summary("deleted", child.kind, &child.name).message),
        // What Flux said before it had to be removed is no news.
        None if state.reason.ends_with("Failed") => format!("{what} ({})", state.message),
        None => what,
    }
}

/// Where a policy's child delivered to.
fn place(child: &Child, catalog: &Catalog) -> String {
    let Some((namespace, secret)) = child.secret() else { return String::new() };
    let is_named_for = |cluster: &Cluster| match child.purpose() {
        Purpose::Policy { name, .. } => names::is_child_of(&child.name, name, &cluster.key),
        Purpose::Source | Purpose::Unknown => false,
    };
    let mut clusters = catalog.clusters().filter(|cluster| *cluster.key.namespace == *namespace);
    match clusters.find(|cluster| is_named_for(cluster)) {
        Some(cluster) => format!(" from {}", cluster.key),
        None => format!(" from the cluster of Secret {secret}"),
    }
}

/// What belongs to `application` by the API server's own word.
async fn unwatched(application: &Application, context: &Context) -> anyhow::Result<Vec<Arc<Child>>> {
    let namespace = application.namespace().unwrap_or_default();
    let uid = application.uid();
    let mut all = context.children.listed(&FluxKind::ALL, &namespace, &context.client).await?;
    all.retain(|child| child.is_owned_by(uid.as_deref()));
    Ok(all)
}
