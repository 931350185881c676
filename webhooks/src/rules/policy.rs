//! Rules about `spec.syncPolicies`.

use std::collections::{BTreeMap, BTreeSet};

use fleetgate_api::application::SyncPolicy;
use fleetgate_plan::destination::{placement, resolve};
use fleetgate_plan::names::{MAX_NAME, child_name, policy_name};
use kube::ResourceExt;

use super::{DENIES, DENIES_OR_WARNS, Input, Rule};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::names;

/// `policy/none`
pub const NONE: Rule = Rule {
    code: "policy/none",
    severities: DENIES,
    what: "`syncPolicies` is empty.",
    why: "Nothing would be delivered.",
};

/// `policy/exactly-one`
pub const EXACTLY_ONE: Rule = Rule {
    code: "policy/exactly-one",
    severities: DENIES,
    what: "A policy has neither, or both, of `kustomization` and `helm`.",
    why: "It would deliver nothing, or which one wins would be an accident.",
};

/// `policy/name`
pub const NAME: Rule = Rule {
    code: "policy/name",
    severities: DENIES_OR_WARNS,
    what: "An explicit policy name is longer than 63 bytes, makes no legal object name, or is used twice, also by a generated name (`<application>-<index>`). A warning for upper case letters.",
    why: "Children are called `<policy>-<kind>-<cluster>`: two policies of one name overwrite each other for ever.",
};

/// `policy/target-namespace`
pub const TARGET_NAMESPACE: Rule = Rule {
    code: "policy/target-namespace",
    severities: DENIES,
    what: "`targetNamespace` is no DNS label.",
    why: "The member's API server refuses such a namespace.",
};

/// What stands between a policy's name and a cluster's in a child's name.
const KIND_MARKS: [&str; 4] = ["-attachedcluster-", "-cluster-", "-customcluster-", "-currentcluster-"];

pub(super) fn check(input: Input<'_>, findings: &mut Vec<Finding>) {
    let policies = &input.application.spec.sync_policies;
    if policies.is_empty() {
        let path = FieldPath::spec().field("syncPolicies");
        findings.push(Finding::error(
            &NONE,
            path,
            Fault::Required,
            "must have at least one policy, or nothing is delivered",
        ));
    }
    for (index, policy) in policies.iter().enumerate() {
        check_one_kind(index, policy, findings);
        check_target_namespace(index, policy, findings);
    }
    check_names(&input.application.name_any(), policies, findings);
    check_children(input, findings);
}

fn check_one_kind(index: usize, policy: &SyncPolicy, findings: &mut Vec<Finding>) {
    let path = FieldPath::policy(index);
    match (&policy.kustomization, &policy.helm) {
        (None, None) => findings.push(Finding::error(
            &EXACTLY_ONE,
            path,
            Fault::Required,
            "must have one of kustomization and helm",
        )),
        (Some(_), Some(_)) => findings.push(
            Finding::error(
                &EXACTLY_ONE,
                path.field("helm"),
                Fault::Forbidden,
                "may not be set together with kustomization",
            )
            .hint("make it a policy of its own"),
        ),
        _ => {}
    }
}

fn check_target_namespace(index: usize, policy: &SyncPolicy, findings: &mut Vec<Finding>) {
    let kustomization =
        policy.kustomization.as_ref().and_then(|kustomization| kustomization.target_namespace.as_deref());
    let helm = policy.helm.as_ref().and_then(|helm| helm.target_namespace.as_deref());
    for (kind, namespace) in [("kustomization", kustomization), ("helm", helm)] {
        let Some(namespace) = namespace.filter(|namespace| !names::is_dns_label(namespace)) else {
            continue;
        };
        let path = FieldPath::policy(index).field(kind).field("targetNamespace");
        let message = "must be a DNS label: at most 63 lower case letters, digits and '-', with a letter or digit at both ends";
        findings.push(Finding::error(&TARGET_NAMESPACE, path, Fault::Invalid, message).value(namespace));
    }
}

fn check_names(application: &str, policies: &[SyncPolicy], findings: &mut Vec<Finding>) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, policy) in policies.iter().enumerate() {
        let path = FieldPath::policy(index).field("name");
        if let Some(name) = policy.name.as_deref().filter(|name| !name.is_empty()) {
            check_explicit_name(name, &path, findings);
        }
        let name = policy_name(application, index, policy);
        if let Some(first) = seen.get(&name.to_lowercase()) {
            let message =
                format!("syncPolicies[{first}] has that name already, and both would write the same objects");
            findings.push(
                Finding::error(&NAME, path, Fault::Duplicate, message)
                    .value(name)
                    .hint("give each policy a name of its own"),
            );
        } else {
            seen.insert(name.to_lowercase(), index);
        }
    }
}

/// Two policies of different names can still make a child of one name:
/// `<policy>-<kind>-<cluster>` does not say where a part ends. That takes a
/// name that goes on where the other's child would name its cluster.
fn check_children(input: Input<'_>, findings: &mut Vec<Finding>) {
    let application = input.application;
    let spec = &application.spec;
    let namespace = application.namespace().unwrap_or_default();
    let named = spec.sync_policies.iter().enumerate();
    let indices: BTreeMap<String, usize> = named
        .map(|(index, policy)| (policy_name(&application.name_any(), index, policy).to_lowercase(), index))
        .collect();
    let children = |index: usize| -> BTreeSet<String> {
        let Some(policy) = spec.sync_policies.get(index) else { return BTreeSet::new() };
        let name = policy_name(&application.name_any(), index, policy);
        let resolution = resolve(placement(spec, policy), &namespace, input.catalog);
        resolution.targets.iter().map(|target| child_name(&name, target)).collect()
    };
    for (name, index) in &indices {
        let shorter = KIND_MARKS.iter().filter_map(|mark| indices.get(name.split_once(mark)?.0));
        for other in shorter {
            if let Some(child) = children(*index).intersection(&children(*other)).next() {
                let message =
                    format!("syncPolicies[{other}] makes an object {child:?}, too, and both would write it");
                let path = FieldPath::policy(*index).field("name");
                findings.push(
                    Finding::error(&NAME, path, Fault::Duplicate, message)
                        .value(name.as_str())
                        .hint("rename one of them"),
                );
            }
        }
    }
}

fn check_explicit_name(name: &str, path: &FieldPath, findings: &mut Vec<Finding>) {
    let lower = name.to_lowercase();
    if name.len() > MAX_NAME {
        let message = format!("may not be longer than {MAX_NAME} bytes, is {}", name.len());
        findings.push(Finding::error(&NAME, path.clone(), Fault::TooLong, message));
    } else if !names::is_dns_subdomain(&lower) {
        let message = "must consist of letters, digits, '-' or '.', and start and end with a letter or digit: it becomes part of object names (RFC 1123)";
        findings.push(Finding::error(&NAME, path.clone(), Fault::Invalid, message).value(name));
    } else if lower != name {
        let message = format!("upper case letters are lowered in object names, to {lower:?}");
        findings.push(Finding::warning(&NAME, path.clone(), Fault::Invalid, message).value(name));
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{codes, codes_named, git_source, kustomization};
    use fleetgate_plan::{Cluster, ClusterKey, ClusterKind};
    use serde_json::{Value, json};

    fn spec(policies: Value) -> Value {
        json!({"source": git_source(), "syncPolicies": policies})
    }

    #[test]
    fn a_policy_delivers_one_thing() {
        let helm = json!({"interval": "5m", "chart": {"spec": {"chart": "c"}}});
        let table = [
            (json!([]), "E policy/none"),
            (json!([{}]), "E policy/exactly-one"),
            (json!([{"kustomization": kustomization(), "helm": helm}]), "E policy/exactly-one"),
            (json!([{"kustomization": kustomization()}]), ""),
            (json!([{"helm": helm}]), ""),
        ];
        for (policies, expected) in table {
            assert_eq!(codes(spec(policies.clone())), expected, "{policies}");
        }
    }

    #[test]
    fn names_are_legal_and_unique() {
        let named = |name: &str| json!({"name": name, "kustomization": kustomization()});
        let unnamed = json!({"kustomization": kustomization()});
        let table = [
            (json!([named("web"), named("api")]), ""),
            (json!([unnamed, unnamed]), ""),
            (json!([named("web"), named("web")]), "E policy/name"),
            (json!([named("web"), named("Web")]), "E policy/name, W policy/name"),
            (json!([named("shop-1"), unnamed]), "E policy/name"),
            (json!([named("My_Policy")]), "E policy/name"),
            (json!([named(&"b".repeat(63))]), ""),
            (json!([named(&"b".repeat(64))]), "E policy/name"),
            (json!([named("v1.2")]), ""),
        ];
        for (policies, expected) in table {
            assert_eq!(codes_named("shop", spec(policies.clone())), expected, "{policies}");
        }
    }

    #[test]
    fn names_that_compose_the_same_child_are_refused() {
        let mut catalog = crate::test_fixtures::catalog();
        let cluster = |name: &str| {
            let labels = std::collections::BTreeMap::new();
            let key = ClusterKey {
                namespace: "default".into(),
                kind: ClusterKind::AttachedCluster,
                name: name.into(),
            };
            Cluster { key, labels, kubeconfig: None }
        };
        catalog.insert_cluster(cluster("c"));
        catalog.insert_cluster(cluster("b-attachedcluster-c"));
        let fleet = serde_json::from_value(json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": "f", "namespace": "default"},
            "spec": {"clusters": [{"kind": "AttachedCluster", "name": "c"}, {"kind": "AttachedCluster", "name": "b-attachedcluster-c"}]},
        }));
        catalog.insert_fleet(&fleet.expect("a Fleet"));
        let policy = |name: &str, fleet: &str| json!({"name": name, "destination": {"fleet": fleet}, "kustomization": kustomization()});
        let table = [
            ("a-attachedcluster-b", "f", false),
            ("a-attachedcluster-x", "f", true),
            ("a-attachedcluster-b", "quickstart", true),
        ];
        for (name, fleet, admitted) in table {
            let spec = spec(json!([policy("a", fleet), policy(name, fleet)]));
            let object = crate::test_fixtures::application("shop", spec);
            assert_eq!(
                judge(Kind::Application, &object, None, &catalog).is_admitted(),
                admitted,
                "{name} {fleet}"
            );
        }
    }

    #[test]
    fn target_namespaces_are_dns_labels() {
        for (namespace, expected) in
            [("web", ""), ("a.b", "E policy/target-namespace"), ("Web", "E policy/target-namespace")]
        {
            let mut policy = kustomization();
            policy["targetNamespace"] = json!(namespace);
            assert_eq!(codes(spec(json!([{"kustomization": policy}]))), expected, "{namespace}");
        }
    }
}
