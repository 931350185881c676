//! The rules about what an Application becomes: each rendered object is held
//! against the CRD of the system that must accept it.
//!
//! One object per template is looked at, so that a thousand clusters cost no
//! more than one, and what is refused is reported at the field of the
//! Application that it comes from. Where another rule refuses that field
//! already, it has said it better.

use std::cell::LazyCell;
use std::collections::HashSet;

use fleetgate_api::Application;
use fleetgate_plan::flagger::{self, Member, MemberObject, Release, Step};
use fleetgate_plan::{Catalog, FluxKind, Plan, RenderedKind, Template};
use serde_json::Value;

use super::{DENIES, Example, Rule};
use crate::field_path::{FieldPath, Segment};
use crate::finding::{Findings, Severity};
use crate::schema::{SchemaFault, check_rendered};

/// What every rule of this file says.
const fn rule(code: &'static str, what: &'static str, example: Example) -> Rule {
    Rule {
        code,
        severities: DENIES,
        what,
        why: "The API server would refuse the object, after the Application was admitted.",
        example,
    }
}

/// `schema/GitRepository`
pub const GIT_REPOSITORY: Rule = rule(
    "schema/GitRepository",
    "Whatever the schema or the CEL rules of Flux's GitRepository refuse; the installed CRD's, or else the bundled one's.",
    Example::new(
        r#"spec.source.gitRepository.serviceAccountName: "fetcher""#,
        r#"
            spec.source.gitRepository.serviceAccountName: "fetcher"
            spec.source.gitRepository.provider: "azure"
        "#,
    ),
);

/// `schema/HelmRepository`
pub const HELM_REPOSITORY: Rule = rule(
    "schema/HelmRepository",
    "Whatever the schema of Flux's HelmRepository refuses; the installed CRD's, or else the bundled one's.",
    Example::new(
        r#"spec.source: {"helmRepository": {"url": "https://charts.example.com", "provider": "gitlab"}}"#,
        r#"spec.source: {"helmRepository": {"url": "https://charts.example.com", "provider": "generic"}}"#,
    ),
);

/// `schema/OCIRepository`
pub const OCI_REPOSITORY: Rule = rule(
    "schema/OCIRepository",
    "Whatever the schema of Flux's OCIRepository refuses; the installed CRD's, or else the bundled one's.",
    Example::new(
        r#"spec.source: {"ociRepository": {"url": "oci://ghcr.io/org/app", "interval": "5m", "provider": "gitlab"}}"#,
        r#"spec.source: {"ociRepository": {"url": "oci://ghcr.io/org/app", "interval": "5m", "provider": "aws"}}"#,
    ),
);

/// `schema/Bucket`
pub const BUCKET: Rule = rule(
    "schema/Bucket",
    "Whatever the schema or the CEL rules of Flux's Bucket refuse; the installed CRD's, or else the bundled one's.",
    Example::new(
        r#"spec.source: {"bucket": {"bucketName": "app", "endpoint": "storage.googleapis.com", "interval": "5m", "provider": "gcp", "sts": {"provider": "aws", "endpoint": "https://sts.example.com"}}}"#,
        r#"spec.source: {"bucket": {"bucketName": "app", "endpoint": "storage.googleapis.com", "interval": "5m", "provider": "gcp"}}"#,
    ),
);

/// `schema/Kustomization`
pub const KUSTOMIZATION: Rule = rule(
    "schema/Kustomization",
    "Whatever the schema or the CEL rules of Flux's Kustomization refuse; the installed CRD's, or else the bundled one's.",
    Example::new(
        r#"spec.syncPolicies[0].kustomization.deletionPolicy: "Keep""#,
        r#"spec.syncPolicies[0].kustomization.deletionPolicy: "Orphan""#,
    ),
);

/// `schema/HelmRelease`
pub const HELM_RELEASE: Rule = rule(
    "schema/HelmRelease",
    "Whatever the schema or the CEL rules of Flux's HelmRelease refuse; the installed CRD's, or else the bundled one's.",
    Example::new(
        r#"spec.syncPolicies: [{"helm": {"interval": "5m", "chart": {"spec": {"chart": ""}}}}]"#,
        r#"spec.syncPolicies: [{"helm": {"interval": "5m", "chart": {"spec": {"chart": "./charts/podinfo"}}}}]"#,
    ),
);

/// `schema/Canary`
pub const CANARY: Rule = rule(
    "schema/Canary",
    "Whatever the schema of Flagger's Canary refuses, which a rollout becomes; the bundled one's.",
    Example::new(
        r#"
            spec.syncPolicies[0].rollout.trafficRoutingProvider: "istio"
            spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy.allowOrigins: [{"exact": "https://example.com", "regex": ".*"}]
        "#,
        r#"
            spec.syncPolicies[0].rollout.trafficRoutingProvider: "istio"
            spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.corsPolicy.allowOrigins: [{"exact": "https://example.com"}]
        "#,
    ),
);

/// `schema/MetricTemplate`
pub const METRIC_TEMPLATE: Rule = rule(
    "schema/MetricTemplate",
    "Whatever the schema of Flagger's MetricTemplate refuses, which a metric of one's own becomes; the bundled one's.",
    Example::new(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics: [{"name": "errors", "thresholdRange": {"max": 1}, "customMetric": {"query": "1", "provider": {"type": "keptn"}}}]"#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics: [{"name": "errors", "thresholdRange": {"max": 1}, "customMetric": {"query": "1", "provider": {"type": "prometheus", "address": "http://prometheus.monitoring:9090"}}}]"#,
    ),
);

/// The rule about objects of that kind.
const fn rule_of(kind: RenderedKind) -> &'static Rule {
    match kind {
        RenderedKind::Flux(FluxKind::GitRepository) => &GIT_REPOSITORY,
        RenderedKind::Flux(FluxKind::HelmRepository) => &HELM_REPOSITORY,
        RenderedKind::Flux(FluxKind::OciRepository) => &OCI_REPOSITORY,
        RenderedKind::Flux(FluxKind::Bucket) => &BUCKET,
        RenderedKind::Flux(FluxKind::Kustomization) => &KUSTOMIZATION,
        RenderedKind::Flux(FluxKind::HelmRelease) => &HELM_RELEASE,
        RenderedKind::Canary => &CANARY,
        RenderedKind::MetricTemplate => &METRIC_TEMPLATE,
    }
}

/// What the CRDs refuse of what the Application becomes by `plan`, as far as
/// `findings` do not say it.
pub fn check(application: &Application, plan: Plan, catalog: &Catalog, findings: &mut Findings) {
    let mut report = Report { findings, refused: None, seen: HashSet::new() };
    // Most objects are as they should be. Where one is not, the plan that was used up is made again.
    let again = LazyCell::new(|| Plan::of(application, catalog));
    let origins = LazyCell::new(|| again.templates().collect::<Vec<_>>());
    let Plan { owner, source, mut policies, .. } = plan;
    let templates = source.into_iter().chain(policies.iter_mut().filter_map(|policy| policy.template.take()));
    for (number, template) in templates.enumerate() {
        let kind = RenderedKind::Flux(template.kind);
        for fault in check_rendered(kind, &mut template.into_sample(&owner), catalog) {
            report.add(kind, traced(fault, origins.get(number).copied()));
        }
        if report.is_full() {
            return;
        }
    }
    for (index, (policy, planned)) in application.spec.sync_policies.iter().zip(&policies).enumerate() {
        if let Some(release) = planned.release(&owner, policy, Member::default()) {
            check_rollout(index, &release, catalog, &mut report);
        }
        if report.is_full() {
            return;
        }
    }
}

/// What is said of rendered objects, beside what the rules have said.
struct Report<'a> {
    findings: &'a mut Findings,
    /// The fields that the rules refuse, once that is asked for.
    refused: Option<HashSet<FieldPath>>,
    /// One fault may be seen in several objects: a rollout's provider in each metric's template.
    seen: HashSet<(FieldPath, String)>,
}

impl Report<'_> {
    fn add(&mut self, kind: RenderedKind, fault: SchemaFault) {
        let refused = self.refused.get_or_insert_with(|| refused(self.findings));
        let is_said = refused.contains(&fault.path) || fault.path.is_within_any(refused);
        if !is_said && self.seen.insert((fault.path.clone(), fault.message.clone())) {
            self.findings.push(fault.finding(rule_of(kind)));
        }
    }

    /// Whether nothing more would be kept.
    const fn is_full(&self) -> bool {
        self.findings.has_more_errors()
    }
}

/// Every field that is refused already, and every one around it.
fn refused(findings: &Findings) -> HashSet<FieldPath> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let mut said = HashSet::new();
    for finding in errors {
        let mut path = Some(finding.path.clone());
        while let Some(around) = path {
            path = around.parent();
            // Of what is further out all objects are made.
            if around.segments().len() > 2 && !said.insert(around) {
                break;
            }
        }
    }
    said
}

/// The fault at the field of the Application that `template` is made of.
fn traced(mut fault: SchemaFault, template: Option<&Template>) -> SchemaFault {
    let field = template.and_then(|template| template.trace(&fault.path.to_string()).parse().ok());
    fault.path = field.unwrap_or_default();
    fault
}

fn check_rollout(index: usize, release: &Release<'_>, catalog: &Catalog, report: &mut Report<'_>) {
    // Why a rollout cannot be rendered is said by the rules about that field.
    for object in flagger::flagger_objects(release).into_iter().flatten() {
        check_flagger_object(object, index, catalog, report);
    }
}

fn check_flagger_object(mut object: MemberObject, index: usize, catalog: &Catalog, report: &mut Report<'_>) {
    let Some(kind) = RenderedKind::of_member(object.kind) else {
        return;
    };
    let mut body = Value::Object(std::mem::take(&mut object.body));
    for mut fault in check_rendered(kind, &mut body, catalog) {
        let origin = object.origin(&steps(&fault.path));
        let below = origin.parse().unwrap_or_else(|_| FieldPath::root());
        fault.path = FieldPath::policy(index).field("rollout").join(&below);
        report.add(kind, fault);
    }
}

fn steps(path: &FieldPath) -> Vec<Step<'_>> {
    let steps = path.segments().iter().map(|segment| match segment {
        Segment::Field(name) => Step::Field(name),
        Segment::Index(index) => Step::Index(*index),
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, findings, git_source, kustomization};
    use serde_json::{Value, json};

    fn spec(policy: Value) -> Value {
        json!({"source": git_source(), "destination": {"fleet": "quickstart"}, "syncPolicies": [policy]})
    }

    fn paths(spec: Value) -> Vec<String> {
        let findings = findings(spec);
        findings.iter().map(|finding| format!("{} {}", finding.path, finding.code)).collect()
    }

    #[test]
    fn a_fault_is_said_where_the_user_can_mend_it() {
        let helm = |helm: Value| spec(json!({ "helm": helm }));
        let strategy = json!({"interval": "5m", "chart": {"spec": {"chart": "c"}}, "install": {
            "strategy": {"name": "RemediateOnFailure", "retryInterval": "5m"},
        }});
        let mut in_override = kustomization();
        in_override["wait"] = json!(true);
        let table = [
            (
                helm(json!({"interval": "5m", "chart": {"spec": {"chart": ""}}})),
                vec!["spec.syncPolicies[0].helm.chart.spec.chart schema/HelmRelease"],
            ),
            (helm(strategy), vec!["spec.syncPolicies[0].helm.install.strategy schema/HelmRelease"]),
            (spec(json!({ "kustomization": in_override })), vec![]),
        ];
        for (spec, expected) in table {
            assert_eq!(paths(spec.clone()), expected, "{spec}");
        }
    }

    #[test]
    fn a_rule_that_refuses_the_field_has_said_it_better() {
        let mut policy = kustomization();
        policy["interval"] = json!("often");
        assert_eq!(codes(spec(json!({ "kustomization": policy }))), "E source/interval");
    }
}
