//! Whether a cluster may be deleted.

use std::collections::BTreeSet;

use fleetgate_plan::{Catalog, Cluster, usage};

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::names;
use crate::rules::{DENIES, Example, Rule};

/// `cluster/in-use`
pub const IN_USE: Rule = Rule {
    code: "cluster/in-use",
    severities: DENIES,
    what: "A cluster that Applications deliver to is deleted; their Fleets and they are listed. Applications on their way out do not count.",
    why: "What they delivered would stay there, and nobody could reach it any more.",
    example: Example::new(r#"metadata.name: "m1""#, r#"metadata.name: "unused""#),
};

/// What keeps `cluster` from being deleted.
#[must_use]
pub fn check(cluster: &Cluster, catalog: &Catalog) -> Option<Finding> {
    let uses = usage::of_cluster(cluster, catalog);
    let fleets: BTreeSet<&str> = uses.iter().map(|usage| usage.fleet).collect();
    let applications: BTreeSet<&str> =
        uses.iter().flat_map(|usage| usage.applications.iter().copied()).collect();
    let verb = if applications.len() == 1 { "delivers" } else { "deliver" };
    (!applications.is_empty()).then(|| {
        let fleets = names::of_kind("Fleet", &fleets);
        let message = format!("{} {verb} to it by {fleets}", names::of_kind("Application", &applications));
        Finding::error(&IN_USE, FieldPath::root(), Fault::Forbidden, message)
            .hint("take it out of the Fleet first, or delete the Applications")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::catalog_with;
    use fleetgate_plan::{ClusterKey, ClusterKind};
    use serde_json::json;

    #[test]
    fn fleets_and_applications_are_listed() {
        let selected = json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "test"}}});
        let catalog = catalog_with(&[
            ("shop", json!({"destination": selected, "syncPolicies": [{}]})),
            ("other", json!({"destination": {"fleet": "other"}, "syncPolicies": [{}]})),
        ]);
        let key = |name: &str| ClusterKey {
            namespace: "default".to_owned(),
            kind: ClusterKind::AttachedCluster,
            name: name.to_owned(),
        };
        let text = |name: &str| {
            let cluster = catalog.cluster(&key(name)).expect("a cluster");
            check(cluster, &catalog).map(|finding| finding.message)
        };
        assert_eq!(
            text("m1").as_deref(),
            Some("Application \"shop\" delivers to it by Fleet \"quickstart\"")
        );
        assert_eq!(text("m2"), None);
    }
}
