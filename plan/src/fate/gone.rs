//! What becomes of the children of a policy that is not in the spec.
//!
//! It was taken out, or is called otherwise now: nobody can tell. Where all that
//! is planned can be written that makes no difference: the old child goes, and
//! leaves to a new one what that delivers as well. Where one of the policies that
//! there are cannot be written, it may be that policy by its new name, and the old
//! child is all that there is of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Fate, out_of_reach};
use crate::prune::Existing;
use crate::{ClusterKey, FluxKind, Plan, PolicyPlan, Resolution, Target, names};

/// The children of policies that are gone that are not just removed, by kind and name.
#[derive(Debug, Default)]
pub(super) struct Gone(BTreeMap<FluxKind, BTreeMap<String, Fate>>);

/// A member cluster; none is the host.
type Place<'a> = Option<&'a ClusterKey>;

impl Gone {
    /// Of those `children` whose policies are not among `standing`. Without any, nothing is asked.
    pub(super) fn of(plan: &Plan, standing: &BTreeMap<&str, &PolicyPlan>, children: &[Existing<'_>]) -> Self {
        let mut gone: BTreeMap<FluxKind, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
        for child in children {
            if let Some(policy) = child.purpose.policy().filter(|policy| !standing.contains_key(policy)) {
                gone.entry(child.kind).or_default().entry(policy).or_default().push(child.name);
            }
        }
        let of_kind = |(kind, policies): (FluxKind, BTreeMap<&str, Vec<&str>>)| {
            let there = children.iter().filter(|child| child.kind == kind).map(|child| child.name);
            let successors = Successors::of(plan, kind, &policies, &there.collect());
            let fates = policies.iter().flat_map(|(policy, names)| successors.fates(policy, names));
            (kind, fates.collect())
        };
        Self(gone.into_iter().map(of_kind).collect())
    }

    /// Of the child of that kind and name.
    pub(super) fn look_up(&self, kind: FluxKind, name: &str) -> Fate {
        self.0.get(&kind).and_then(|fates| fates.get(name)).copied().unwrap_or(Fate::Removed)
    }
}

/// The policies of one kind, each of which may be any that is gone.
struct Successors<'a> {
    /// What becomes of a child at least while a Fleet cannot be told, by what ends its name.
    by_ending: BTreeMap<Option<&'a str>, Fate>,
    /// Where one of them cannot be written, and has nothing yet.
    in_doubt: Places<'a>,
    /// Where they go, while something is held.
    reached: Option<Places<'a>>,
}

impl<'a> Successors<'a> {
    /// To the policies that are `gone`, of which these children are `there`.
    fn of(
        plan: &'a Plan,
        kind: FluxKind,
        gone: &BTreeMap<&str, Vec<&'a str>>,
        there: &BTreeSet<&str>,
    ) -> Self {
        // What one delivers that says nothing cannot be told.
        let is_of_kind =
            |policy: &&PolicyPlan| policy.template.as_ref().is_none_or(|other| other.kind == kind);
        let all: Vec<&PolicyPlan> = plan.policies.iter().filter(is_of_kind).collect();
        let resolved = Resolved::of(&all);
        let reached = (plan.is_held && !all.is_empty()).then(|| Places::new(&resolved.reached()));
        let endings = gone.iter().flat_map(|(policy, names)| names.iter().map(|name| ending(policy, name)));
        let endings: BTreeSet<Option<&str>> = endings.collect();
        let by_ending = endings.into_iter().map(|ending| (ending, at_least(&all, ending, there)));
        let in_doubt = Places::new(&resolved.in_doubt(there));
        Self { by_ending: by_ending.collect(), in_doubt, reached }
    }

    /// Of the children of a policy that is gone, by their names: those that are not just removed.
    fn fates(&self, policy: &str, children: &[&str]) -> Vec<(String, Fate)> {
        let in_doubt = self.in_doubt.among(policy, children);
        let reached = self.reached.as_ref().map(|reached| reached.among(policy, children));
        let fate = |name: &&str| {
            let is_left = || reached.as_ref().is_some_and(|reached| !reached.contains(*name));
            let at_least = self.by_ending.get(&ending(policy, name)).copied().unwrap_or(Fate::Removed);
            match at_least {
                _ if in_doubt.contains(*name) => Fate::Held,
                Fate::Removed if is_left() => Fate::Lost,
                at_least => at_least,
            }
        };
        let fates = children.iter().map(|name| ((*name).to_owned(), fate(name)));
        fates.filter(|(_, fate)| *fate != Fate::Removed).collect()
    }
}

/// Places, by how the names of children there end: thousands of policies may have left hundreds of them.
struct Places<'a> {
    endings: BTreeSet<String>,
    /// By how long the ending is: with a long one the name of a child is cut, or ends in a hash.
    by_length: BTreeMap<usize, Vec<Place<'a>>>,
}

impl<'a> Places<'a> {
    fn new(places: &BTreeSet<Place<'a>>) -> Self {
        let mut known = Self { endings: BTreeSet::new(), by_length: BTreeMap::new() };
        for place in places {
            let ending = names::child_ending(*place);
            known.by_length.entry(ending.len()).or_default().push(*place);
            known.endings.insert(ending);
        }
        known
    }

    /// Those of a policy's `children` that are there.
    fn among<'n>(&self, policy: &str, children: &[&'n str]) -> BTreeSet<&'n str> {
        let is_whole = |name: &&str| {
            name.len() <= names::MAX_NAME
                && ending(policy, name).is_some_and(|ending| self.endings.contains(ending))
        };
        let (mut there, others): (BTreeSet<&str>, BTreeSet<&str>) =
            children.iter().copied().partition(is_whole);
        if !others.is_empty() {
            let room = names::MAX_NAME.saturating_sub(policy.to_lowercase().len() + "-".len());
            let long = self.by_length.range(room + 1..).flat_map(|(_, places)| places);
            let names = long.flat_map(|place| names::child_names(policy, *place));
            there.extend(names.filter_map(|name| others.get(&*name).copied()));
        }
        there
    }
}

/// What stands behind its policy in a child's name, which tells the cluster; a name that was cut tells none.
fn ending<'n>(policy: &str, name: &'n str) -> Option<&'n str> {
    name.strip_prefix(&*policy.to_lowercase())?.strip_prefix('-')
}

/// What becomes of a child at least of which the name ends so: whether one of the policies has
/// nothing there, and goes where nobody can tell, or to a Fleet that does not exist.
fn at_least(policies: &[&PolicyPlan], ending: Option<&str>, there: &BTreeSet<&str>) -> Fate {
    let has_none = |policy: &PolicyPlan| {
        let name = ending.map(|ending| format!("{}-{ending}", policy.name.to_lowercase()));
        name.is_none_or(|name| !there.contains(&*name))
    };
    if policies.iter().any(|policy| !policy.resolution.faults.is_empty() && has_none(policy)) {
        Fate::Held
    } else if policies.iter().any(|policy| policy.resolution.missing_fleet.is_some() && has_none(policy)) {
        Fate::Lost
    } else {
        Fate::Removed
    }
}

/// Policies by what their destinations mean: of thousands with one it is looked through once.
struct Resolved<'a>(BTreeMap<*const Resolution, Vec<&'a PolicyPlan>>);

impl<'a> Resolved<'a> {
    fn of(policies: &[&'a PolicyPlan]) -> Self {
        let mut resolved: BTreeMap<*const Resolution, Vec<&PolicyPlan>> = BTreeMap::new();
        for policy in policies {
            resolved.entry(Arc::as_ptr(&policy.resolution)).or_default().push(policy);
        }
        Self(resolved)
    }

    /// The clusters that are out of reach, and on which a policy has none of the
    /// children that are `there`. One that lets go of what was delivered is in no
    /// doubt. A policy that has its child is passed over, so that this takes no
    /// longer than there are children.
    fn in_doubt(&self, there: &BTreeSet<&str>) -> BTreeSet<Place<'a>> {
        let has_none = |policy: &&PolicyPlan, cluster: &ClusterKey| {
            !names::child_names(&policy.name, Some(cluster)).any(|name| there.contains(&*name))
        };
        let mut in_doubt = BTreeSet::new();
        for policies in self.0.values() {
            let clusters = policies.first().into_iter().flat_map(|policy| out_of_reach(&policy.resolution));
            for (cluster, lets_go) in clusters {
                if !lets_go
                    && !in_doubt.contains(&Some(cluster))
                    && policies.iter().any(|policy| has_none(policy, cluster))
                {
                    in_doubt.insert(Some(cluster));
                }
            }
        }
        in_doubt
    }

    /// Where any of the policies goes.
    fn reached(&self) -> BTreeSet<Place<'a>> {
        let first = self.0.values().filter_map(|policies| policies.first());
        first.flat_map(|policy| policy.resolution.reachable().map(Target::cluster)).collect()
    }
}

#[cfg(test)]
mod tests;
