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

mod lateness;
mod look;
mod pending;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetgate_api::{Application, ConditionReason};
use fleetgate_plan::prune::{Existing, Guard, judge, unreplaced};
use fleetgate_plan::usage::lets_go_of;
use fleetgate_plan::{Catalog, Estate, Plan};
use futures::{StreamExt, stream};
use kube::{Client, ResourceExt};

use self::lateness::Lateness;
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
    lateness: Lateness,
}

impl Pruner {
    /// For an installation of which `empty` is a Catalog without anything in it.
    pub(super) fn new(client: Client, empty: Catalog, pending: Arc<Pending>) -> Self {
        Self { pending, look: Look::new(client, empty), lateness: Lateness::default() }
    }

    /// Nothing of the Application's is to be held any more.
    pub(super) fn forget(&self, application: &impl ResourceExt) {
        self.pending.forget(application);
        self.lateness.forget(application);
    }

    /// What the Application asks for cannot be delivered, and nothing goes.
    pub(super) fn set_aside(&self, application: &Application) {
        self.pending.set_aside(application);
        self.lateness.forget(application);
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
        outcome.is_removing = decision.again.is_some();
        (outcome.held, outcome.again) = (decision.held, decision.again);
        if decision.goes.is_empty() {
            self.lateness.forget(application);
            return;
        }
        let unreplaced = unreplaced(plan, existing(&all));
        let is_replaced = |child: &Child| {
            let policy = child.purpose().policy();
            !failed.iter().any(|failed| failed.as_deref() == policy)
                && !policy.is_some_and(|policy| unreplaced.contains(policy))
        };
        let going = all.iter().filter(|child| decision.goes.contains(&child.uid) && is_replaced(child));
        let going: Vec<Arc<Child>> = going.cloned().collect();
        if going.is_empty() {
            self.lateness.forget(application);
            return;
        }
        let now = self.look.plan(application).await;
        let now = now.map(|now| now.map(|(plan, catalog)| (children.keeping_names(plan), catalog)));
        let clusters = match now {
            Ok(Some((now, clusters))) if judge(&now, existing(&all), guard) == verdict => {
                self.lateness.forget(application);
                clusters
            }
            Ok(now) if !self.lateness.may_be(application, Instant::now()) => {
                outcome.failures.push(lateness::said(plan, now.as_ref().map(|(plan, _)| plan)));
                return;
            }
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
        };
        outcome.is_removing = true;
        let heirs = Heirs::of(plan, &going);
        let deletions = stream::iter(going).map(|child| {
            let lets_go = lets_go_of((&child.namespace, &child.name), child.purpose(), &clusters);
            remove(child, lets_go, &heirs, (children, writer))
        });
        let failures = deletions.buffer_unordered(CONCURRENCY).filter_map(std::future::ready);
        for (why, failure) in failures.collect::<Vec<_>>().await {
            outcome.note(why, &failure);
        }
    }
}

/// The planned objects of the kinds of which some go, by what they deliver.
struct Heirs(BTreeMap<Estate, String>);

impl Heirs {
    fn of(plan: &Plan, going: &[Arc<Child>]) -> Self {
        Self(plan.heirs(&going.iter().map(|child| child.kind).collect()))
    }

    /// The planned object that delivers the same: Flux would take away under it
    /// what the child delivered.
    fn heir(&self, child: &Child) -> Option<&str> {
        let estate = Estate::of(child.kind, &child.spec(), (&child.namespace, &child.name))?;
        self.0.get(&estate).map(String::as_str)
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

/// Deletes a child, and with it what it delivered, unless its cluster lets go of
/// that, or it is another one's by now.
async fn remove(
    child: Arc<Child>,
    lets_go: bool,
    heirs: &Heirs,
    (children, writer): (&Children, &Writer),
) -> Option<(Summary, Failure)> {
    let is_ours = |heir: Arc<Child>| heir.facts.owner == child.facts.owner;
    let deleted = match heirs.heir(&child) {
        None => writer.take_away(&child, lets_go).await,
        // Whoever has been written takes it over, and keeps it.
        Some(heir) if children.get(child.kind, &child.namespace, heir).is_some_and(is_ours) => {
            let Child { kind, namespace, name, .. } = &*child;
            tracing::info!(kind = kind.kind(), %namespace, %name, heir, "another one delivers the same, and keeps it");
            writer.take_away(&child, true).await
        }
        // It is written in another pass, which the failure of this one brings about.
        Some(_) => return None,
    };
    match deleted {
        Ok(left) => {
            children.answered(left);
            None
        }
        Err(failure) => Some((failure.summary("deleted", child.kind, &child.name), failure)),
    }
}
