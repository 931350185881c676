//! The rule about labels and annotations that an Application gives to others.

use std::collections::BTreeMap;

use fleetgate_api::application::SyncPolicy;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{DENIES, Example, Input, Rule};

/// `policy/metadata`
pub const METADATA: Rule = Rule {
    code: "policy/metadata",
    severities: DENIES,
    what: "Labels or annotations of `commonMetadata`, of a chart's `metadata`, or of a rollout's `primary` or `preview` with a key or a value that Kubernetes refuses; annotations of more than 256 KiB.",
    why: "Every object that gets them is refused.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.commonMetadata: {"labels": {"team": "payments & co"}}"#,
        r#"spec.syncPolicies[0].kustomization.commonMetadata: {"labels": {"team": "payments"}}"#,
    ),
};

/// The most that keys and values of an object's annotations may have together,
/// in bytes (`TotalAnnotationSizeLimitB` of `k8s.io/apimachinery`).
const MAX_ANNOTATIONS: usize = 256 * 1024;

type Map = BTreeMap<String, String>;

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    for (index, policy) in input.application.spec.sync_policies.iter().enumerate() {
        visit(policy, &FieldPath::policy(index), &mut |labels, annotations, path| {
            for (key, value) in labels.into_iter().flatten() {
                check_label(&METADATA, key, value, &path.field("labels"), findings);
            }
            if let Some(annotations) = annotations {
                let annotations = annotations.iter().map(|(key, value)| (key.as_str(), value.as_str()));
                check_annotations(&METADATA, annotations, &path.field("annotations"), findings);
            }
        });
    }
}

type Visitor<'a> = dyn FnMut(Option<&Map>, Option<&Map>, FieldPath) + 'a;

fn visit(policy: &SyncPolicy, path: &FieldPath, visit: &mut Visitor<'_>) {
    if let Some(common) = policy.kustomization.as_ref().and_then(|it| it.common_metadata.as_ref()) {
        let path = path.field("kustomization").field("commonMetadata");
        visit(common.labels.as_ref(), common.annotations.as_ref(), path);
    }
    if let Some(helm) = &policy.helm {
        let path = path.field("helm");
        if let Some(common) = &helm.common_metadata {
            visit(common.labels.as_ref(), common.annotations.as_ref(), path.field("commonMetadata"));
        }
        if let Some(chart) = helm.chart.as_ref().and_then(|chart| chart.metadata.as_ref()) {
            let path = path.field("chart").field("metadata");
            visit(chart.labels.as_ref(), chart.annotations.as_ref(), path);
        }
    }
    if let Some(rollout) = &policy.rollout {
        for (field, service) in [("primary", &rollout.primary), ("preview", &rollout.preview)] {
            if let Some(service) = service {
                let path = path.field("rollout").field(field);
                visit(service.labels.as_ref(), service.annotations.as_ref(), path);
            }
        }
    }
}

/// What `rule` says of one of the labels at `path`.
pub(in crate::rules) fn check_label(
    rule: &Rule,
    key: &str,
    value: &str,
    path: &FieldPath,
    findings: &mut Findings,
) {
    if !names::is_label_key(key) {
        findings.push(illegal_key(rule, "a label's key", key, &path.key(key)));
    }
    if !names::is_label_value(value) {
        let message = "must be a label's value: at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends";
        findings.push(Finding::error(rule, path.key(key), Fault::Invalid, message).value(value));
    }
}

/// What `rule` says of the annotations at `path`. Kubernetes lowers an
/// annotation's key before it looks at it.
pub(in crate::rules) fn check_annotations<'a>(
    rule: &Rule,
    annotations: impl Iterator<Item = (&'a str, &'a str)>,
    path: &FieldPath,
    findings: &mut Findings,
) {
    let mut size = 0;
    for (key, value) in annotations {
        size += key.len() + value.len();
        if !names::is_label_key(&key.to_lowercase()) {
            findings.push(illegal_key(rule, "an annotation's key", key, &path.key(key)));
        }
    }
    if size > MAX_ANNOTATIONS {
        let message = format!("may not have more than {MAX_ANNOTATIONS} bytes together, have {size}");
        findings.push(Finding::error(rule, path.clone(), Fault::TooLong, message));
    }
}

fn illegal_key(rule: &Rule, what: &str, key: &str, path: &FieldPath) -> Finding {
    let message = format!(
        "must be {what}: at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends, and a domain and '/' in front if need be"
    );
    Finding::error(rule, path.clone(), Fault::Invalid, message).value(key)
}

#[cfg(test)]
mod tests {
    use super::MAX_ANNOTATIONS;
    use crate::test_fixtures::{codes, git_source, kustomization};
    use serde_json::{Value, json};

    const DENIED: &str = "E policy/metadata";

    fn with(metadata: Value) -> Value {
        let mut kustomization = kustomization();
        kustomization["commonMetadata"] = metadata;
        json!({"source": git_source(), "syncPolicies": [{"kustomization": kustomization}]})
    }

    #[test]
    fn labels_and_annotations() {
        let table = [
            (json!({"labels": {"team": "", "example.com/team": "Payments_1.x"}}), ""),
            (json!({"labels": {"team": "payments & co"}}), DENIED),
            (json!({"labels": {"team": "a".repeat(64)}}), DENIED),
            (json!({"labels": {"": "a"}}), DENIED),
            (json!({"labels": {"Example.com/team": "a"}}), DENIED),
            (json!({"annotations": {"Example.com/team": "anything at all"}}), ""),
            (json!({"annotations": {"a/b/c": ""}}), DENIED),
            (json!({"annotations": {"a b": ""}}), DENIED),
        ];
        for (metadata, expected) in table {
            assert_eq!(codes(with(metadata.clone())), expected, "{metadata}");
        }
    }

    #[test]
    fn annotations_have_a_size() {
        for (size, expected) in [(MAX_ANNOTATIONS - 1, ""), (MAX_ANNOTATIONS, DENIED)] {
            assert_eq!(codes(with(json!({"annotations": {"a": "x".repeat(size)}}))), expected, "{size}");
        }
    }

    #[test]
    fn everywhere_in_a_policy() {
        let bad = json!({"labels": {"a b": "c"}});
        let chart = json!({"metadata": bad, "spec": {"chart": "c"}});
        for helm in [
            json!({"interval": "5m", "chart": chart}),
            json!({"interval": "5m", "chart": {"spec": {"chart": "c"}}, "commonMetadata": bad}),
        ] {
            let spec = json!({
                "source": {"helmRepository": {"url": "https://charts.example.com"}},
                "syncPolicies": [{"helm": helm}],
            });
            assert_eq!(codes(spec), DENIED, "{helm}");
        }
        for field in ["primary", "preview"] {
            let mut rollout = json!({
                "trafficRoutingProvider": "kubernetes", "serviceName": "web", "port": 80, "rolloutPolicy": {},
                "workload": {"kind": "Deployment", "name": "web", "namespace": "web"},
            });
            rollout[field] = bad.clone();
            let policy = json!({"kustomization": kustomization(), "rollout": rollout});
            let said = codes(json!({"source": git_source(), "syncPolicies": [policy]}));
            assert!(said.contains(DENIED), "{field}: {said}");
        }
    }
}
