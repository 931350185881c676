//! What goes of what an Application does not have planned any more, and what is
//! held: too much to be an accident's to decide.
//!
//! An Application that moves, or a policy that is taken out, is a decision and
//! goes at once. A label, a Fleet or a cluster that changes may take far more
//! away than whoever changed it saw: such a removal is held until it is confirmed.

mod guard;

use std::collections::{BTreeMap, BTreeSet};

use fleetgate_api::names::ANNOTATION_CONFIRM_PRUNE;
use kube::ResourceExt;

pub use self::guard::Guard;
use crate::{Fate, Fates, FluxKind, Plan, PolicyPlan, Purpose, Target, names};

/// Hexadecimal digits of the digest that confirms a removal.
const DIGITS: usize = 12;

/// A child that exists and is not on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Existing<'a> {
    /// Its kind.
    pub kind: FluxKind,
    /// Its name.
    pub name: &'a str,
    /// Its uid.
    pub uid: &'a str,
    /// What it was made for.
    pub purpose: Purpose<'a>,
}

/// Children that one policy would lose and that are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding<'a> {
    /// The policy; `None` for what does not say whom it was made for.
    pub policy: Option<&'a str>,
    /// What it would lose.
    pub children: Vec<Existing<'a>>,
    /// On how many clusters it is.
    pub of: usize,
    /// Whether the policy is not in the spec: it was taken out, or is called otherwise now.
    pub is_gone: bool,
}

/// What becomes of the children that the plan does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// What somebody took out.
    pub removed: Vec<Existing<'a>>,
    /// What goes because a label, a Fleet or a cluster changed.
    pub lost: Vec<Existing<'a>>,
    /// What would go for the same reason, and is too much.
    pub held: Vec<Holding<'a>>,
}

impl<'a> Verdict<'a> {
    /// Everything that is held.
    pub fn all_held(&self) -> impl Iterator<Item = &Existing<'a>> {
        self.held.iter().flat_map(|holding| &holding.children)
    }

    /// What confirms the removal of exactly what is held: the digest of the
    /// whole set. An object that is made again is another one.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        let line = |child: &Existing<'_>| format!("{}/{}/{}", child.kind.kind(), child.name, child.uid);
        let mut lines: Vec<String> = self.all_held().map(line).collect();
        lines.sort_unstable();
        (!lines.is_empty()).then(|| names::digest(lines.join("\n").as_bytes(), DIGITS))
    }
}

/// The digest of the removal that the Application's user confirms, if there is one.
#[must_use]
pub fn confirmed(application: &impl ResourceExt) -> Option<&str> {
    application.annotations().get(ANNOTATION_CONFIRM_PRUNE).map(|digest| digest.trim())
}

/// The command that confirms the removal of that digest.
#[must_use]
pub fn confirming_command(name: &str, namespace: &str, digest: &str) -> String {
    format!(
        "kubectl annotate applications.apps.kurator.dev {name} --namespace {namespace} --overwrite \
         {ANNOTATION_CONFIRM_PRUNE}={digest}"
    )
}

/// What becomes of the children of the plan's Application that the plan does not have.
#[must_use]
pub fn judge<'a>(plan: &Plan, children: impl Iterator<Item = Existing<'a>>, guard: Guard) -> Verdict<'a> {
    let children: Vec<Existing<'_>> = children.collect();
    let fates = Fates::of(plan, &children);
    let mut verdict = Verdict::default();
    let mut standing: BTreeMap<Option<&str>, Standing<'a>> = BTreeMap::new();
    for child in children {
        let fate = fates.look_up(child.kind, child.name, child.purpose);
        if fate == Fate::Removed {
            verdict.removed.push(child);
            // While something is held, it goes where something else of its policy comes.
            if !plan.is_held {
                continue;
            }
        }
        let of = standing.entry(child.purpose.policy()).or_default();
        of.names.insert(child.name);
        if fate == Fate::Lost {
            of.lost.push(child);
        }
    }
    for (policy, Standing { names, lost }) in standing {
        if lost.is_empty() {
            continue;
        }
        let of = names.len();
        let goes_to = policy.and_then(|name| plan.policies.iter().find(|policy| policy.name == name));
        let is_gone = policy.is_some() && goes_to.is_none();
        let goes_to = goes_to.map_or(0, |policy| policy.resolution.reachable().count());
        if guard.holds(of, lost.len(), goes_to) {
            verdict.held.push(Holding { policy, children: lost, of, is_gone });
        } else {
            verdict.lost.extend(lost);
        }
    }
    verdict
}

/// The policies of which a cluster waits for its credentials and has nothing yet:
/// what is to replace their old objects has not been written. A cluster that lets
/// go waits for nothing.
#[must_use]
pub fn unreplaced<'a>(plan: &'a Plan, children: impl Iterator<Item = Existing<'a>>) -> BTreeSet<&'a str> {
    let there: BTreeSet<&str> = children.map(|child| child.name).collect();
    let waits = |policy: &&PolicyPlan| {
        policy.resolution.targets.iter().any(|target| {
            let is_there = || {
                there.contains(&*names::child_name(&policy.name, target))
                    || names::cut_child_name(&policy.name, target).is_some_and(|name| there.contains(&*name))
            };
            matches!(target, Target::Member(cluster) if cluster.kubeconfig.is_none() && !cluster.lets_go)
                && !is_there()
        })
    };
    plan.policies.iter().filter(waits).map(|policy| policy.name.as_str()).collect()
}

/// What one policy has that nobody took out.
#[derive(Default)]
struct Standing<'a> {
    /// One for each cluster, also where an object of another kind is to replace the one that is there.
    names: BTreeSet<&'a str>,
    lost: Vec<Existing<'a>>,
}

#[cfg(test)]
mod tests;
