//! The rule about objects whose health is waited for.

use fleetgate_api::Kustomization;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES, Example, Rule};

/// `kustomization/health-check`
pub const HEALTH_CHECK: Rule = Rule {
    code: "kustomization/health-check",
    severities: DENIES,
    what: "An item of `healthChecks` without kind or name, or whose `apiVersion` is not `group/version`. With `wait: true` Flux does not look at them.",
    why: "Flux fails after it has applied everything, or waits for an object that there cannot be.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.healthChecks: [{"apiVersion": "apps/v1/deployments", "kind": "Deployment", "name": "web"}]"#,
        r#"spec.syncPolicies[0].kustomization.healthChecks: [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}]"#,
    ),
};

pub(super) fn check(kustomization: &Kustomization, path: &FieldPath, findings: &mut Findings) {
    if kustomization.wait == Some(true) {
        return;
    }
    let path = path.field("healthChecks");
    for (index, item) in kustomization.health_checks.iter().flatten().enumerate() {
        let path = path.index(index);
        for (field, value) in [("kind", &item.kind), ("name", &item.name)] {
            if value.is_empty() {
                let message = "must be that of the object whose health is waited for";
                findings.push(Finding::error(&HEALTH_CHECK, path.field(field), Fault::Required, message));
            }
        }
        let version = item.api_version.as_deref().filter(|version| version.matches('/').count() > 1);
        if let Some(version) = version {
            let message = "must be group/version, or v1";
            let path = path.field("apiVersion");
            findings.push(Finding::error(&HEALTH_CHECK, path, Fault::Invalid, message).value(version));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, git_source, kustomization};
    use serde_json::json;

    #[test]
    fn what_flux_can_look_up() {
        const DENIED: &str = "E kustomization/health-check";
        let table = [
            (json!({"kind": "Deployment", "name": "web"}), ""),
            (json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "shop"}), ""),
            (json!({"apiVersion": "a/b/c", "kind": "Deployment", "name": "web"}), DENIED),
            (json!({"kind": "", "name": "web"}), DENIED),
            (json!({"kind": "Deployment", "name": ""}), DENIED),
        ];
        for (item, expected) in table {
            for (wait, expected) in [(json!(null), expected), (json!(true), "")] {
                let mut kustomization = kustomization();
                kustomization["healthChecks"] = json!([item]);
                kustomization["wait"] = wait;
                let spec =
                    json!({"source": git_source(), "syncPolicies": [{"kustomization": kustomization}]});
                assert_eq!(codes(spec), expected, "{item}");
            }
        }
    }
}
