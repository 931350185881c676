//! The rule about two policies that deliver one thing to one place.

use std::collections::BTreeMap;

use fleetgate_api::helm::Helm;
use fleetgate_api::kustomization::Kustomization;
use fleetgate_plan::{ClusterKey, Target};

use super::path::normalised;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{Example, Input, Rule, WARNS};

/// `policy/duplicate-delivery`
pub const DUPLICATE_DELIVERY: Rule = Rule {
    code: "policy/duplicate-delivery",
    severities: WARNS,
    what: "Two policies deliver the same path, or a release of the same name, to one cluster and namespace.",
    why: "Both own the same objects: they overwrite each other, and whichever goes takes them along.",
    example: Example::new(
        r#"spec.syncPolicies: [{"name": "a", "kustomization": {"interval": "5m", "path": "./web", "prune": true}}, {"name": "b", "kustomization": {"interval": "5m", "path": "web/", "prune": true}}]"#,
        r#"spec.syncPolicies: [{"name": "a", "kustomization": {"interval": "5m", "path": "./web", "prune": true}}, {"name": "b", "kustomization": {"interval": "5m", "path": "./api", "prune": true}}]"#,
    ),
};

/// What two policies may not both deliver to one cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Delivery {
    /// A folder of manifests, with all that makes others of its objects: target
    /// namespace, prefix, suffix, variables.
    Manifests(String, [Option<String>; 3], String),
    /// A release by name and the namespace of Helm's record of it.
    Release(String, String),
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    if input.application.spec.sync_policies.len() < 2 {
        return;
    }
    let namespace = input.application.metadata.namespace.as_deref().unwrap_or_default();
    let mut groups: BTreeMap<Delivery, Vec<(usize, &'static str, &'static str)>> = BTreeMap::new();
    for (index, policy) in input.application.spec.sync_policies.iter().enumerate() {
        if let Some(kustomization) = &policy.kustomization {
            groups.entry(manifests(kustomization)).or_default().push((index, "kustomization", "path"));
        }
        if let Some(release) = policy.helm.as_ref().and_then(|helm| release(helm, namespace)) {
            groups.entry(release).or_default().push((index, "helm", "releaseName"));
        }
    }
    for group in groups.values().filter(|group| group.len() > 1) {
        check_group(input, group, findings);
    }
}

/// Every policy is held against what the ones before it deliver to. A cluster
/// is looked up once for each policy that adds it, and once for each that is said
/// to be double.
fn check_group(input: Input<'_>, group: &[(usize, &'static str, &'static str)], findings: &mut Findings) {
    let mut owners: BTreeMap<Option<&ClusterKey>, usize> = BTreeMap::new();
    for (index, kind, field) in group {
        let targets = input.plan.policies.get(*index).map(|policy| &policy.resolution.targets);
        for target in targets.into_iter().flatten() {
            let key = match target {
                Target::Host => None,
                Target::Member(cluster) => Some(&cluster.key),
            };
            let first = *owners.entry(key).or_insert(*index);
            if first != *index {
                let path = FieldPath::policy(*index).field(*kind).field(*field);
                findings.push(duplicate(first, target.name(), kind, path));
                break;
            }
        }
    }
}

fn duplicate(first: usize, cluster: &str, kind: &str, path: FieldPath) -> Finding {
    let what = if kind == "helm" { "the release" } else { "the folder" };
    // Cluster names may have 253 characters, and a warning should stay short.
    let cluster: String = cluster.chars().take(63).collect();
    let message = format!("is {what} that syncPolicies[{first}] delivers to {cluster} already: they fight");
    Finding::warning(&DUPLICATE_DELIVERY, path, Fault::Invalid, message)
}

fn manifests(kustomization: &Kustomization) -> Delivery {
    let changes = [&kustomization.target_namespace, &kustomization.name_prefix, &kustomization.name_suffix]
        .map(Clone::clone);
    let variables = serde_json::to_string(&kustomization.post_build).unwrap_or_default();
    Delivery::Manifests(normalised(kustomization.path.as_deref().unwrap_or_default()), changes, variables)
}

/// A composed name has the Flux object's in it, which no two policies share.
fn release(helm: &Helm, namespace: &str) -> Option<Delivery> {
    let name = names::given(helm.release_name.as_deref())?;
    let storage = helm.storage_namespace.as_deref().unwrap_or(namespace);
    Some(Delivery::Release(name.to_owned(), storage.to_owned()))
}

#[cfg(test)]
mod tests {
    use crate::finding::MOST_KEPT;
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog, codes, git_source};
    use serde_json::{Value, json};

    const WARNED: &str = "W policy/duplicate-delivery";

    fn spec(policies: &[Value]) -> Value {
        json!({"source": git_source(), "destination": {"fleet": "quickstart"}, "syncPolicies": policies})
    }

    fn manifests(path: &str, more: Value) -> Value {
        let mut kustomization = json!({"interval": "5m", "path": path, "prune": true});
        for (field, value) in more.as_object().into_iter().flatten() {
            kustomization[field] = value.clone();
        }
        json!({"kustomization": kustomization})
    }

    fn release(more: Value) -> Value {
        let mut helm = json!({"interval": "5m", "chart": {"spec": {"chart": "./c"}}});
        for (field, value) in more.as_object().into_iter().flatten() {
            helm[field] = value.clone();
        }
        json!({"helm": helm})
    }

    #[test]
    fn folders() {
        let web = manifests("./web", json!({}));
        let table = [
            (manifests("./api", json!({})), ""),
            (manifests("web", json!({})), WARNED),
            (manifests("/web/", json!({})), "W policy/duplicate-delivery, W policy/path"),
            (manifests("x/../web", json!({})), WARNED),
            (manifests("web", json!({"interval": "9m"})), WARNED),
            (manifests("web", json!({"targetNamespace": "b"})), ""),
            (manifests("web", json!({"nameSuffix": "-b"})), ""),
            (manifests("web", json!({"postBuild": {"substitute": {"tenant": "b"}}})), ""),
        ];
        for (other, expected) in table {
            assert_eq!(codes(spec(&[web.clone(), other.clone()])), expected, "{other}");
        }
    }

    #[test]
    fn releases() {
        let table = [
            (json!({}), json!({}), ""),
            (json!({"releaseName": "web"}), json!({"releaseName": "api"}), ""),
            (json!({"releaseName": "web"}), json!({"releaseName": "web"}), WARNED),
            (json!({"releaseName": "web"}), json!({"releaseName": "web", "targetNamespace": "b"}), WARNED),
            (json!({"releaseName": "web"}), json!({"releaseName": "web", "storageNamespace": "b"}), ""),
            (
                json!({"releaseName": "web"}),
                json!({"releaseName": "web", "storageNamespace": "default"}),
                WARNED,
            ),
        ];
        for (one, other, expected) in table {
            assert_eq!(codes(spec(&[release(one), release(other.clone())])), expected, "{other}");
        }
    }

    #[test]
    fn on_one_cluster() {
        let on = |env: &str| {
            let mut policy = manifests("./web", json!({}));
            policy["destination"] =
                json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": env}}});
            policy
        };
        assert_eq!(codes(spec(&[on("test"), on("dev")])), "");
        assert_eq!(codes(spec(&[on("test"), on("dev"), on("dev")])), WARNED);
        let host = json!({"source": git_source(), "syncPolicies": [manifests("a", json!({})), manifests("./a", json!({}))]});
        assert_eq!(codes(host), WARNED);
    }

    #[test]
    fn each_is_said_once() {
        let policies = vec![manifests("./web", json!({})); MOST_KEPT + 1];
        let verdict = judge(Kind::Application, application("shop", spec(&policies)), None, &catalog());
        assert_eq!(verdict.findings.len(), MOST_KEPT);
    }
}
