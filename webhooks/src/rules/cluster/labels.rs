//! What other labels of a cluster take away. Labels are no part of the spec:
//! they are judged even where the spec stays as it is, and only warned about.

use std::collections::BTreeSet;

use fleetgate_plan::{Cluster, impact};

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::ClusterInput;
use crate::rules::selector::removal::{PREVIEW, mass_removal};

/// On an update, which Applications lose the cluster by its new labels.
pub(crate) fn check(input: ClusterInput<'_>, findings: &mut Findings) {
    let Some(old) = input.old else { return };
    let (before, after) = (Cluster::from(old), Cluster::from(input.cluster));
    if before.labels == after.labels {
        return;
    }
    let losses = impact::of_relabelling(&before, &after, input.catalog);
    let losers: BTreeSet<&str> =
        losses.iter().filter(|loss| !loss.is_held).map(|loss| loss.application).collect();
    let path = FieldPath::root().field("metadata").field("labels");
    if !losers.is_empty() {
        let losers = names::of_kind("Application", &losers);
        let message =
            format!("no longer match the selectors of {losers}: what they delivered here is removed");
        findings.push(Finding::warning(&PREVIEW, path.clone(), Fault::Invalid, message));
    }
    findings.extend(mass_removal(&losses, input.catalog.guard(), path));
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{catalog_with, cluster_object, said};
    use serde_json::{Value, json};

    fn relabelled(name: &str, from: Value, to: Value) -> Vec<String> {
        let with = |labels: Value| {
            let mut object = cluster_object(name, json!({"kubeconfig": {"name": name}}));
            object["metadata"]["labels"] = labels;
            object
        };
        let by = |selector: Value| json!({"destination": {"fleet": "quickstart", "clusterSelector": selector}, "syncPolicies": [{}]});
        let catalog = catalog_with(&[
            ("any", by(json!({"matchExpressions": [{"key": "env", "operator": "Exists"}]}))),
            ("dev", by(json!({"matchLabels": {"env": "dev"}}))),
            ("whole", json!({"destination": {"fleet": "quickstart"}, "syncPolicies": [{}]})),
        ]);
        said(&with(to), Some(&with(from)), &catalog)
    }

    #[test]
    fn who_loses_the_cluster_is_said() {
        let none: [&str; 0] = [];
        assert_eq!(relabelled("m1", json!({"env": "test"}), json!({"env": "test", "tier": "1"})), none);
        assert_eq!(relabelled("m1", json!({"env": "test"}), json!({"env": "dev"})), none);
        assert_eq!(
            relabelled("m1", json!({"env": "test"}), json!({})),
            [
                "metadata.labels: no longer match the selectors of Application \"any\": what they delivered here is removed [selector/preview]"
            ]
        );
        assert_eq!(
            relabelled("m2", json!({"env": "dev"}), json!({"env": "test"})),
            [
                "metadata.labels: takes every cluster, or more than half of 5 or more, away from Application \"dev\"; \
                 what was delivered stays until fleetgate.dev/confirm-prune confirms that [selector/mass-removal]"
            ]
        );
        assert_eq!(relabelled("stranger", json!({"env": "dev"}), json!({})), none);
    }
}
