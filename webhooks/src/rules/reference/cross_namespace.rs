//! References that leave the Application's namespace.

use fleetgate_api::flux::DependencyReference;
use fleetgate_plan::Tenancy;
use kube::ResourceExt;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES_OR_WARNS, Example, Input, Rule};

/// `ref/cross-namespace`
pub const CROSS_NAMESPACE: Rule = Rule {
    code: "ref/cross-namespace",
    severities: DENIES_OR_WARNS,
    what: "A policy depends on an object of another namespace. An error with `--no-cross-namespace-refs`.",
    why: "Namespaces keep tenants apart. Flux follows such a dependency even where its lock-down refuses sources of other namespaces.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.dependsOn: [{"name": "base", "namespace": "platform"}]"#,
        r#"spec.syncPolicies[0].kustomization.dependsOn: [{"name": "base"}]"#,
    ),
};

pub(crate) fn check(input: Input<'_>, findings: &mut Findings) {
    for (index, policy) in input.application.spec.sync_policies.iter().enumerate() {
        let path = FieldPath::policy(index);
        if let Some(kustomization) = &policy.kustomization {
            let dependencies = kustomization.depends_on.as_deref().unwrap_or_default();
            check_dependencies(input, dependencies, &path.field("kustomization"), findings);
        }
        if let Some(helm) = &policy.helm {
            let dependencies = helm.depends_on.as_deref().unwrap_or_default();
            check_dependencies(input, dependencies, &path.field("helm"), findings);
        }
    }
}

fn check_dependencies(
    input: Input<'_>,
    dependencies: &[DependencyReference],
    path: &FieldPath,
    findings: &mut Findings,
) {
    let namespace = input.application.namespace().unwrap_or_default();
    for (index, dependency) in dependencies.iter().enumerate() {
        let other =
            dependency.namespace.as_deref().filter(|other| !other.is_empty() && *other != namespace.as_str());
        if let Some(other) = other {
            let path = path.field("dependsOn").index(index).field("namespace");
            findings.push(
                finding(path, &namespace, input.catalog.tenancy())
                    .value(other)
                    .hint("depend on what is in the same namespace, or leave it out"),
            );
        }
    }
}

fn finding(path: FieldPath, namespace: &str, tenancy: &Tenancy) -> Finding {
    let message = format!("leaves the Application's namespace, {namespace:?}");
    if tenancy.no_cross_namespace_refs {
        let message = format!("{message}, which this installation does not allow");
        Finding::error(&CROSS_NAMESPACE, path, Fault::Forbidden, message)
    } else {
        Finding::warning(&CROSS_NAMESPACE, path, Fault::Forbidden, message)
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog, codes_of, git_source, kustomization};
    use fleetgate_plan::{Catalog, Tenancy};
    use serde_json::{Value, json};

    fn locked_down() -> Catalog {
        catalog().with_tenancy(Tenancy { no_cross_namespace_refs: true, ..Tenancy::default() })
    }

    /// A policy of either kind that depends on something.
    fn policies(dependency: &Value) -> [Value; 2] {
        let mut kustomized = kustomization();
        kustomized["dependsOn"] = json!([dependency]);
        let helm = json!({"interval": "5m", "chart": {"spec": {"chart": "./c"}}, "dependsOn": [dependency]});
        [json!({"kustomization": kustomized}), json!({"helm": helm})]
    }

    #[test]
    fn dependencies() {
        let table = [
            (json!({"name": "base"}), false),
            (json!({"name": "base", "namespace": ""}), false),
            (json!({"name": "base", "namespace": "default"}), false),
            (json!({"name": "base", "namespace": "platform"}), true),
        ];
        let catalogs = [(catalog(), "W ref/cross-namespace"), (locked_down(), "E ref/cross-namespace")];
        for (dependency, is_elsewhere) in table {
            for policy in policies(&dependency) {
                for (catalog, code) in &catalogs {
                    let object =
                        application("shop", json!({"source": git_source(), "syncPolicies": [policy]}));
                    let said = codes_of(&judge(Kind::Application, object, None, catalog).findings);
                    let said: String =
                        said.split(", ").filter(|code| code.contains("cross-namespace")).collect();
                    assert_eq!(said, if is_elsewhere { *code } else { "" }, "{dependency}");
                }
            }
        }
    }

    #[test]
    fn what_was_stored_before_the_lock_down_can_still_be_changed() {
        let [policy, _] = policies(&json!({"name": "base", "namespace": "platform"}));
        let stored = application("shop", json!({"source": git_source(), "syncPolicies": [policy]}));
        let mut object = stored.clone();
        object["spec"]["syncPolicies"][0]["kustomization"]["interval"] = json!("6m");
        assert!(judge(Kind::Application, object.clone(), Some(&stored), &locked_down()).is_admitted());
        object["spec"]["syncPolicies"][0]["kustomization"]["dependsOn"][0]["namespace"] = json!("other");
        assert!(!judge(Kind::Application, object, Some(&stored), &locked_down()).is_admitted());
    }
}
