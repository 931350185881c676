//! What a change of a Fleet or of a cluster's labels takes away from
//! Applications that did not change themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::destination::Selection;
use crate::prune::Guard;
use crate::{Catalog, Cluster, ClusterKey, FleetEntry, PolicyDestination, usage};

/// A policy that loses clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss<'a> {
    /// The Application's name.
    pub application: &'a str,
    /// The policy's name.
    pub policy: &'a str,
    /// Whether the removal exceeds the guard, and is held.
    pub is_held: bool,
}

/// At most this many different selectors are evaluated for one change: each
/// costs as much as the Fleet has clusters.
const MOST_SELECTIONS: usize = 1_000;

/// What becoming `after` takes away from the policies that go to the Fleet
/// `before`. Nothing, as long as the new one cannot be understood.
#[must_use]
pub fn of_fleet_change<'a>(
    before: &'a FleetEntry,
    after: &FleetEntry,
    catalog: &'a Catalog,
) -> Vec<Loss<'a>> {
    if !after.faults.is_empty() {
        return Vec::new();
    }
    let change = Change::new(catalog.members(before).clusters, catalog.members(after).clusters);
    change.losses(&before.key.namespace, &before.key.name, catalog)
}

/// What the labels of `after` take away from the policies that go to Fleets of
/// the cluster `before`.
#[must_use]
pub fn of_relabelling<'a>(before: &Cluster, after: &Cluster, catalog: &'a Catalog) -> Vec<Loss<'a>> {
    let with = |cluster: &Cluster| {
        let mut catalog = catalog.clone();
        catalog.insert_cluster(cluster.clone());
        catalog
    };
    let (then, now) = (with(before), with(after));
    let fleets = catalog.fleets().filter(|fleet| fleet.has(before));
    let losses = fleets.flat_map(|fleet| {
        let change = Change::new(then.members(fleet).clusters, now.members(fleet).clusters);
        change.losses(&fleet.key.namespace, &fleet.key.name, catalog)
    });
    losses.collect()
}

/// The clusters of one Fleet, then and now.
struct Change {
    before: Vec<Arc<Cluster>>,
    after: Vec<Arc<Cluster>>,
    /// Those that left, or have other labels: only they can be lost.
    touched: Vec<Arc<Cluster>>,
}

impl Change {
    fn new(before: Vec<Arc<Cluster>>, after: Vec<Arc<Cluster>>) -> Self {
        let now: BTreeMap<&ClusterKey, &Cluster> =
            after.iter().map(|cluster| (&cluster.key, &**cluster)).collect();
        let is_touched = |cluster: &&Arc<Cluster>| {
            now.get(&cluster.key).is_none_or(|current| current.labels != cluster.labels)
        };
        let touched = before.iter().filter(is_touched).cloned().collect();
        Self { before, after, touched }
    }

    fn losses<'a>(&self, namespace: &'a str, fleet: &'a str, catalog: &'a Catalog) -> Vec<Loss<'a>> {
        let (mut known, guard) = (BTreeMap::new(), catalog.guard());
        let mut losses = Vec::new();
        for entry in usage::of_fleet(namespace, fleet, catalog) {
            for policy in entry.policies_to(fleet) {
                let PolicyDestination::Fleet { selection, .. } = &*policy.destination else { continue };
                if let Some(is_held) = self.loss(selection, guard, &mut known) {
                    losses.push(Loss { application: &entry.key.name, policy: &policy.name, is_held });
                }
            }
        }
        losses
    }

    /// Whether that selection loses clusters, and then whether it is held.
    fn loss(
        &self,
        selection: &Selection,
        guard: Guard,
        known: &mut BTreeMap<String, Option<bool>>,
    ) -> Option<bool> {
        if !self.touched.iter().any(|cluster| selection.matches(&cluster.labels)) {
            return None;
        }
        let text = selection.to_string();
        if let Some(loss) = known.get(&text) {
            return *loss;
        }
        if known.len() >= MOST_SELECTIONS {
            return None;
        }
        let (before, after) = (selected(&self.before, selection), selected(&self.after, selection));
        let gone = before.difference(&after).count();
        let loss = (gone > 0).then(|| guard.holds(before.len(), gone, after.len()));
        known.insert(text, loss);
        loss
    }
}

fn selected<'a>(clusters: &'a [Arc<Cluster>], selection: &Selection) -> BTreeSet<&'a ClusterKey> {
    let chosen = clusters.iter().filter(|cluster| selection.matches(&cluster.labels));
    chosen.map(|cluster| &cluster.key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{Scenario, cluster, fleet};
    use serde_json::{Value, json};

    fn to(env: &str) -> Value {
        let selector = json!({"matchLabels": {"env": env}});
        json!({"destination": {"fleet": "f", "clusterSelector": selector}, "syncPolicies": [{}, {}]})
    }

    fn catalog() -> Catalog {
        Scenario::new()
            .cluster("m1", &[("env", "test")])
            .cluster("m2", &[("env", "dev")])
            .cluster("m3", &[("env", "dev")])
            .fleet("f", &["m1", "m2", "m3"])
            .fleet_by_label("labelled", &[], &[("env", "test")])
            .application("all", json!({"destination": {"fleet": "f"}, "syncPolicies": [{}]}))
            .application("dev", to("dev"))
            .application("labelled", json!({"destination": {"fleet": "labelled"}, "syncPolicies": [{}]}))
            .application("test", to("test"))
            .deleted_application("gone", json!({"destination": {"fleet": "f"}, "syncPolicies": [{}]}))
            .catalog()
    }

    fn texts(losses: &[Loss<'_>]) -> Vec<String> {
        losses
            .iter()
            .map(|loss| format!("{}{}", loss.policy, if loss.is_held { " held" } else { "" }))
            .collect()
    }

    #[test]
    fn clusters_that_leave_a_fleet() {
        let catalog = catalog();
        let before = FleetEntry::from(&fleet("f", &["m1", "m2", "m3"]));
        let table: [(&[&str], &[&str]); 5] = [
            (&["m1", "m2", "m3"], &[]),
            (&["m3", "m2", "m1", "m4"], &[]),
            (&["m1", "m2"], &["all-0", "dev-0", "dev-1"]),
            (&["m2", "m3"], &["all-0", "test-0 held", "test-1 held"]),
            (&[], &["all-0 held", "dev-0 held", "dev-1 held", "test-0 held", "test-1 held"]),
        ];
        for (clusters, expected) in table {
            let after = FleetEntry::from(&fleet("f", clusters));
            assert_eq!(texts(&of_fleet_change(&before, &after, &catalog)), expected, "{clusters:?}");
        }
    }

    #[test]
    fn a_fleet_that_is_not_understood_takes_nothing_away() {
        let catalog = catalog();
        let before = FleetEntry::from(&fleet("f", &["m1", "m2", "m3"]));
        let after = FleetEntry { faults: vec!["?".to_owned()], ..FleetEntry::from(&fleet("f", &[])) };
        assert_eq!(of_fleet_change(&before, &after, &catalog), []);
    }

    #[test]
    fn clusters_that_get_other_labels() {
        let catalog = catalog();
        let table: [(&str, &str, &[&str]); 4] = [
            ("m1", "test", &[]),
            ("m1", "dev", &["test-0 held", "test-1 held", "labelled-0 held"]),
            ("m2", "test", &["dev-0", "dev-1"]),
            ("stranger", "test", &[]),
        ];
        for (name, env, expected) in table {
            let labels = if name == "m1" { "test" } else { "dev" };
            let (before, after) = (cluster(name, &[("env", labels)]), cluster(name, &[("env", env)]));
            assert_eq!(texts(&of_relabelling(&before, &after, &catalog)), expected, "{name} {env}");
        }
    }

    #[test]
    fn many_selectors_take_bounded_time() {
        let mut scenario = Scenario::new();
        let names: Vec<String> = (0..300).map(|index| format!("m{index}")).collect();
        for name in &names {
            scenario = scenario.cluster(name, &[]);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let policy = |index: usize| {
            let absent = json!([{"key": format!("k{index}"), "operator": "DoesNotExist"}]);
            json!({"destination": {"fleet": "f", "clusterSelector": {"matchExpressions": absent}}})
        };
        let policies: Vec<Value> = (0..5_000).map(policy).collect();
        let catalog =
            scenario.fleet("f", &names).application("wide", json!({"syncPolicies": policies})).catalog();
        let before = FleetEntry::from(&fleet("f", &names));
        let losses = of_fleet_change(&before, &FleetEntry::from(&fleet("f", &[])), &catalog).len();
        assert_eq!(losses, MOST_SELECTIONS);
    }
}
