//! Whether the clusters exist that a Fleet lists.

use std::collections::BTreeSet;

use fleetgate_plan::{ClusterKey, ClusterKind};

use super::SUGGESTIONS;
use crate::finding::{Fault, Finding};
use crate::names;
use crate::rules::fleet::clusters;
use crate::rules::{Example, FleetInput, Rule, WARNS};

/// `ref/cluster`
pub const CLUSTER: Rule = Rule {
    code: "ref/cluster",
    severities: WARNS,
    what: "A cluster that a Fleet lists does not exist in its namespace, with the nearest name; or it is of a kind that Fleetgate does not read.",
    why: "Nothing is delivered there until it exists.",
    example: Example::new(r#"spec.clusters[0].name: "m11""#, r#"spec.clusters[0].name: "m1""#),
};

pub(crate) fn check(input: FleetInput<'_>, findings: &mut Vec<Finding>) {
    let mut said = BTreeSet::new();
    for (path, key) in clusters::named(input) {
        if input.catalog.cluster(&key).is_some() || !said.insert(key.clone()) {
            continue;
        }
        findings.push(if key.kind == ClusterKind::AttachedCluster {
            let near = (said.len() <= SUGGESTIONS).then(|| near(&key, input)).flatten();
            let hint =
                near.unwrap_or_else(|| "`kubectl get attachedclusters` lists those that exist".to_owned());
            let message = "does not exist in the Fleet's namespace: nothing is delivered there until it does";
            Finding::warning(&CLUSTER, path.field("name"), Fault::NotFound, message)
                .value(key.name)
                .hint(hint)
        } else {
            let message = "is a kind that Fleetgate does not read: nothing is delivered there";
            Finding::warning(&CLUSTER, path.field("kind"), Fault::NotSupported, message)
                .value(key.kind.as_str())
                .hint("attach the cluster by an AttachedCluster")
        });
    }
}

fn near(key: &ClusterKey, input: FleetInput<'_>) -> Option<String> {
    names::suggest(&key.name, input.catalog.cluster_names(&key.namespace, key.kind))
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::fleet_findings;
    use serde_json::{Value, json};

    #[test]
    fn a_wrong_cluster_is_named_once_with_the_nearest() {
        let clusters: Vec<Value> = ["m1", "member", "m2"]
            .iter()
            .map(|name| json!({"kind": "AttachedCluster", "name": name}))
            .chain([json!({"kind": "Cluster", "name": "m1"})])
            .collect();
        let findings = fleet_findings(json!({"clusters": clusters}));
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "spec.clusters[1].name: Not found: \"member\": does not exist in the Fleet's namespace: nothing is delivered there \
                 until it does; there are only \"m1\", \"m2\" [ref/cluster]",
                "spec.clusters[3].kind: Unsupported value: \"Cluster\": is a kind that Fleetgate does not read: nothing is delivered \
                 there; attach the cluster by an AttachedCluster [ref/cluster]",
            ]
        );
        assert!(texts.iter().all(|text| text.chars().count() < 256));
    }
}
