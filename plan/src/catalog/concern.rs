//! Whom a change concerns: exactly those for whom something means something
//! else than before.
//!
//! A label on one cluster of a thousand wakes the Applications of which a policy
//! chooses that cluster, or did, and nobody else.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AppEntry, Catalog, Change, FleetEntry, ObjectKey, PolicyDestination, PolicyEntry, Turn};
use crate::{Cluster, FluxKind, RenderedKind, usage};

impl Catalog {
    /// The Applications that have to be looked at after `change`, which this
    /// Catalog has taken up.
    #[must_use]
    pub fn applications_concerned(&self, change: &Change) -> BTreeSet<ObjectKey> {
        match change {
            Change::Fleet(turn) => self.users_of_fleet(turn),
            Change::Cluster(turn) => self.users_of_cluster(turn),
            Change::Application(turn) => self.neighbours_of(turn),
            Change::Namespace(namespace) => keys(self.applications(namespace)),
            Change::Crd(kind) => keys(self.applications.iter().filter(|entry| renders(entry, *kind))),
        }
    }

    /// The Fleets of which something may be said anew after `change`.
    #[must_use]
    pub fn fleets_concerned(&self, change: &Change) -> BTreeSet<ObjectKey> {
        match change {
            Change::Fleet(turn) => turn.states().map(|fleet| fleet.key.clone()).collect(),
            Change::Cluster(turn) => {
                self.fleets_of_cluster(turn).map(|(fleet, _)| fleet.key.clone()).collect()
            }
            Change::Application(_) | Change::Namespace(_) | Change::Crd(_) => BTreeSet::new(),
        }
    }

    fn users_of_fleet(&self, turn: &Turn<FleetEntry>) -> BTreeSet<ObjectKey> {
        let Some(key) = turn.states().next().map(|fleet| &fleet.key) else { return BTreeSet::new() };
        let difference = match turn {
            Turn { before: Some(before), after: Some(after) } => self.difference(before, after),
            _ => Difference { of_all: true, ..Difference::default() },
        };
        self.users(key, &difference).collect()
    }

    fn users_of_cluster(&self, turn: &Turn<Cluster>) -> BTreeSet<ObjectKey> {
        let fleets = self.fleets_of_cluster(turn);
        fleets
            .flat_map(|(fleet, difference)| self.users(&fleet.key, &difference).collect::<Vec<_>>())
            .collect()
    }

    fn users(&self, fleet: &ObjectKey, difference: &Difference) -> impl Iterator<Item = ObjectKey> {
        let users = self.applications_of_fleet(&fleet.namespace, &fleet.name);
        let concerned =
            users.filter(|entry| entry.policies_to(&fleet.name).any(|policy| difference.concerns(policy)));
        concerned.map(|entry| entry.key.clone())
    }

    /// Itself, since a change of its Fleet may have come before the index had
    /// it; and those to whom it is, or was, a rival.
    fn neighbours_of(&self, turn: &Turn<AppEntry>) -> BTreeSet<ObjectKey> {
        let neighbours = turn.states().flat_map(|entry| usage::neighbours(entry, self));
        turn.states().chain(neighbours).map(|entry| entry.key.clone()).collect()
    }

    /// What became of a Fleet that stayed.
    fn difference(&self, before: &FleetEntry, after: &FleetEntry) -> Difference {
        let (then, now) = (self.members(before), self.members(after));
        let (gone, come) = unlike(then.clusters, now.clusters);
        Difference {
            of_all: then.missing != now.missing || before.faults != after.faults,
            of_rollouts: before.flagger != after.flagger,
            before: gone,
            after: come,
        }
    }

    /// The Fleets to which a cluster belongs, or did, or that list it.
    fn fleets_of_cluster<'a>(
        &'a self,
        turn: &Turn<Cluster>,
    ) -> impl Iterator<Item = (&'a Arc<FleetEntry>, Difference)> {
        let namespace = turn.states().next().map(|cluster| cluster.key.namespace.clone());
        let from = namespace.as_ref().map(|namespace| ObjectKey::new(namespace.as_str(), ""));
        let fleets = from.into_iter().flat_map(|from| self.fleets.range(from..));
        let fleets = fleets.take_while(move |(key, _)| Some(&key.namespace) == namespace.as_ref());
        fleets.filter_map(|(_, fleet)| Some((fleet, Difference::of_cluster(fleet, turn)?)))
    }
}

/// What of a Fleet means something else than before.
#[derive(Debug, Default)]
struct Difference {
    /// To every policy that goes there.
    of_all: bool,
    /// To those with a rollout.
    of_rollouts: bool,
    /// To those that choose other clusters of these than of those behind them.
    before: Vec<Arc<Cluster>>,
    after: Vec<Arc<Cluster>>,
}

impl Difference {
    /// `None` if the Fleet has nothing to do with the cluster.
    fn of_cluster(fleet: &FleetEntry, turn: &Turn<Cluster>) -> Option<Self> {
        let member = |state: &Option<Arc<Cluster>>| {
            state.iter().filter(|cluster| fleet.has(cluster)).cloned().collect::<Vec<_>>()
        };
        let difference = Self {
            // Every destination in the Fleet knows which listed clusters are missing.
            of_all: turn.is_of_existence()
                && turn.states().any(|cluster| fleet.listed.contains(&cluster.key)),
            of_rollouts: false,
            before: member(&turn.before),
            after: member(&turn.after),
        };
        (!difference.before.is_empty() || !difference.after.is_empty()).then_some(difference)
    }

    fn concerns(&self, policy: &PolicyEntry) -> bool {
        self.of_all || (self.of_rollouts && policy.rollout.is_some()) || self.is_chosen(&policy.destination)
    }

    fn is_chosen(&self, destination: &PolicyDestination) -> bool {
        let chosen = |cluster: &&Arc<Cluster>| destination.selects(&cluster.labels);
        !self.before.iter().filter(chosen).eq(self.after.iter().filter(chosen))
    }
}

/// What is left of both lists without their common beginning and end: whatever
/// is chosen of the lists, it differs if it differs there.
fn unlike<T: PartialEq>(mut one: Vec<T>, mut other: Vec<T>) -> (Vec<T>, Vec<T>) {
    let begin = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    one.drain(..begin);
    other.drain(..begin);
    let end = one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count();
    one.truncate(one.len() - end);
    other.truncate(other.len() - end);
    (one, other)
}

/// Whether the Application becomes objects of that kind on the host.
fn renders(entry: &AppEntry, kind: RenderedKind) -> bool {
    let of_policies = entry.policies.iter().filter_map(|policy| policy.delivery.kind());
    let mut kinds = entry.source.into_iter().chain(of_policies);
    kinds.any(|rendered: FluxKind| RenderedKind::Flux(rendered) == kind)
}

fn keys<'a>(entries: impl Iterator<Item = &'a Arc<AppEntry>>) -> BTreeSet<ObjectKey> {
    entries.map(|entry| entry.key.clone()).collect()
}

#[cfg(test)]
mod tests;
