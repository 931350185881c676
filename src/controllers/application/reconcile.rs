//! One Application, from what it asks for to what is said of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fleetgate_api::{Application, ConditionReason, FINALIZER_APPLICATION};
use fleetgate_plan::Plan;
use fleetgate_webhooks::router::Snapshots;
use fleetgate_webhooks::{Kind, judge};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use super::apply::apply;
use super::finalize::finalize;
use super::leaving::Leaving;
use super::observed::Observed;
use super::prune::Held;
use super::references::LOOK_AGAIN;
use super::{Context, Failed, Guarded, status};
use crate::controllers::conditions::Summary;
use crate::controllers::finalizers;
use crate::controllers::gone::looked_at;
use crate::watches;

/// Brings one Application to what its spec asks for.
pub(super) async fn reconcile(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Failed> {
    context.queue.take_up(&ObjectRef::from_obj(&*object));
    let came_of_it = look_at(&object, &context).await;
    looked_at(&*object, came_of_it, &context.known, |application| context.forget(application))
}

async fn look_at(object: &Guarded, context: &Context) -> Result<Action, Failed> {
    if object.meta().deletion_timestamp.is_some() {
        context.pruner.forget(object);
        return finalize(object, context).await.map_err(Failed);
    }
    match &object.0 {
        Ok(application) => reconcile_application(application, context).await.map_err(Failed),
        // It was stored before the CRD had its schema. Nothing can be said in
        // its status without reading it; the log says which one it is.
        Err(error) => {
            tracing::warn!(
                namespace = object.namespace(),
                name = object.name_any(),
                error = watches::why(error),
                "an Application cannot be read and is passed over"
            );
            Ok(Action::await_change())
        }
    }
}

async fn reconcile_application(application: &Application, context: &Context) -> anyhow::Result<Action> {
    let namespace = application.namespace().unwrap_or_default();
    if context.catalog.current().is_terminating(&namespace) {
        // The Application goes next, and nothing new may be made there.
        return Ok(Action::await_change());
    }
    if !finalizers::has(application, FINALIZER_APPLICATION)
        && !finalizers::add(&context.client, application, FINALIZER_APPLICATION).await?
    {
        // Gone, or changed in what has no Application looked at, such as its status.
        return Ok(Action::requeue(context.backoff.failed(application)));
    }
    // Events of what was written would have the rest asked for again at once.
    if let Some(left) = context.backoff.left_alone(application) {
        return Ok(Action::requeue(left));
    }
    let catalog = context.catalog.current();
    let object = serde_json::to_value(application).context("an Application cannot be rendered")?;
    let verdict = judge(Kind::Application, object, None, &catalog);
    // What was judged is what is planned: an early name that was stored without
    // its new one would otherwise plan as nothing.
    let judged = serde_json::from_value(verdict.object.clone()).unwrap_or_else(|_| application.clone());
    let plan = context.children.keeping_names(Plan::of(&judged, &catalog));
    let guard = catalog.guard();
    // Writing takes its time, and a Catalog that is held is copied at the next change.
    drop(catalog);
    let mut observed = Observed { findings: verdict.findings, ..Observed::default() };
    let (mut retry_after, mut again, mut is_removing) = (None, None, false);
    if observed.is_valid() {
        let outcome = apply(&judged, &plan, guard, context).await;
        (observed.failures, retry_after) = (outcome.failures, outcome.retry_after);
        (observed.held, again, is_removing) = (outcome.held, outcome.again, outcome.is_removing);
    } else {
        context.pruner.set_aside(application);
        // Nothing goes, and once it is mended an edit is still to decide nothing.
        observed.held = Held::said(application);
    }
    context.children.observe(&plan, &mut observed);
    status::remember(&judged, &mut observed.states);
    let all = context.children.of(plan.owner.uid.as_deref());
    let leaving = Leaving::of(&all, &context.catalog.current(), Timestamp::now());
    observed.stuck = leaving.stuck;
    observed.missing = context.references.missing(&judged, &verdict.object, &context.client).await;
    let status = status::of(&judged, &plan, &observed, Timestamp::now());
    let held = context.damping.hold(application, &status, is_removing);
    if held.is_none() {
        context.statuses.write(application, application.status.as_ref(), &status).await?;
    }
    let rest = if observed.failures.is_empty() {
        context.backoff.succeeded(application);
        None
    } else {
        let rest = resting(context.backoff.failed(application), &observed.failures);
        if let Some(wait) = retry_after {
            context.backoff.leave_alone(application, wait);
        }
        Some(rest).max(retry_after)
    };
    Ok(next(rest, [again, held, leaving.again], &observed))
}

/// When to look again at what no event will tell of: what failed after its
/// rest, what is to be removed or said when it is due, what goes when it should be gone.
fn next(rest: Option<Duration>, due: [Option<Duration>; 3], observed: &Observed) -> Action {
    let missing = (!observed.missing.is_empty()).then_some(LOOK_AGAIN);
    let first = due.into_iter().chain([rest.or(missing)]).flatten().min();
    first.map_or_else(Action::await_change, Action::requeue)
}

/// How long what failed rests. For a Secret that is still to come that is not
/// long; but whatever else failed would be tried again as often, and who waits
/// for the Secret is told when it is there.
fn resting(rest: Duration, failures: &[Summary]) -> Duration {
    let is_missing = |failure: &Summary| failure.reason == ConditionReason::KubeconfigNotFound;
    if failures.iter().all(is_missing) { rest.min(LOOK_AGAIN) } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_waits_for_secrets_alone_looks_again_soon() {
        let (missing, failed) = (ConditionReason::KubeconfigNotFound, ConditionReason::ApplyFailed);
        let table: [(u64, &[ConditionReason], u64); 5] = [
            (300, &[missing], 15),
            (300, &[missing, missing], 15),
            (2, &[missing], 2),
            (300, &[missing, failed], 300),
            (300, &[failed], 300),
        ];
        for (rest, reasons, expected) in table {
            let failures: Vec<Summary> = reasons.iter().map(|reason| Summary::new(*reason, "")).collect();
            let rest = resting(Duration::from_secs(rest), &failures);
            assert_eq!(rest, Duration::from_secs(expected), "{reasons:?}");
        }
    }
}
