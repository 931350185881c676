//! Who uses what: the Applications that keep a Fleet or a cluster in use, or
//! have taken a name.
//!
//! An Application that is on its way out uses nothing any more: what it needs
//! to be taken away, its Flux objects know themselves.

mod children;
mod neighbours;
mod place;

use std::sync::Arc;

pub use self::children::{SharedChild, shared_children};
pub use self::neighbours::neighbours;
pub use self::place::{Place, lets_go_of};
use crate::{AppEntry, Catalog, Cluster, FleetEntry};

/// A Fleet whose Applications deliver to a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterUse<'a> {
    /// The Fleet's name.
    pub fleet: &'a str,
    /// The names of the Applications, in alphabetical order; never empty.
    pub applications: Vec<&'a str>,
}

/// The Applications that deliver to a Fleet of that name.
pub fn of_fleet<'a, 'b>(
    namespace: &'b str,
    fleet: &'b str,
    catalog: &'a Catalog,
) -> impl Iterator<Item = &'a Arc<AppEntry>> + use<'a, 'b> {
    catalog.applications_of_fleet(namespace, fleet).filter(|entry| !entry.is_deleted)
}

/// The Fleets by which Applications deliver to `cluster`.
#[must_use]
pub fn of_cluster<'a>(cluster: &'a Cluster, catalog: &'a Catalog) -> Vec<ClusterUse<'a>> {
    let uses = catalog.fleets().map(|fleet| {
        let applications = users(cluster, fleet, catalog).map(|entry| entry.key.name.as_str());
        ClusterUse { fleet: &fleet.key.name, applications: applications.collect() }
    });
    uses.filter(|usage| !usage.applications.is_empty()).collect()
}

/// Whether any Application delivers to `cluster`.
#[must_use]
pub fn is_cluster_used(cluster: &Cluster, catalog: &Catalog) -> bool {
    catalog.fleets().any(|fleet| users(cluster, fleet, catalog).next().is_some())
}

/// The Applications that deliver to `cluster` by `fleet`.
fn users<'a>(
    cluster: &'a Cluster,
    fleet: &'a FleetEntry,
    catalog: &'a Catalog,
) -> impl Iterator<Item = &'a Arc<AppEntry>> {
    let name = fleet.key.name.as_str();
    let is_member = fleet.has(cluster);
    let applications =
        is_member.then(|| of_fleet(&cluster.key.namespace, name, catalog)).into_iter().flatten();
    applications.filter(move |entry| {
        entry.policies_to(name).any(|policy| policy.destination.selects(&cluster.labels))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{Scenario, cluster};
    use serde_json::json;

    fn catalog() -> Catalog {
        let test = json!({"fleet": "a", "clusterSelector": {"matchLabels": {"env": "test"}}});
        Scenario::new()
            .cluster("m1", &[("env", "test")])
            .cluster("m2", &[("env", "dev")])
            .fleet("a", &["m1", "m2"])
            .fleet_by_label("b", &[], &[("env", "test")])
            .fleet("unused", &["m1"])
            .application("api", json!({"destination": test, "syncPolicies": [{}]}))
            .application(
                "both",
                json!({"syncPolicies": [{"destination": test}, {"destination": {"fleet": "b"}}]}),
            )
            .application("host", json!({"syncPolicies": [{}]}))
            .deleted_application("gone", json!({"destination": {"fleet": "a"}, "syncPolicies": [{}]}))
            .catalog()
    }

    #[test]
    fn fleets() {
        let catalog = catalog();
        let users = |fleet: &str| {
            of_fleet("default", fleet, &catalog).map(|entry| entry.key.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(users("a"), ["api", "both"]);
        assert_eq!(users("b"), ["both"]);
        assert_eq!(users("unused"), [""; 0]);
    }

    #[test]
    fn clusters() {
        let catalog = catalog();
        let users = |name: &str, labels: &[(&str, &str)]| {
            let cluster = cluster(name, labels);
            let uses = of_cluster(&cluster, &catalog);
            assert_eq!(is_cluster_used(&cluster, &catalog), !uses.is_empty());
            let text = uses.iter().map(|usage| format!("{}: {}", usage.fleet, usage.applications.join(" ")));
            text.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(users("m1", &[("env", "test")]), "a: api both, b: both");
        assert_eq!(users("m2", &[("env", "dev")]), "");
        assert_eq!(users("m2", &[("env", "test")]), "a: api both, b: both");
        assert_eq!(users("stranger", &[]), "");
    }
}
