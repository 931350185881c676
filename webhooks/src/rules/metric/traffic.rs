//! The rule about the traffic that built-in metrics are measured by.

use fleetgate_api::rollout::{Rollout, Webhooks};
use fleetgate_plan::Provider;
use fleetgate_plan::flagger::is_built_in;

use super::metrics;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{Example, Rule, WARNS};

/// `rollout/metric-traffic`
pub const METRIC_TRAFFIC: Rule = Rule {
    code: "rollout/metric-traffic",
    severities: WARNS,
    what: "Built-in metrics, but no command in `webhooks` that makes requests.",
    why: "While nobody calls the new version these metrics have no values, and Flagger counts that as a failed check.",
    example: Example::new(
        r"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks: null",
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command: ["hey -z 1m http://backend-canary.webapp:9898/"]"#,
    ),
};

pub(super) fn check(rollout: &Rollout, path: &FieldPath, findings: &mut Findings) {
    // There the pods count requests themselves, those of kubelet's probes too.
    let counts_probes = Provider::of(&rollout.traffic_routing_provider) == Some(Provider::Kubernetes);
    let analysis = rollout.rollout_policy.traffic_analysis.as_ref();
    let webhooks = analysis.and_then(|analysis| analysis.webhooks.as_ref());
    if counts_probes
        || has_command(webhooks)
        || !metrics(rollout).iter().any(|metric| is_built_in(&metric.name))
    {
        return;
    }
    let message = "is missing: without requests built-in metrics have no values, and the rollout fails";
    let path = path.field("webhooks").field("command");
    let finding = Finding::warning(&METRIC_TRAFFIC, path, Fault::Invalid, message);
    findings.push(finding.hint("a load test helps, unless users always call"));
}

fn has_command(webhooks: Option<&Webhooks>) -> bool {
    let mut commands = webhooks.and_then(|webhooks| webhooks.command.as_ref()).into_iter().flatten();
    commands.any(|command| !command.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{analysed, shown};
    use super::*;
    use serde_json::{Value, json};

    fn said(provider: &str, metric: &str, webhooks: Value, skips: bool) -> String {
        let metrics = json!([{"name": metric, "thresholdRange": {"max": 1}}]);
        let analysis = json!({"checkFailedTimes": 2, "metrics": metrics, "webhooks": webhooks});
        let findings = analysed(provider, analysis, skips);
        let said = findings.iter().filter(|finding| finding.code == METRIC_TRAFFIC.code);
        said.map(shown).collect()
    }

    #[test]
    fn built_in_metrics_want_requests() {
        let none = "W webhooks.command";
        let rate = "request-success-rate";
        let hey = json!({"command": ["hey http://backend-canary.webapp:9898/"]});
        let table = [
            ("istio", rate, Value::Null, false, none),
            ("istio", rate, json!({"timeoutSeconds": 60}), false, none),
            ("istio", rate, json!({"command": [" "]}), false, none),
            ("istio", rate, hey, false, ""),
            ("nginx", "request-duration", Value::Null, false, none),
            ("istio", "orders", Value::Null, false, ""),
            ("kubernetes", rate, Value::Null, false, ""),
            ("istio", rate, Value::Null, true, ""),
        ];
        for (provider, metric, webhooks, skips, expected) in table {
            assert_eq!(
                said(provider, metric, webhooks.clone(), skips),
                expected,
                "{provider} {metric} {webhooks}"
            );
        }
    }
}
