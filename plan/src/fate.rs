//! What becomes of a child that exists: is it planned, was it taken out, is it
//! lost, or can nobody tell?
//!
//! What was explicitly removed goes at once: a policy that left the spec, unless it
//! may only be renamed, another kind of source or of policy, a destination that was
//! edited. What is not planned
//! although nobody edited anything is lost: a label, a Fleet or a cluster changed,
//! and how much that may take away is [`crate::prune`]'s to judge. What is only
//! missing stays: a cluster that does not exist at the moment, credentials that
//! are not there, a selector that cannot be read.
//!
//! While something is held, an edit of the destination decides nothing: of what
//! was lost before it, it would let go without the word that is waited for.

mod gone;

use std::collections::{BTreeMap, BTreeSet};

use fleetgate_api::names::{ANNOTATION_APPLIED, ANNOTATION_DESTINATION, ANNOTATION_POLICY};

use self::gone::Gone;
use crate::prune::Existing;
use crate::{ClusterKey, FluxKind, Plan, PolicyPlan, Resolution, Target, Template, names};

/// What becomes of a child that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The plan has it.
    Planned,
    /// The plan does not have it, and whether it should go cannot be told.
    Held,
    /// The plan does not have it, by nobody's decision.
    Lost,
    /// It was taken out.
    Removed,
}

/// What a child that exists was made for, by what it says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose<'a> {
    /// It does not say: somebody else wrote it, as Kurator did before.
    Unknown,
    /// To fetch the Application's source.
    Source,
    /// To deliver a policy.
    Policy {
        /// The policy's name.
        name: &'a str,
        /// What tells the destination that it was made for from others, if it says so.
        destination: Option<&'a str>,
    },
}

impl<'a> Purpose<'a> {
    /// Of the child of that kind, by its annotations.
    #[must_use]
    pub fn new(kind: FluxKind, annotation: impl Fn(&str) -> Option<&'a str>) -> Self {
        match annotation(ANNOTATION_POLICY) {
            Some(name) => Self::Policy { name, destination: annotation(ANNOTATION_DESTINATION) },
            None if kind.is_source() && annotation(ANNOTATION_APPLIED).is_some() => Self::Source,
            None => Self::Unknown,
        }
    }

    /// The policy that it was made for.
    #[must_use]
    pub const fn policy(self) -> Option<&'a str> {
        match self {
            Self::Policy { name, .. } => Some(name),
            Self::Unknown | Self::Source => None,
        }
    }
}

/// The fates of an Application's children, looked up by kind, name and purpose.
///
/// A child of a policy that left the spec stays where a policy of its kind cannot
/// be written: it may be the same by another name.
#[derive(Debug)]
pub struct Fates<'a> {
    plan: &'a Plan,
    planned: BTreeSet<(FluxKind, String)>,
    policies: BTreeMap<&'a str, &'a PolicyPlan>,
    gone: Gone,
}

impl<'a> Fates<'a> {
    /// Of the children of the plan's Application: all that are not on their way out.
    #[must_use]
    pub fn of(plan: &'a Plan, children: &[Existing<'_>]) -> Self {
        let named =
            |template: &'a Template| template.bindings().map(move |binding| (template.kind, binding.name));
        let policies = plan.policies.iter().rev().map(|policy| (policy.name.as_str(), policy));
        let policies = policies.collect();
        let gone = Gone::of(plan, &policies, children);
        Self { plan, planned: plan.templates().flat_map(named).collect(), policies, gone }
    }

    /// Of the child of that kind and name, made for that purpose.
    #[must_use]
    pub fn look_up(&self, kind: FluxKind, name: &str, purpose: Purpose<'_>) -> Fate {
        if self.planned.contains(&(kind, name.to_owned())) {
            return Fate::Planned;
        }
        match purpose {
            Purpose::Source if self.plan.source.is_some() => Fate::Removed,
            Purpose::Source => Fate::Held,
            Purpose::Unknown => self.of_unknown(kind, name),
            Purpose::Policy { name: policy, destination } => match self.policies.get(policy) {
                Some(standing) => self.of_standing(standing, kind, name, destination),
                None => self.gone.look_up(kind, name),
            },
        }
    }

    /// What it delivers is in use, and nobody has said what it is: that it goes
    /// is nobody's decision, whichever policy it may have been made for.
    fn of_unknown(&self, kind: FluxKind, name: &str) -> Fate {
        let is_held = |policy: &&PolicyPlan| self.of_standing(policy, kind, name, None) == Fate::Held;
        if self.plan.source.is_none() || self.policies.values().any(is_held) {
            Fate::Held
        } else {
            Fate::Lost
        }
    }

    /// Of a child of a policy that stands and does not plan it.
    fn of_standing(
        &self,
        policy: &PolicyPlan,
        kind: FluxKind,
        name: &str,
        destination: Option<&str>,
    ) -> Fate {
        let Some(template) = &policy.template else { return Fate::Held };
        if !policy.resolution.faults.is_empty() || is_out_of_reach(policy, name) {
            return Fate::Held;
        }
        let is_held = self.plan.is_held;
        let is_moved = !is_held && destination.is_some_and(|destination| destination != policy.destination);
        // Objects of either kind have one name on one cluster, but for what Kurator cut: that waits for a word, too.
        let goes_there = || self.planned.contains(&(template.kind, name.to_owned()));
        let is_replaced = template.kind != kind && (!is_held || goes_there());
        // Nobody decides to deliver nowhere without taking the policy out.
        if (is_moved || is_replaced) && policy.resolution.is_decided() { Fate::Removed } else { Fate::Lost }
    }
}

/// Whether a child of that name would be planned if its cluster existed, or had credentials.
fn is_out_of_reach(policy: &PolicyPlan, name: &str) -> bool {
    out_of_reach(&policy.resolution).any(|(cluster, _)| names::is_child_of(name, &policy.name, cluster))
}

/// The clusters that are meant and that do not exist, or have no credentials,
/// each with whether it lets go of what was delivered to it.
fn out_of_reach(resolution: &Resolution) -> impl Iterator<Item = (&ClusterKey, bool)> {
    let without_credentials = resolution.targets.iter().filter_map(|target| match target {
        Target::Member(cluster) if !target.is_reachable() => Some((&cluster.key, cluster.lets_go)),
        _ => None,
    });
    resolution.missing_clusters.iter().map(|cluster| (cluster, false)).chain(without_credentials)
}

#[cfg(test)]
mod tests;
