//! References that leave the Application's namespace.

use fleetgate_api::flux::DependencyReference;
use kube::ResourceExt;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::rules::{Example, Input, Rule, WARNS};

/// `ref/cross-namespace`
pub const CROSS_NAMESPACE: Rule = Rule {
    code: "ref/cross-namespace",
    severities: WARNS,
    what: "A policy depends on an object of another namespace.",
    why: "Namespaces keep tenants apart. Flux follows such a dependency even where its lock-down refuses sources of other namespaces.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.dependsOn: [{"name": "base", "namespace": "platform"}]"#,
        r#"spec.syncPolicies[0].kustomization.dependsOn: [{"name": "base"}]"#,
    ),
};

pub(crate) fn check(input: Input<'_>, findings: &mut Vec<Finding>) {
    let namespace = input.application.namespace().unwrap_or_default();
    for (index, policy) in input.application.spec.sync_policies.iter().enumerate() {
        let path = FieldPath::policy(index);
        if let Some(kustomization) = &policy.kustomization {
            let dependencies = kustomization.depends_on.as_deref().unwrap_or_default();
            check_dependencies(dependencies, &path.field("kustomization"), &namespace, findings);
        }
        if let Some(helm) = &policy.helm {
            let dependencies = helm.depends_on.as_deref().unwrap_or_default();
            check_dependencies(dependencies, &path.field("helm"), &namespace, findings);
        }
    }
}

fn check_dependencies(
    dependencies: &[DependencyReference],
    path: &FieldPath,
    namespace: &str,
    findings: &mut Vec<Finding>,
) {
    for (index, dependency) in dependencies.iter().enumerate() {
        let other = dependency.namespace.as_deref().filter(|other| !other.is_empty() && *other != namespace);
        if let Some(other) = other {
            let path = path.field("dependsOn").index(index).field("namespace");
            let message = format!("leaves the Application's namespace, {namespace:?}");
            findings.push(
                Finding::warning(&CROSS_NAMESPACE, path, Fault::Forbidden, message)
                    .value(other)
                    .hint("depend on what is in the same namespace, or leave it out"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, git_source, kustomization};
    use serde_json::json;

    #[test]
    fn dependencies() {
        let table = [
            (json!({"name": "base"}), ""),
            (json!({"name": "base", "namespace": ""}), ""),
            (json!({"name": "base", "namespace": "default"}), ""),
            (json!({"name": "base", "namespace": "platform"}), "W ref/cross-namespace"),
        ];
        for (dependency, expected) in table {
            let mut kustomized = kustomization();
            kustomized["dependsOn"] = json!([dependency]);
            let helm =
                json!({"interval": "5m", "chart": {"spec": {"chart": "./c"}}, "dependsOn": [dependency]});
            for policy in [json!({"kustomization": kustomized}), json!({"helm": helm})] {
                let said = codes(json!({"source": git_source(), "syncPolicies": [policy]}));
                assert_eq!(
                    said.split(", ").filter(|code| code.contains("cross-namespace")).collect::<String>(),
                    expected,
                    "{dependency}"
                );
            }
        }
    }
}
