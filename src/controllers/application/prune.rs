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
use fleetgate_plan::prune::{Existing, Guard, judge};
use fleetgate_plan::{Catalog, FluxKind, HelmName, Plan};
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
            self.lateness.forget(application);
            return;
        }
        let now = self.look.plan(application).await.map(|plan| plan.map(|plan| children.keeping_names(plan)));
        match now {
            Ok(Some(now)) if judge(&now, existing(&all), guard) == verdict => {
                self.lateness.forget(application);
            }
            Ok(now) if !self.lateness.may_be(application, Instant::now()) => {
                outcome.failures.push(lateness::said(plan, now.as_ref()));
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
        }
        let releases = Releases::of(plan, &going);
        let deletions = stream::iter(going).map(|child| remove(child, &releases, children, writer));
        let failures = deletions.buffer_unordered(CONCURRENCY).filter_map(std::future::ready);
        for (why, failure) in failures.collect::<Vec<_>>().await {
            outcome.note(why, &failure);
        }
    }
}

/// The Helm releases that are planned; none where no other goes.
struct Releases(BTreeMap<HelmName, String>);

impl Releases {
    fn of(plan: &Plan, going: &[Arc<Child>]) -> Self {
        let goes = going.iter().any(|child| child.kind == FluxKind::HelmRelease);
        Self(if goes { plan.helm_names() } else { BTreeMap::new() })
    }

    /// The planned HelmRelease that means the same release: Helm would take away
    /// under it what the child delivered.
    fn heir(&self, child: &Child) -> Option<&str> {
        let is_release = child.kind == FluxKind::HelmRelease && !self.0.is_empty();
        let name = is_release.then(|| HelmName::of(&child.spec(), &child.name, &child.namespace))?;
        self.0.get(&name).map(String::as_str)
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

/// Deletes a child, and with it what it delivered, unless that is another one's by now.
async fn remove(
    child: Arc<Child>,
    releases: &Releases,
    children: &Children,
    writer: &Writer,
) -> Option<(Summary, Failure)> {
    let is_ours = |heir: Arc<Child>| heir.facts.owner == child.facts.owner;
    let deleted = match releases.heir(&child) {
        None => writer.delete(&child).await,
        // Whoever has been written takes the release over, and keeps it.
        Some(heir) if children.get(child.kind, &child.namespace, heir).is_some_and(is_ours) => {
            writer.let_go(&child).await
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
