//! A rollout to which nobody objects, and what is said once a JSON merge patch
//! has changed it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::finding::{Finding, Severity};
use crate::judge::judge;
use crate::rules::Rule;
use crate::schema::Kind;
use crate::test_fixtures::{application, catalog, git_source, kustomization};

/// A canary by weight on Istio.
pub(super) fn rollout() -> Value {
    json!({
        "trafficRoutingProvider": "istio", "serviceName": "backend", "port": 9898, "testLoader": true,
        "workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend", "namespace": "webapp"},
        "rolloutPolicy": {
            "trafficRouting": {
                "gateways": ["istio-system/public-gateway"], "hosts": ["backend.webapp"],
                "canaryStrategy": {"maxWeight": 50, "stepWeight": 10},
            },
            "trafficAnalysis": {
                "checkIntervalSeconds": 90, "checkFailedTimes": 2,
                "metrics": [{"name": "request-success-rate", "intervalSeconds": 90, "thresholdRange": {"min": 99}}],
                "webhooks": {"timeoutSeconds": 60, "command": ["hey -z 1m http://backend-canary.webapp:9898/"]},
            },
        },
    })
}

/// The rollout, changed by a merge patch: `null` takes a field out.
pub(super) fn changed(patch: &Value) -> Value {
    let mut rollout = rollout();
    json_patch::merge(&mut rollout, patch);
    rollout
}

/// A policy `name` with that rollout, and a label selector of the fleet's clusters.
pub(super) fn policy(name: &str, rollout: &Value, selector: &Value) -> Value {
    json!({
        "name": name, "kustomization": kustomization(), "rollout": rollout,
        "destination": {"fleet": "quickstart", "clusterSelector": selector},
    })
}

/// An Application of these policies.
pub(super) fn of_policies(policies: &Value) -> Value {
    application("shop", json!({"source": git_source(), "syncPolicies": policies}))
}

/// An Application of one policy `web` with the changed rollout.
pub(super) fn with(patch: &Value) -> Value {
    of_policies(&json!([policy("web", &changed(patch), &json!(null))]))
}

/// What `rules` say about an object, on an update beside the stored one.
pub(super) fn findings(rules: &[&Rule], object: &Value, old: Option<&Value>) -> Vec<Finding> {
    let said = judge(Kind::Application, object.clone(), old, &catalog()).findings;
    let of_rules = |finding: &Finding| rules.iter().any(|rule| rule.code == finding.code);
    let findings: Vec<Finding> = said.into_iter().filter(of_rules).collect();
    for finding in findings.iter().filter(|finding| finding.severity == Severity::Warning) {
        assert!(finding.to_string().chars().count() < 256, "{finding}");
    }
    findings
}

/// The same as `E rollout/port, W rollout/service`, each once.
pub(super) fn codes(rules: &[&Rule], object: &Value, old: Option<&Value>) -> String {
    let codes: BTreeSet<String> = findings(rules, object, old)
        .iter()
        .map(|finding| match finding.severity {
            Severity::Error => format!("E {}", finding.code),
            Severity::Warning => format!("W {}", finding.code),
        })
        .collect();
    codes.into_iter().collect::<Vec<_>>().join(", ")
}

/// Checks rows of a patch and what `rules` say about the changed rollout.
pub(super) fn check_table(rules: &[&Rule], table: &[(Value, &str)]) {
    for (patch, expected) in table {
        assert_eq!(codes(rules, &with(patch), None), *expected, "{patch}");
    }
}

/// A merge patch of `trafficRouting`.
pub(super) fn routing(patch: &Value) -> Value {
    json!({"rolloutPolicy": {"trafficRouting": patch}})
}

/// A merge patch of `trafficAnalysis`.
pub(super) fn analysis(patch: &Value) -> Value {
    json!({"rolloutPolicy": {"trafficAnalysis": patch}})
}
