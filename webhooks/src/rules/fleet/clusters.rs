//! Rules about the clusters that a Fleet lists.

use std::collections::BTreeMap;

use fleetgate_api::ClusterReference;
use fleetgate_plan::{ClusterKey, ClusterKind};
use kube::ResourceExt;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{DENIES, DENIES_OR_WARNS, Example, FleetInput, Rule, WARNS};

/// `fleet/duplicate-cluster`
pub const DUPLICATE: Rule = Rule {
    code: "fleet/duplicate-cluster",
    severities: DENIES,
    what: "A cluster that stands in the list twice.",
    why: "Two entries would make the same objects.",
    example: Example::new(r#"spec.clusters[1].name: "m1""#, r#"spec.clusters[1].name: "m2""#),
};

/// `fleet/cluster-kind`
pub const KIND: Rule = Rule {
    code: "fleet/cluster-kind",
    severities: DENIES_OR_WARNS,
    what: "A kind that is not one of AttachedCluster, Cluster and CustomCluster. A warning where there is none, which means Cluster, and where the apiVersion is of a group that has no such kind.",
    why: "Kurator passes over such a cluster without a word.",
    example: Example::new(
        r#"spec.clusters[0].kind: "AtachedCluster""#,
        r#"spec.clusters[0].kind: "AttachedCluster""#,
    ),
};

/// `fleet/cluster-name`
pub const NAME: Rule = Rule {
    code: "fleet/cluster-name",
    severities: DENIES,
    what: "A cluster without a name, or with one that no object can have.",
    why: "A cluster is looked up by that name.",
    example: Example::new(r#"spec.clusters[0].name: "other-namespace/m1""#, r#"spec.clusters[0].name: "m1""#),
};

/// `fleet/cluster-namespace`
pub const NAMESPACE: Rule = Rule {
    code: "fleet/cluster-namespace",
    severities: WARNS,
    what: "A cluster's namespace is set and is not the Fleet's.",
    why: "It is ignored: clusters are looked up in the Fleet's namespace.",
    example: Example::new(
        r#"spec.clusters[0].namespace: "elsewhere""#,
        r#"spec.clusters[0].namespace: "default""#,
    ),
};

/// The clusters that the Fleet lists and that are named as they must be, each
/// with its path.
pub(crate) fn named(input: FleetInput<'_>) -> impl Iterator<Item = (FieldPath, ClusterKey)> {
    let namespace = input.fleet.namespace().unwrap_or_default();
    references(input).filter_map(move |(path, reference)| {
        let kind = ClusterKind::of(reference)?;
        let name = reference.name.clone().filter(|name| names::is_dns_subdomain(name))?;
        Some((path, ClusterKey { namespace: namespace.clone(), kind, name }))
    })
}

fn references(input: FleetInput<'_>) -> impl Iterator<Item = (FieldPath, &ClusterReference)> {
    let list = FieldPath::spec().field("clusters");
    let clusters = input.fleet.spec.clusters.iter().flatten().enumerate();
    clusters.map(move |(index, reference)| (list.index(index), reference))
}

pub(crate) fn check(input: FleetInput<'_>, findings: &mut Findings) {
    let namespace = input.fleet.namespace().unwrap_or_default();
    for (path, reference) in references(input) {
        findings.extend(check_kind(&path, reference, &namespace, input));
        findings.extend(check_api_version(&path, reference));
        findings.extend(check_name(&path, reference));
        findings.extend(check_namespace(&path, reference, &namespace));
    }
    let mut seen = BTreeMap::new();
    for (path, key) in named(input) {
        if let Some(first) = seen.get(&key) {
            let message = format!("is {first} again, which is {key}");
            let name = key.name.clone();
            findings.push(
                Finding::error(&DUPLICATE, path, Fault::Duplicate, message)
                    .value(name)
                    .hint("take one of them out"),
            );
        } else {
            seen.insert(key, path);
        }
    }
}

const KINDS: &str = "must be AttachedCluster, Cluster or CustomCluster";

fn check_kind(
    path: &FieldPath,
    reference: &ClusterReference,
    namespace: &str,
    input: FleetInput<'_>,
) -> Option<Finding> {
    let path = path.field("kind");
    let Some(kind) = reference.kind.as_deref().filter(|kind| !kind.is_empty()) else {
        let finding =
            Finding::warning(&KIND, path, Fault::Required, "is not set and means Cluster, as in Kurator");
        let attached = ClusterKey {
            namespace: namespace.to_owned(),
            kind: ClusterKind::AttachedCluster,
            name: reference.name.clone().unwrap_or_default(),
        };
        let exists = input.catalog.cluster(&attached).is_some();
        return Some(finding.hint(if exists {
            "there is an AttachedCluster of that name: set kind to AttachedCluster if that is meant"
        } else {
            "say which kind is meant"
        }));
    };
    if ClusterKind::of(reference).is_some() {
        return None;
    }
    let finding = Finding::error(&KIND, path, Fault::NotSupported, KINDS).value(kind);
    let near = names::nearest(kind, ClusterKind::ALL.into_iter().map(ClusterKind::as_str));
    Some(match near {
        Some(near) => finding.hint(format!("did you mean {near:?}?")),
        None => finding,
    })
}

fn check_api_version(path: &FieldPath, reference: &ClusterReference) -> Option<Finding> {
    let api_version = reference.api_version.as_deref().filter(|version| !version.is_empty())?;
    let kind = ClusterKind::of(reference)?;
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    (group != kind.group()).then(|| {
        let message = format!("is ignored: {kind} is a kind of {}", kind.group());
        Finding::warning(&KIND, path.field("apiVersion"), Fault::Invalid, message)
            .value(api_version)
            .hint("leave it out")
    })
}

fn check_name(path: &FieldPath, reference: &ClusterReference) -> Option<Finding> {
    let path = path.field("name");
    let name = reference.name.as_deref().unwrap_or_default();
    if name.is_empty() {
        return Some(Finding::error(&NAME, path, Fault::Required, "must name a cluster"));
    }
    let message =
        "must be the name of a cluster in the Fleet's namespace: lower case letters, digits, '-' and '.'";
    (!names::is_dns_subdomain(name)).then(|| Finding::error(&NAME, path, Fault::Invalid, message).value(name))
}

fn check_namespace(path: &FieldPath, reference: &ClusterReference, fleet: &str) -> Option<Finding> {
    let namespace = reference.namespace.as_deref().filter(|name| !name.is_empty() && *name != fleet)?;
    let message = format!("is ignored: clusters are looked up in the Fleet's namespace, {fleet:?}");
    Some(
        Finding::warning(&NAMESPACE, path.field("namespace"), Fault::Invalid, message)
            .value(namespace)
            .hint("leave it out, or make a Fleet there"),
    )
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{fleet_codes, fleet_findings};
    use serde_json::{Value, json};

    #[test]
    fn listed_clusters() {
        let attached = |name: &str| json!({"kind": "AttachedCluster", "name": name});
        let with = |field: &str, value: Value| {
            let mut cluster = attached("m1");
            cluster[field] = value;
            json!([cluster])
        };
        let table = [
            (json!([]), ""),
            (json!([attached("m1"), attached("m2")]), ""),
            (json!([attached("m1"), attached("m2"), attached("m1")]), "E fleet/duplicate-cluster"),
            (with("kind", json!("attachedcluster")), "E fleet/cluster-kind"),
            (with("kind", json!("Secret")), "E fleet/cluster-kind"),
            (with("kind", json!("")), "W fleet/cluster-kind, W ref/cluster"),
            (with("kind", json!(null)), "W fleet/cluster-kind, W ref/cluster"),
            (with("kind", json!("CustomCluster")), "W ref/cluster"),
            (json!([{"kind": "Cluster", "name": "kurators"}]), ""),
            (json!([{"kind": "CustomCluster", "name": "custom"}]), ""),
            (json!([{"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "name": "capi"}]), ""),
            (
                json!([{"kind": "Cluster", "name": "kurators"}, {"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "name": "kurators"}]),
                "W ref/cluster",
            ),
            (
                json!([{"apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "CustomCluster", "name": "custom"}]),
                "W fleet/cluster-kind",
            ),
            (with("name", json!("")), "E fleet/cluster-name"),
            (with("name", json!(null)), "E fleet/cluster-name"),
            (with("name", json!("M1")), "E fleet/cluster-name"),
            (with("namespace", json!("")), ""),
            (with("namespace", json!("default")), ""),
            (with("namespace", json!("other")), "W fleet/cluster-namespace"),
            (with("apiVersion", json!("")), ""),
            (with("apiVersion", json!("cluster.kurator.dev/v1alpha1")), ""),
            (with("apiVersion", json!("cluster.x-k8s.io/v1beta1")), "W fleet/cluster-kind"),
            (with("apiVersion", json!("v1")), "W fleet/cluster-kind"),
            (
                json!([{"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Cluster", "name": "a"}]),
                "W ref/cluster",
            ),
            (
                json!([{"kind": "Cluster", "name": "a"}, {"name": "a"}]),
                "E fleet/duplicate-cluster, W fleet/cluster-kind, W ref/cluster",
            ),
            (json!([null]), "E object/unreadable"),
        ];
        for (clusters, expected) in table {
            assert_eq!(fleet_codes(json!({"clusters": clusters.clone()})), expected, "{clusters}");
        }
    }

    #[test]
    fn an_absent_kind_has_its_way_out() {
        let hint = |name: &str| {
            let findings = fleet_findings(json!({"clusters": [{"name": name}]}));
            findings[0].to_string()
        };
        assert!(hint("m1").contains("set kind to AttachedCluster"), "{}", hint("m1"));
        assert!(hint("other").contains("say which kind is meant"));
    }

    #[test]
    fn a_duplicate_names_its_first() {
        let cluster = json!({"kind": "AttachedCluster", "name": "m1"});
        let findings = fleet_findings(json!({"clusters": [cluster, cluster]}));
        assert_eq!(
            findings[0].to_string(),
            "spec.clusters[1]: Duplicate value: \"m1\": is spec.clusters[0] again, which is AttachedCluster/m1; \
             take one of them out [fleet/duplicate-cluster]"
        );
    }
}
