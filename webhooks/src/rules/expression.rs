//! The rule about CEL expressions: when a dependency, or an object, is ready.

mod tokens;

use fleetgate_api::application::SyncPolicy;
use fleetgate_api::flux::{DependencyReference, HealthCheckExpr};

use super::{DENIES, Example, Input, Rule};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};

/// `policy/expression`
pub const EXPRESSION: Rule = Rule {
    code: "policy/expression",
    severities: DENIES,
    what: "A CEL expression (`readyExpr` of a dependency; `current`, `inProgress` and `failed` of `healthCheckExprs`) that certainly does not parse, or no `current`.",
    why: "Flux stops before it delivers anything (InvalidCELExpression).",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.healthCheckExprs: [{"apiVersion": "db.example.com/v1", "kind": "Database", "current": "status.phase = 'Ready'"}]"#,
        r#"spec.syncPolicies[0].kustomization.healthCheckExprs: [{"apiVersion": "db.example.com/v1", "kind": "Database", "current": "status.phase == 'Ready'"}]"#,
    ),
};

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    for (index, policy) in input.application.spec.sync_policies.iter().enumerate() {
        for (kind, dependencies, health) in fields(policy) {
            let path = FieldPath::policy(index).field(kind);
            for (place, dependency) in dependencies.iter().enumerate() {
                let expression = dependency.ready_expr.as_deref();
                let path = || path.field("dependsOn").index(place).field("readyExpr");
                findings.extend(expression.and_then(|expression| fault(expression, path)));
            }
            for (place, expressions) in health.iter().enumerate() {
                check_health(expressions, &path.field("healthCheckExprs").index(place), findings);
            }
        }
    }
}

type Fields<'a> = (&'static str, &'a [DependencyReference], &'a [HealthCheckExpr]);

/// What a policy says in CEL, by the kind that it is.
fn fields(policy: &SyncPolicy) -> impl Iterator<Item = Fields<'_>> {
    let kustomization = policy.kustomization.as_ref().map(|it| {
        let health = it.health_check_exprs.as_deref().unwrap_or_default();
        ("kustomization", it.depends_on.as_deref().unwrap_or_default(), health)
    });
    let helm = policy.helm.as_ref().map(|it| {
        let health = it.health_check_exprs.as_deref().unwrap_or_default();
        ("helm", it.depends_on.as_deref().unwrap_or_default(), health)
    });
    kustomization.into_iter().chain(helm)
}

fn check_health(expressions: &HealthCheckExpr, path: &FieldPath, findings: &mut Findings) {
    let HealthCheckExpr { current, in_progress, failed, .. } = expressions;
    if current.is_empty() {
        let message = "must say when an object is ready";
        findings.push(Finding::error(&EXPRESSION, path.field("current"), Fault::Required, message));
    }
    let all = [("current", Some(current)), ("inProgress", in_progress.as_ref()), ("failed", failed.as_ref())];
    for (field, expression) in all {
        findings.extend(expression.and_then(|expression| fault(expression, || path.field(field))));
    }
}

/// An empty one is none to Flux.
fn fault(expression: &str, path: impl Fn() -> FieldPath) -> Option<Finding> {
    let reason = if expression.is_empty() { None } else { tokens::fault(expression) }?;
    let message = format!("must be a CEL expression: {reason}");
    Some(Finding::error(&EXPRESSION, path(), Fault::Invalid, message).value(expression))
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{findings, git_source, kustomization};
    use serde_json::{Value, json};

    fn said(kind: &str, field: &str, value: &Value) -> Vec<String> {
        let mut policy = match kind {
            "helm" => json!({"interval": "5m", "chart": {"spec": {"chart": "./c"}}}),
            _ => kustomization(),
        };
        policy[field] = value.clone();
        let findings = findings(json!({"source": git_source(), "syncPolicies": [{kind: policy}]}));
        findings.into_iter().map(|finding| format!("{} {}", finding.code, finding.path)).collect()
    }

    #[test]
    fn all_places() {
        let none: [&str; 0] = [];
        for kind in ["kustomization", "helm"] {
            let at = |field: &str| [format!("policy/expression spec.syncPolicies[0].{kind}.{field}")];
            let ready = |text: &str| said(kind, "dependsOn", &json!([{"name": "x", "readyExpr": text}]));
            assert_eq!(ready("dep.status.phase == 'Ready'"), none);
            assert_eq!(ready(""), none);
            assert_eq!(ready("dep.status."), at("dependsOn[0].readyExpr"));
            let health = |expressions: Value| {
                let mut item = json!({"apiVersion": "v1", "kind": "A", "current": "true"});
                json_patch::merge(&mut item, &expressions);
                said(kind, "healthCheckExprs", &json!([item]))
            };
            assert_eq!(health(json!({"failed": "", "inProgress": "!has(status.x)"})), none);
            assert_eq!(health(json!({"current": ""})), at("healthCheckExprs[0].current"));
            assert_eq!(health(json!({"failed": "(a"})), at("healthCheckExprs[0].failed"));
            assert_eq!(health(json!({"inProgress": "a b"})), at("healthCheckExprs[0].inProgress"));
        }
    }
}
