//! The part of `policy/name` that needs the Catalog: two policies of different
//! names that compose the name of one child.
//!
//! `<policy>-<kind>-<cluster>` does not say where a part ends: `a` on a cluster
//! `b-attachedcluster-c`, and `a-attachedcluster-b` on a cluster `c`, are one name.

use std::collections::{BTreeMap, BTreeSet};

use fleetgate_api::application::SyncPolicy;
use fleetgate_plan::names::{CHILD_KINDS, MAX_NAME, child_name};

use super::{NAME, named};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::Input;

/// At most this many pairs are looked at; names like these are rare, and each
/// pair costs as much as its fleet has clusters.
const MOST_PAIRS: usize = 100;

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    // Hardly anybody calls a policy like this, and the plan has the names at hand.
    if !input.plan.policies.iter().any(|policy| shorter(&policy.name.to_lowercase()).next().is_some()) {
        return;
    }
    // A longer name is refused for itself.
    let policies: BTreeMap<String, (usize, &SyncPolicy)> = named(input.application)
        .filter(|(_, _, name)| name.len() <= 2 * MAX_NAME)
        .map(|(index, policy, name)| (name.to_lowercase(), (index, policy)))
        .collect();
    let suspicious = policies.iter().flat_map(|(name, policy)| {
        let others = shorter(name).filter_map(|head| policies.get_key_value(head));
        others.map(move |other| (name, policy, other))
    });
    for (name, (index, policy), (other_name, (other_index, other))) in suspicious.take(MOST_PAIRS) {
        if !is_delivered_alike(policy, other) {
            continue;
        }
        let children = children(input, name, *index);
        if let Some(child) = children.intersection(&self::children(input, other_name, *other_index)).next() {
            findings.push(shared(*index, name, *other_index, child));
        }
    }
}

/// The heads of `name` that another policy would have to be called for the two
/// to compose one name.
fn shorter(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('-').filter_map(|(at, _)| {
        let (head, tail) = (name.get(..at)?, name.get(at + 1..)?);
        let goes_on =
            |kind: &str| tail.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        CHILD_KINDS.into_iter().any(goes_on).then_some(head)
    })
}

/// Whether both become objects of one kind; others may share a name.
fn is_delivered_alike(one: &SyncPolicy, other: &SyncPolicy) -> bool {
    (one.kustomization.is_some() && other.kustomization.is_some())
        || (one.helm.is_some() && other.helm.is_some())
}

fn children(input: Input<'_>, name: &str, index: usize) -> BTreeSet<String> {
    let targets = input.plan.policies.get(index).map(|policy| &policy.resolution.targets);
    targets.into_iter().flatten().map(|target| child_name(name, target)).collect()
}

fn shared(index: usize, name: &str, other: usize, child: &str) -> Finding {
    let path = FieldPath::policy(index).field("name");
    let message =
        format!("syncPolicies[{other}] makes an object {child:?}, too, and both would write it for ever");
    Finding::error(&NAME, path, Fault::Duplicate, message).value(name).hint("rename one of them")
}

#[cfg(test)]
mod tests {
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog, git_source, kustomization};
    use fleetgate_plan::{Catalog, Cluster, ClusterKey, ClusterKind};
    use serde_json::{Value, json};

    /// With a Fleet `f` of these clusters.
    fn fleet_of(clusters: &[&str]) -> Catalog {
        let mut catalog = catalog();
        for name in clusters {
            let key = ClusterKey {
                namespace: "default".to_owned(),
                kind: ClusterKind::AttachedCluster,
                name: (*name).to_owned(),
            };
            catalog.insert_cluster(Cluster {
                key,
                labels: std::collections::BTreeMap::new(),
                kubeconfig: None,
                lets_go: false,
            });
        }
        let listed: Vec<Value> =
            clusters.iter().map(|name| json!({"kind": "AttachedCluster", "name": name})).collect();
        let fleet = serde_json::from_value(json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
            "metadata": {"name": "f", "namespace": "default"}, "spec": {"clusters": listed},
        }));
        catalog.insert_fleet(&fleet.expect("a Fleet"));
        catalog
    }

    fn is_admitted(policies: Value, catalog: &Catalog) -> bool {
        let spec = json!({"source": git_source(), "destination": {"fleet": "f"}, "syncPolicies": policies});
        judge(Kind::Application, application("shop", spec), None, catalog).is_admitted()
    }

    #[test]
    fn names_that_compose_the_same_child_are_refused() {
        let table: [(&str, &str, &[&str], bool); 7] = [
            ("a", "a-attachedcluster-b", &["c", "b-attachedcluster-c"], false),
            ("a", "A-AttachedCluster-b", &["c", "b-attachedcluster-c"], false),
            ("a", "a-attachedcluster", &["c", "attachedcluster-c"], false),
            (
                "a-attachedcluster-a",
                "a-attachedcluster-a-attachedcluster-b",
                &["c", "b-attachedcluster-c"],
                false,
            ),
            ("a", "a-attachedcluster-x", &["c", "b-attachedcluster-c"], true),
            ("a", "a-attachedcluster-b", &["c", "d"], true),
            ("a", "a-attachedclusters-b", &["c", "b-attachedcluster-c"], true),
        ];
        for (one, other, clusters, admitted) in table {
            let policies = json!([
                {"name": one, "kustomization": kustomization()}, {"name": other, "kustomization": kustomization()},
            ]);
            assert_eq!(is_admitted(policies, &fleet_of(clusters)), admitted, "{one} {other} {clusters:?}");
        }
    }

    #[test]
    fn objects_of_two_kinds_may_share_a_name() {
        let policies = json!([
            {"name": "a", "kustomization": kustomization()},
            {"name": "a-attachedcluster-b", "helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}},
        ]);
        assert!(is_admitted(policies, &fleet_of(&["c", "b-attachedcluster-c"])));
    }
}
