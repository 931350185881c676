//! What is stored is judged as if it came now: the gate may have been open when
//! it did, or a rule may be younger.
//!
//! **Invariant**: whoever builds a Catalog takes Fleets and AttachedClusters by
//! these functions, so that nothing goes where admission would not have let it.
//! They judge each object by itself: it must not matter what is known first.

use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster, FleetEntry};
use serde::Serialize;

use crate::field_path::FieldPath;
use crate::finding::{Finding, Severity};
use crate::judge::judge;
use crate::schema::Kind;

/// Why the object would be refused; nothing if it would not.
#[must_use]
pub fn rejudged(kind: Kind, object: &impl Serialize, catalog: &Catalog) -> Vec<Finding> {
    // What was read from JSON can be written as JSON.
    let object = serde_json::to_value(object).unwrap_or_default();
    let verdict = judge(kind, object, None, catalog);
    verdict.findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect()
}

/// The Fleet as the Catalog has it. What is wrong with who belongs to it is a
/// fault, by which nothing is delivered and nothing is removed. A plugin that is
/// wrong puts nobody's membership in doubt.
#[must_use]
pub fn fleet(fleet: &Fleet) -> FleetEntry {
    let entry = FleetEntry::from(fleet);
    let membership = ["clusters", "clusterSelector"].map(|field| FieldPath::spec().field(field));
    let findings = rejudged(Kind::Fleet, fleet, &Catalog::default());
    let in_doubt = |finding: &&Finding| membership.iter().any(|field| finding.path.is_within(field));
    let faults: Vec<String> = findings.iter().filter(in_doubt).map(ToString::to_string).collect();
    if faults.is_empty() { entry } else { FleetEntry { faults, ..entry } }
}

/// The cluster as the Catalog has it. One that would be refused has no
/// kubeconfig that could be used.
#[must_use]
pub fn cluster(cluster: &AttachedCluster) -> Cluster {
    let known = Cluster::from(cluster);
    let is_usable = rejudged(Kind::AttachedCluster, cluster, &Catalog::default()).is_empty();
    Cluster { kubeconfig: known.kubeconfig.filter(|_| is_usable), ..known }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_fleet_whose_members_are_in_doubt_has_faults() {
        let m1 = json!({"kind": "AttachedCluster", "name": "m1"});
        let table = [
            (json!({"clusters": [m1]}), vec![]),
            (json!({"clusters": [m1, m1]}), vec!["[fleet/duplicate-cluster]"]),
            (
                json!({"clusters": [{"kind": "Clutser", "name": "m1"}, {"kind": "AttachedCluster", "name": "a/b"}]}),
                vec!["[fleet/cluster-kind]", "[fleet/cluster-name]"],
            ),
            (
                json!({"clusterSelector": {"matchExpressions": [{"key": "env", "operator": "in", "values": ["x"]}]}}),
                vec!["[selector/syntax]"],
            ),
            (json!({"clusters": [m1], "plugin": {"flagger": {"trafficRoutingProvider": "Nginx"}}}), vec![]),
        ];
        for (spec, expected) in table {
            let object = json!({
                "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
                "metadata": {"name": "f", "namespace": "default"}, "spec": spec,
            });
            let faults = fleet(&serde_json::from_value(object).expect("a Fleet")).faults;
            assert_eq!(faults.len(), expected.len(), "{spec}: {faults:?}");
            for (fault, expected) in faults.iter().zip(expected) {
                assert!(fault.contains(expected), "{spec}: {fault}");
            }
        }
    }

    #[test]
    fn a_cluster_that_would_be_refused_cannot_be_used() {
        let usable = |name: &str, key: Value| {
            let object = json!({
                "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
                "metadata": {"name": "m1", "namespace": "default"}, "spec": {"kubeconfig": {"name": name, "key": key}},
            });
            let object = serde_json::from_value(object).expect("a cluster");
            cluster(&object).kubeconfig.is_some()
        };
        for (name, key, expected) in [("m1", "value", true), ("m1/x", "value", false), ("m1", "..", false)] {
            assert_eq!(usable(name, json!(key)), expected, "{name} {key}");
        }
    }
}
