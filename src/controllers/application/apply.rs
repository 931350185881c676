//! One pass of writing: makes what exists the same as the plan.

use std::collections::BTreeSet;
use std::time::Duration;

use fleetgate_api::Application;
use fleetgate_plan::Plan;
use fleetgate_plan::prune::Guard;
use futures::{StreamExt, stream};

use super::Context;
use super::children::secret_of;
use super::difference::{Blocked, Step, Wanted, difference};
use super::protection::Hold;
use super::prune::Held;
use super::write::{CONCURRENCY, Failure};
use crate::controllers::conditions::Summary;

/// What a pass of writing came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What did not succeed.
    pub(super) failures: Vec<Summary>,
    /// How long the API server asks to be left alone.
    pub(super) retry_after: Option<Duration>,
    /// What is not removed until someone confirms it.
    pub(super) held: Option<Held>,
    /// How long what is to be removed rests yet.
    pub(super) again: Option<Duration>,
    /// Whether something is removed: it rests before that, or its deletion was just asked for.
    pub(super) is_removing: bool,
}

impl Outcome {
    pub(super) fn note(&mut self, summary: Summary, failure: &Failure) {
        self.failures.push(summary);
        self.retry_after = self.retry_after.max(failure.retry_after());
    }
}

/// What did not succeed for one object, by its policy.
struct Missed {
    policy: Option<String>,
    why: Summary,
    failure: Option<Failure>,
}

/// Makes what exists the same as the plan, creating before it removes. One
/// cluster's trouble does not hold up the others.
pub(super) async fn apply(
    application: &Application,
    plan: &Plan,
    guard: Guard,
    context: &Context,
) -> Outcome {
    let Context { children, writer, pruner, .. } = context;
    let steps = stream::iter(difference(plan, children));
    let missed = steps.map(|step| take(step, context)).buffer_unordered(CONCURRENCY);
    let missed: Vec<Missed> = missed.filter_map(std::future::ready).collect().await;
    let (mut outcome, mut failed) = (Outcome::default(), BTreeSet::new());
    for Missed { policy, why, failure } in missed {
        failed.insert(policy);
        match failure {
            Some(failure) => outcome.note(why, &failure),
            None => outcome.failures.push(why),
        }
    }
    pruner.prune((application, plan, guard), &failed, (children, writer), &mut outcome).await;
    // They end in any order; the status says the same thing of the same failures.
    outcome.failures.sort_by(|one, other| one.message.cmp(&other.message));
    // A CRD that is missing is so for every cluster.
    outcome.failures.dedup();
    outcome
}

/// Takes one step, and keeps what the API server answers.
async fn take(step: Step, context: &Context) -> Option<Missed> {
    let (wanted, child) = match step {
        Step::Nothing => return None,
        Step::Blocked(Blocked { policy, why }) => return Some(Missed { policy, why, failure: None }),
        Step::Create(wanted) => (wanted, None),
        Step::Update(wanted, child) => (wanted, Some(child)),
    };
    // Until it is known that the object names the Secret.
    let _hold = match hold(&wanted, context).await {
        Ok(hold) => hold,
        Err(why) => return Some(Missed { policy: wanted.policy, why, failure: None }),
    };
    let answer = match child {
        None => context.writer.create(&wanted).await,
        Some(child) => context.writer.update(&wanted, &child).await,
    };
    match answer {
        Ok(child) => {
            context.children.answered(child);
            None
        }
        Err(failure) => {
            let Wanted { kind, name, policy, .. } = wanted;
            Some(Missed { policy, why: failure.summary("written", kind, &name), failure: Some(failure) })
        }
    }
}

/// Holds the Secret that the object names, if it names one.
async fn hold(wanted: &Wanted, context: &Context) -> Result<Option<Hold>, Summary> {
    let Some(secret) = secret_of(&wanted.object) else { return Ok(None) };
    context.holds.hold(&(wanted.namespace.as_str().into(), secret.into())).await.map(Some)
}
