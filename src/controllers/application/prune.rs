//! What the plan no longer has: what goes, what rests for a moment first, and
//! what is held until someone confirms that it goes.
//!
//! ```text
//! children, Plan ─▶ judge ─▶ Pending: rested? confirmed? ─▶ Look: the same now? ─▶ delete
//!                                  └─▶ Held: condition, event, number
//! ```
//!
//! **Invariant**: nothing is deleted by what caches say alone. Right before it,
//! the API server is asked for the Application, the Fleets and the clusters, and
//! has to come to the same.

mod look;
mod pending;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetgate_api::{Application, ConditionReason};
use fleetgate_plan::Plan;
use fleetgate_plan::prune::{Existing, Guard, judge};
use futures::{StreamExt, stream};
use kube::Client;

use self::look::Look;
pub(super) use self::pending::{Held, Pending};
use super::apply::Outcome;
use super::children::{Child, Children};
use super::write::{CONCURRENCY, Failure, Writer};
use crate::controllers::conditions::Summary;

/// How long to wait for the watches where the API server says something else.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Whoever removes what is not planned any more.
pub(super) struct Pruner {
    pending: Arc<Pending>,
    look: Look,
}

impl Pruner {
    pub(super) fn new(client: Client, pending: Arc<Pending>) -> Self {
        Self { pending, look: Look::new(client) }
    }

    /// Nothing of the Application's is to be held any more.
    pub(super) fn forget(&self, application: &Application) {
        self.pending.forget(application);
    }

    /// Removes what goes, and notes in `outcome` what does not. What a policy
    /// delivered stays until all that is to replace it has been written, which
    /// it is not for those that `failed`.
    pub(super) async fn prune(
        &self,
        (application, plan, guard): (&Application, &Plan, Guard),
        failed: &BTreeSet<Option<String>>,
        (children, writer): (&Children, &Writer),
        outcome: &mut Outcome,
    ) {
        let all = children.of(plan.owner.uid.as_deref());
        let verdict = judge(plan, existing(&all), guard);
        let decision = self.pending.decide(application, &verdict, Instant::now());
        (outcome.held, outcome.again) = (decision.held, decision.again);
        let is_replaced = |child: &Child| {
            let policy = child.purpose().policy();
            !failed.iter().any(|failed| failed.as_deref() == policy)
        };
        let going = all.iter().filter(|child| decision.goes.contains(&child.uid) && is_replaced(child));
        let going: Vec<Arc<Child>> = going.cloned().collect();
        if going.is_empty() {
            return;
        }
        match self.look.plan(application).await {
            Ok(Some(now)) if judge(&now, existing(&all), guard) == verdict => {}
            Ok(_) => {
                tracing::debug!(application = plan.owner.name, "what is to go is another by the API server");
                outcome.again = Some(outcome.again.map_or(LOOK_AGAIN, |again| again.min(LOOK_AGAIN)));
                return;
            }
            Err(error) => {
                let message =
                    format!("nothing is removed, since the API server cannot be asked first: {error:#}");
                outcome.failures.push(Summary::new(ConditionReason::ApplyFailed, message));
                return;
            }
        }
        let deletions = stream::iter(going).map(|child| delete(child, children, writer));
        let failures = deletions.buffer_unordered(CONCURRENCY).filter_map(std::future::ready);
        for (why, failure) in failures.collect::<Vec<_>>().await {
            outcome.note(why, &failure);
        }
    }
}

/// Those that are not on their way out: they are neither there to be lost, nor
/// to be counted as what is left.
fn existing(children: &[Arc<Child>]) -> impl Iterator<Item = Existing<'_>> {
    let there = children.iter().filter(|child| !child.facts.is_going);
    there.map(|child| Existing {
        kind: child.kind,
        name: &child.name,
        uid: &child.uid,
        purpose: child.purpose(),
    })
}

async fn delete(child: Arc<Child>, children: &Children, writer: &Writer) -> Option<(Summary, Failure)> {
    match writer.delete(&child).await {
        Ok(left) => {
            children.answered(left);
            None
        }
        Err(failure) => Some((failure.summary("deleted", child.kind, &child.name), failure)),
    }
}
