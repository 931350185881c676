//! An Application that is being deleted: everything goes, and then it lets go.
//!
//! **Invariant**: nothing but its metadata is gone by, so that one that cannot be
//! read goes as any other.

use std::sync::Arc;
use std::time::Duration;

use fleetgate_api::FINALIZER_APPLICATION;
use fleetgate_plan::{FluxKind, lets_go};
use fleetgate_webhooks::router::Snapshots;
use futures::{FutureExt, StreamExt, stream};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use super::children::{Child, is_owned};
use super::leaving::{is_stuck, said};
use super::summary::{listed, listed_as};
use super::write::{CONCURRENCY, Failure};
use super::{Context, Guarded, status, unreadable};
use crate::controllers::finalizers;

/// How often what is not watched is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long the watch is waited for where it is behind our own writes.
const LET_GO_AGAIN: Duration = Duration::from_millis(500);

/// Of Kubernetes, on an object that is deleted with `--cascade=orphan`, until the
/// garbage collector has taken it off as the owner of all that it made.
const FINALIZER_ORPHAN: &str = "orphan";

/// What is still there, and keeps an Application.
#[derive(Debug)]
pub(super) struct Left {
    /// The first few, each with where it is, and what keeps it; what cannot be
    /// removed, and then what waits the longest.
    pub(super) children: String,
    /// Whether one of them may be there for ever.
    pub(super) is_stuck: bool,
    /// Why not all of it is on its way out.
    refused: Option<Refused>,
}

/// Removals that did not succeed.
#[derive(Debug)]
struct Refused {
    message: String,
    /// How long the API server asks to be left alone.
    retry_after: Option<Duration>,
}

impl Refused {
    fn of(outcomes: &[(&Arc<Child>, Option<&Failure>)]) -> Option<Self> {
        let failures = outcomes.iter().filter_map(|(child, failure)| Some((child, (*failure)?)));
        let said: Vec<String> = failures
            .clone()
            .map(|(child, failure)| failure.summary("deleted", child.kind, &child.name).message)
            .collect();
        let retry_after = failures.filter_map(|(_, failure)| failure.retry_after()).max();
        (!said.is_empty()).then(|| Self { message: listed(&said), retry_after })
    }
}

/// Takes everything away, policies before their source, and then lets go.
pub(super) async fn finalize(application: &Guarded, context: &Context) -> anyhow::Result<Action> {
    if !finalizers::has(application, FINALIZER_APPLICATION) {
        return Ok(Action::await_change());
    }
    context.damping.forget(application);
    // Events of what goes would have the rest asked for again at once.
    if let Some(left) = context.backoff.left_alone(application) {
        return Ok(Action::requeue(left));
    }
    let left = if finalizers::has(application, FINALIZER_ORPHAN) {
        // Who is to be left alone need not be waited for.
        None
    } else {
        remove_all(application, context).await?
    };
    let Some(left) = left else {
        finalizers::remove(&context.client, application, FINALIZER_APPLICATION).await?;
        // It is refused where the status that was written last has not been heard of,
        // and no event of a status has an Application looked at.
        return Ok(Action::requeue(LET_GO_AGAIN));
    };
    if let Some(refused) = &left.refused {
        // Before what is said of it is refused, too.
        context.backoff.failed(application);
        if let Some(wait) = refused.retry_after {
            context.backoff.leave_alone(application, wait);
        }
    }
    say(application, &left, context).await?;
    if let Some(refused) = left.refused {
        anyhow::bail!("it is being deleted, and {}", refused.message);
    }
    context.backoff.succeeded(application);
    // Every child that goes comes back as an event; one that is not watched does not.
    Ok(Action::requeue(LOOK_AGAIN))
}

/// Says what is waited for. The removal of what cannot be read does not depend on that.
async fn say(application: &Guarded, left: &Left, context: &Context) -> anyhow::Result<()> {
    if let Ok(read) = &application.0 {
        let status = status::deleting(read, read.status.as_ref(), left, Timestamp::now());
        return context.statuses.write(read, read.status.as_ref(), &status).await;
    }
    if let Err(error) = unreadable::say(application, left, &context.client).await {
        tracing::warn!(
            namespace = application.namespace(),
            name = application.name_any(),
            left = left.children,
            "an Application is being deleted, and its status does not say what it waits for: {error:#}"
        );
    }
    Ok(())
}

/// Deletes everything, the source last: returns what is still there.
async fn remove_all(application: &Guarded, context: &Context) -> anyhow::Result<Option<Left>> {
    let mut all = context.children.of(application.uid().as_deref());
    if all.is_empty() {
        // The watches see what has our label, a moment late; before the last
        // one to know about them lets go, the API server is asked.
        let (owner, namespace) = (application.uid(), application.namespace().unwrap_or_default());
        all = context.children.owned(owner.as_deref(), &namespace, &context.client).await?;
    }
    let (policies, sources): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|child| FluxKind::POLICIES.contains(&child.kind));
    let mut next = if policies.is_empty() { sources } else { policies };
    if next.is_empty() {
        return Ok(None);
    }
    let since = |child: &Arc<Child>| child.facts.going_since.unwrap_or(Timestamp::MAX);
    next.sort_by(|one, other| (since(one), &one.name).cmp(&(since(other), &other.name)));
    let removals = next.iter().enumerate();
    let removals: Vec<_> = removals
        .map(|(place, child)| remove_ours(application, child, context).map(move |removed| (place, removed)))
        .collect();
    // In any order: one that is not answered is to hold up none.
    let mut removed: Vec<_> = stream::iter(removals).buffer_unordered(CONCURRENCY).collect().await;
    removed.sort_by_key(|(place, _)| *place);
    let removed: Vec<_> = removed.into_iter().map(|(_, removed)| removed).collect();
    let (catalog, now) = (context.catalog.current(), Timestamp::now());
    let mut outcomes: Vec<(&Arc<Child>, Option<&Failure>)> =
        next.iter().zip(removed.iter().map(|removed| removed.as_ref().err())).collect();
    outcomes.sort_by_key(|(_, failure)| failure.is_none());
    let left = Left {
        children: listed_as(&outcomes, |(child, failure)| said(child, *failure, &catalog)),
        is_stuck: next.iter().any(|child| is_stuck(child, now)),
        refused: Refused::of(&outcomes),
    };
    for child in removed.into_iter().flatten() {
        context.children.answered(child);
    }
    Ok(Some(left))
}

/// Removes a child, if it is still the Application's: the watch of Applications may
/// be ahead of that of children, and the garbage collector done with both.
async fn remove_ours(
    application: &Guarded,
    child: &Child,
    context: &Context,
) -> Result<Option<Child>, Failure> {
    let owner = application.uid();
    let is_ours = child.facts.is_going
        || is_owned(child, owner.as_deref(), &context.client).await.map_err(Failure::Refused)?;
    // What is another's by now the watch will tell.
    if is_ours { remove(application, child, context).await } else { Ok(None) }
}

/// Deletes a child, and what it delivered unless that is let go of.
async fn remove(application: &Guarded, child: &Child, context: &Context) -> Result<Option<Child>, Failure> {
    let of_cluster = || {
        let catalog = context.catalog.current();
        fleetgate_plan::usage::lets_go_of((&child.namespace, &child.name), child.purpose(), &catalog)
    };
    context.writer.take_away(child, lets_go(application) || of_cluster()).await
}
