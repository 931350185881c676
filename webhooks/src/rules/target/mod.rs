//! The rule about objects that kustomize and Flux look for in what they
//! deliver: the target of a patch, and that of fields whose drift is ignored.
//!
//! Both anchor each expression and compile it as Go does (`NewSelectorRegex` of
//! `sigs.k8s.io/kustomize/api` and of `github.com/fluxcd/pkg/ssa/jsondiff`).

mod selector;

use fleetgate_api::flux::{IgnoreRule, TargetSelector};

use super::re2::{self, Refusal};
use super::{DENIES_OR_WARNS, Example, Input, Rule};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};

/// `policy/target`
pub const TARGET: Rule = Rule {
    code: "policy/target",
    severities: DENIES_OR_WARNS,
    what: "The target of a patch, or of an ignored drift, with a group, version, kind, name or namespace that is no regular expression of Go's, or with a label or annotation selector that Kubernetes does not parse. A warning for an ignored path that is no JSON pointer.",
    why: "Flux fails the whole build, or its search for drift; a path that is none ignores nothing.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.patches: [{"patch": "- {op: remove, path: /spec/replicas}", "target": {"kind": "Deployment", "labelSelector": "app in web"}}]"#,
        r#"spec.syncPolicies[0].kustomization.patches: [{"patch": "- {op: remove, path: /spec/replicas}", "target": {"kind": "Deployment", "labelSelector": "app in (web)"}}]"#,
    ),
};

/// Fields whose drift is ignored. Targets of patches are looked at with their patches.
pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    for (index, policy) in input.application.spec.sync_policies.iter().enumerate() {
        let path = FieldPath::policy(index);
        if let Some(rules) = policy.kustomization.as_ref().and_then(|it| it.ignore.as_ref()) {
            check_ignored(rules, &path.field("kustomization").field("ignore"), findings);
        }
        let drift = policy.helm.as_ref().and_then(|helm| helm.drift_detection.as_ref());
        if let Some(rules) = drift.and_then(|drift| drift.ignore.as_ref()) {
            check_ignored(rules, &path.field("helm").field("driftDetection").field("ignore"), findings);
        }
    }
}

fn check_ignored(rules: &[IgnoreRule], path: &FieldPath, findings: &mut Findings) {
    for (index, rule) in rules.iter().enumerate() {
        let path = path.index(index);
        if let Some(target) = &rule.target {
            check_target(target, &path.field("target"), findings);
        }
        for (place, pointer) in rule.paths.iter().enumerate().filter(|(_, pointer)| !is_pointer(pointer)) {
            let path = path.field("paths").index(place);
            let message = "is no JSON pointer, and ignores nothing";
            findings.push(
                Finding::warning(&TARGET, path, Fault::Invalid, message)
                    .value(pointer.as_str())
                    .hint("write /spec/replicas, for example"),
            );
        }
    }
}

/// The empty pointer is the whole object.
fn is_pointer(text: &str) -> bool {
    text.is_empty() || text.starts_with('/')
}

/// What can be said of one target.
pub(super) fn check_target(target: &TargetSelector, path: &FieldPath, findings: &mut Findings) {
    let expressions = [
        ("group", &target.group),
        ("version", &target.version),
        ("kind", &target.kind),
        ("name", &target.name),
        ("namespace", &target.namespace),
    ];
    for (field, expression) in expressions {
        if let Some(expression) = expression.as_deref() {
            findings.extend(check_expression(expression, path.field(field)));
        }
    }
    let selectors =
        [("labelSelector", &target.label_selector), ("annotationSelector", &target.annotation_selector)];
    for (field, text) in selectors {
        let Some(text) = text.as_deref() else { continue };
        if let Err(reason) = selector::check(text) {
            let message = format!("must be a selector such as app=web,tier in (a, b): {reason}");
            findings.push(Finding::error(&TARGET, path.field(field), Fault::Invalid, message).value(text));
        }
    }
}

fn check_expression(expression: &str, path: FieldPath) -> Option<Finding> {
    let (Refusal::Malformed(reason) | Refusal::Dialect(reason)) =
        re2::check(&format!("^(?:{expression})$")).err()?;
    let message = format!("must be a regular expression: {reason}");
    let finding = Finding::error(&TARGET, path, Fault::Invalid, message).value(expression);
    let is_glob = expression.starts_with('*');
    Some(if is_glob { finding.hint("write .* for anything, or leave it out") } else { finding })
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, git_source, kustomization};
    use serde_json::{Value, json};

    const DENIED: &str = "E policy/target";

    fn ignoring(rule: &Value) -> String {
        let mut kustomization = kustomization();
        kustomization["ignore"] = json!([rule]);
        codes(json!({"source": git_source(), "syncPolicies": [{"kustomization": kustomization}]}))
    }

    fn drifting(rule: &Value) -> String {
        let helm = json!({"interval": "5m", "chart": {"spec": {"chart": "./c"}}, "driftDetection": {"ignore": [rule]}});
        codes(json!({"source": git_source(), "syncPolicies": [{"helm": helm}]}))
    }

    fn patching(target: &Value) -> String {
        let mut kustomization = kustomization();
        kustomization["patches"] =
            json!([{"patch": "- {op: remove, path: /spec/replicas}", "target": target}]);
        codes(json!({"source": git_source(), "syncPolicies": [{"kustomization": kustomization}]}))
    }

    #[test]
    fn targets() {
        let table = [
            (json!({}), ""),
            (json!({"kind": "Deployment", "name": "web|api-.*", "labelSelector": "app=web"}), ""),
            (json!({"name": "*"}), DENIED),
            (json!({"name": "web("}), DENIED),
            (json!({"name": "a)(b"}), ""),
            (json!({"kind": "(?=Deploy)ment"}), DENIED),
            (json!({"group": "[apps"}), DENIED),
            (json!({"version": "+"}), DENIED),
            (json!({"namespace": "a**"}), DENIED),
            (json!({"labelSelector": "app in web"}), DENIED),
            (json!({"annotationSelector": "a b"}), DENIED),
        ];
        for (target, expected) in table {
            assert_eq!(patching(&target), expected, "{target}");
            let rule = json!({"paths": ["/spec/replicas"], "target": target});
            assert_eq!([ignoring(&rule), drifting(&rule)], [expected; 2], "{rule}");
        }
    }

    #[test]
    fn paths_are_json_pointers() {
        for (path, expected) in [("", ""), ("/spec", ""), ("spec.replicas", "W policy/target")] {
            let rule = json!({"paths": [path]});
            assert_eq!([ignoring(&rule), drifting(&rule)], [expected; 2], "{path}");
        }
    }
}
