//! What an update of a Fleet takes away.

use std::collections::BTreeSet;

use fleetgate_plan::{Catalog, ClusterKey, FleetEntry, impact};

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::selector::removal::mass_removal;
use crate::rules::{Example, FleetInput, Rule, WARNS};

/// `fleet/removal`
pub const REMOVAL: Rule = Rule {
    code: "fleet/removal",
    severities: WARNS,
    what: "On an update, clusters leave the Fleet; they are listed, and the Applications that lose them.",
    why: "What was delivered there is removed.",
    example: Example::update(
        r#"spec.clusters: [{"kind": "AttachedCluster", "name": "m1"}, {"kind": "AttachedCluster", "name": "m2"}]"#,
        r#"spec.clusters: [{"kind": "AttachedCluster", "name": "m1"}]"#,
        r#"spec.clusters: [{"kind": "AttachedCluster", "name": "m2"}, {"kind": "AttachedCluster", "name": "m1"}]"#,
    ),
};

pub(crate) fn check(input: FleetInput<'_>, findings: &mut Findings) {
    let Some(old) = input.old else { return };
    let (before, after) = (FleetEntry::from(old), FleetEntry::from(input.fleet));
    // Who belongs to a Fleet that is not understood nobody knows, and nothing is removed.
    if !after.faults.is_empty() {
        return;
    }
    let leaving: Vec<ClusterKey> =
        keys(&before, input.catalog).difference(&keys(&after, input.catalog)).cloned().collect();
    if leaving.is_empty() {
        return;
    }
    let is_listed = leaving.iter().any(|key| before.listed.contains(key));
    let path = FieldPath::spec().field(if is_listed { "clusters" } else { "clusterSelector" });
    let losses = impact::of_fleet_change(&before, &after, input.catalog);
    let losers: BTreeSet<&str> = losses.iter().map(|loss| loss.application).collect();
    let clusters = names::listed(leaving.iter().map(|key| key.name.as_str()));
    let (leave, lose) = if leaving.len() == 1 { ("leaves", "loses") } else { ("leave", "lose") };
    let message = if losers.is_empty() {
        format!("{clusters} {leave} the Fleet")
    } else {
        format!(
            "{clusters} {leave} the Fleet, and {lose} what {} delivered",
            names::of_kind("Application", &losers)
        )
    };
    findings.push(Finding::warning(&REMOVAL, path.clone(), Fault::Invalid, message));
    findings.extend(mass_removal(&losses, input.catalog.guard(), path));
}

/// Every cluster that belongs to the Fleet, whether it exists or is only listed.
fn keys(fleet: &FleetEntry, catalog: &Catalog) -> BTreeSet<ClusterKey> {
    let members = catalog.members(fleet);
    let existing = members.clusters.iter().map(|cluster| cluster.key.clone());
    existing.chain(members.missing.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{catalog_with, fleet_object, said};
    use fleetgate_plan::prune::Guard;
    use serde_json::{Value, json};

    fn clusters(names: &[&str]) -> Value {
        names.iter().map(|name| json!({"kind": "AttachedCluster", "name": name})).collect()
    }

    /// What is said of an update of `quickstart` from both clusters to these.
    fn update(to: Value) -> Vec<String> {
        update_under(Guard::default(), to)
    }

    fn update_under(guard: Guard, to: Value) -> Vec<String> {
        let stored = fleet_object("quickstart", json!({"clusters": clusters(&["m1", "m2"])}));
        let test = json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "test"}}});
        let catalog = catalog_with(&[
            ("all", json!({"destination": {"fleet": "quickstart"}, "syncPolicies": [{}]})),
            ("test", json!({"destination": test, "syncPolicies": [{}, {}]})),
            ("elsewhere", json!({"destination": {"fleet": "other"}, "syncPolicies": [{}]})),
        ]);
        said(&fleet_object("quickstart", to), Some(&stored), &catalog.with_guard(guard))
    }

    #[test]
    fn what_leaves_is_said_with_who_loses_it() {
        let none: [&str; 0] = [];
        assert_eq!(update(json!({"clusters": clusters(&["m2", "m1"])})), none);
        let labelled = json!({"matchExpressions": [{"key": "env", "operator": "Exists"}]});
        assert_eq!(update(json!({"clusterSelector": labelled})), none);
        assert_eq!(
            update(json!({"clusters": clusters(&["m1"])})),
            [
                "spec.clusters: \"m2\" leaves the Fleet, and loses what Application \"all\" delivered [fleet/removal]"
            ]
        );
        assert_eq!(
            update(json!({"clusters": clusters(&["m2"])})),
            [
                "spec.clusters: \"m1\" leaves the Fleet, and loses what Applications \"all\", \"test\" delivered [fleet/removal]",
                "spec.clusters: takes every cluster, or more than half of 5 or more, away from Application \"test\"; \
                 what was delivered stays until fleetgate.dev/confirm-prune confirms that [selector/mass-removal]",
            ]
        );
    }

    #[test]
    fn what_is_too_much_the_installation_says() {
        let one_left = || json!({"clusters": clusters(&["m1"])});
        assert_eq!(update_under(Guard { clusters: 2, percent: 50 }, one_left()).len(), 1);
        let said = update_under(Guard { clusters: 2, percent: 49 }, one_left());
        assert_eq!(
            said[1],
            "spec.clusters: takes every cluster, or more than 49 % of 2 or more, away from Application \"all\"; what was \
             delivered stays until fleetgate.dev/confirm-prune confirms that [selector/mass-removal]"
        );
    }

    #[test]
    fn a_fleet_that_is_refused_removes_nothing() {
        let said = update(json!({"clusters": [{"kind": "Any", "name": "m1"}]}));
        assert!(said.iter().all(|text| text.ends_with("[fleet/cluster-kind]")), "{said:?}");
    }
}
