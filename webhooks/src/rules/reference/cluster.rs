//! Whether the clusters exist that a Fleet lists.

use std::collections::BTreeSet;

use fleetgate_plan::ClusterKey;

use super::SUGGESTIONS;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::fleet::clusters;
use crate::rules::{Example, FleetInput, Rule, WARNS};

/// `ref/cluster`
pub const CLUSTER: Rule = Rule {
    code: "ref/cluster",
    severities: WARNS,
    what: "A cluster that a Fleet lists does not exist in its namespace, with the nearest name.",
    why: "Nothing is delivered there until it exists.",
    example: Example::new(r#"spec.clusters[0].name: "m11""#, r#"spec.clusters[0].name: "m1""#),
};

pub(crate) fn check(input: FleetInput<'_>, findings: &mut Findings) {
    let mut said = BTreeSet::new();
    for (path, key) in clusters::named(input) {
        if input.catalog.cluster(&key).is_some() || !said.insert(key.clone()) {
            continue;
        }
        let near = (said.len() <= SUGGESTIONS).then(|| near(&key, input)).flatten();
        let hint =
            near.unwrap_or_else(|| format!("`kubectl get {}` lists those that exist", key.kind.crd_name()));
        let message = format!(
            "there is no {} of that name in the Fleet's namespace: nothing is delivered there until there is",
            key.kind
        );
        findings.push(
            Finding::warning(&CLUSTER, path.field("name"), Fault::NotFound, message)
                .value(key.name)
                .hint(hint),
        );
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
                "spec.clusters[1].name: Not found: \"member\": there is no AttachedCluster of that name in the Fleet's namespace: \
                 nothing is delivered there until there is; there are only \"m1\", \"m2\" [ref/cluster]",
                "spec.clusters[3].name: Not found: \"m1\": there is no Cluster of that name in the Fleet's namespace: nothing is \
                 delivered there until there is; there is only \"kurators\" [ref/cluster]",
            ]
        );
        assert!(texts.iter().all(|text| text.chars().count() < 256));
    }
}
