//! Rules about `spec.syncPolicies`.

mod child_name_taken;
mod child_names;
mod depends_on;
mod duplicate_delivery;
mod metadata;
pub(super) mod path;
mod redeployed;
mod renumbered;

use std::collections::BTreeMap;

use fleetgate_api::Application;
use fleetgate_api::application::SyncPolicy;
use fleetgate_plan::names::{MAX_NAME, policy_name};

pub use self::child_name_taken::CHILD_NAME_TAKEN;
pub use self::depends_on::DEPENDS_ON;
pub use self::duplicate_delivery::DUPLICATE_DELIVERY;
pub use self::metadata::METADATA;
pub(super) use self::metadata::{check_annotations, check_label};
pub use self::path::PATH;
pub use self::redeployed::REDEPLOYED;
pub use self::renumbered::RENUMBERED;
use super::{DENIES, DENIES_OR_WARNS, Example, Input, Rule};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;

/// `policy/none`
pub const NONE: Rule = Rule {
    code: "policy/none",
    severities: DENIES,
    what: "`syncPolicies` is empty.",
    why: "Nothing would be delivered.",
    example: Example::new(r"spec.syncPolicies: []", r#"spec.syncPolicies[0].kustomization.path: "./deploy""#),
};

/// `policy/exactly-one`
pub const EXACTLY_ONE: Rule = Rule {
    code: "policy/exactly-one",
    severities: DENIES,
    what: "A policy has neither, or both, of `kustomization` and `helm`.",
    why: "It would deliver nothing, or which one wins would be an accident.",
    example: Example::new(
        r#"spec.syncPolicies: [{"name": "web"}]"#,
        r#"spec.syncPolicies: [{"name": "web", "kustomization": {"interval": "5m", "path": "./deploy", "prune": true}}]"#,
    ),
};

/// `policy/name`
pub const NAME: Rule = Rule {
    code: "policy/name",
    severities: DENIES_OR_WARNS,
    what: "An explicit policy name is longer than 63 bytes, makes no legal object name, or is used twice, also by a generated name (`<application>-<index>`), or composes the same child's name as another policy. A warning for upper case letters.",
    why: "Children are called `<policy>-<kind>-<cluster>`: two policies of one name overwrite each other for ever.",
    example: Example::new(
        r#"spec.syncPolicies[0].name: "my_policy""#,
        r#"spec.syncPolicies[0].name: "my-policy""#,
    ),
};

/// `policy/target-namespace`
pub const TARGET_NAMESPACE: Rule = Rule {
    code: "policy/target-namespace",
    severities: DENIES,
    what: "`targetNamespace`, or a Helm release's `storageNamespace`, is no DNS label.",
    why: "The member's API server refuses such a namespace.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.targetNamespace: "Web""#,
        r#"spec.syncPolicies[0].kustomization.targetNamespace: "web""#,
    ),
};

/// The policies with their names as far as these are known: a policy without
/// one is called after the Application, whose own may yet be generated.
fn named(application: &Application) -> impl Iterator<Item = (usize, &SyncPolicy, String)> {
    let of_application = application.metadata.name.as_deref();
    application.spec.sync_policies.iter().enumerate().filter_map(move |(index, policy)| {
        let explicit = policy.name.as_deref().is_some_and(|name| !name.is_empty());
        let application = of_application.or_else(|| explicit.then_some(""))?;
        Some((index, policy, policy_name(application, index, policy)))
    })
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
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
    check_names(input.application, findings);
    child_names::check(input, findings);
    child_name_taken::check(input, findings);
    renumbered::check(input, findings);
    redeployed::check(input, findings);
    depends_on::check(input, findings);
    path::check(input, findings);
    duplicate_delivery::check(input, findings);
    metadata::check(input, findings);
}

fn check_one_kind(index: usize, policy: &SyncPolicy, findings: &mut Findings) {
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

fn check_target_namespace(index: usize, policy: &SyncPolicy, findings: &mut Findings) {
    let kustomization = policy.kustomization.as_ref().and_then(|it| it.target_namespace.as_deref());
    let helm = policy.helm.as_ref();
    let namespaces = [
        ("kustomization", "targetNamespace", kustomization),
        ("helm", "targetNamespace", helm.and_then(|helm| helm.target_namespace.as_deref())),
        ("helm", "storageNamespace", helm.and_then(|helm| helm.storage_namespace.as_deref())),
    ];
    for (kind, field, namespace) in namespaces {
        let Some(namespace) = namespace.filter(|namespace| !names::is_dns_label(namespace)) else {
            continue;
        };
        let path = FieldPath::policy(index).field(kind).field(field);
        let message = "must be a DNS label: at most 63 lower case letters, digits and '-', with a letter or digit at both ends";
        findings.push(Finding::error(&TARGET_NAMESPACE, path, Fault::Invalid, message).value(namespace));
    }
}

fn check_names(application: &Application, findings: &mut Findings) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, policy, name) in named(application) {
        let path = FieldPath::policy(index).field("name");
        if let Some(name) = names::given(policy.name.as_deref()) {
            check_explicit_name(name, &path, findings);
        }
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

fn check_explicit_name(name: &str, path: &FieldPath, findings: &mut Findings) {
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
    use crate::test_fixtures::{apart, codes, codes_named, git_source, kustomization};
    use serde_json::{Value, json};

    fn spec(policies: Value) -> Value {
        json!({"source": git_source(), "syncPolicies": apart(policies)})
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
    fn a_generated_name_collides_with_nothing() {
        let mut object = crate::test_fixtures::application(
            "",
            spec(json!([
                {"name": "shop-1", "kustomization": kustomization()}, {"kustomization": kustomization()},
            ])),
        );
        object["metadata"] = json!({"generateName": "shop", "namespace": "default"});
        let verdict = judge(Kind::Application, object.clone(), None, &crate::test_fixtures::catalog());
        assert_eq!(verdict.findings, []);
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
