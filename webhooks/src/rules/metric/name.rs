//! The rule about the names of metrics.

use std::collections::BTreeMap;

use fleetgate_api::rollout::Metric;
use fleetgate_plan::flagger::is_built_in;

use super::{DURATION, SUCCESS_RATE};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{DENIES_OR_WARNS, Example, Rule};

/// `rollout/metric-name`
pub const METRIC_NAME: Rule = Rule {
    code: "rollout/metric-name",
    severities: DENIES_OR_WARNS,
    what: "A metric that is neither built in (request-success-rate, request-duration) nor has a `customMetric`; one with a `customMetric` whose name is no object's name, or stands twice, or is that of a different one that another policy makes on the same cluster and in the same namespace. A warning for a built-in name with a `customMetric`.",
    why: "A `customMetric` becomes a MetricTemplate of that name; without one Flagger fails every check. For a built-in name Flagger asks its own query.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics: [{"name": "success-rate", "thresholdRange": {"min": 99}}]"#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics: [{"name": "request-success-rate", "thresholdRange": {"min": 99}}]"#,
    ),
};

pub(super) fn check(metrics: &[Metric], path: &FieldPath, findings: &mut Findings) {
    let mut templates: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, metric) in metrics.iter().enumerate() {
        let path = path.index(index);
        let has_template = metric.custom_metric.is_some();
        if is_built_in(&metric.name) {
            findings.extend(has_template.then(|| built_in(metric, &path)));
        } else if !has_template {
            findings.push(unknown(metric, path.field("name")));
        } else if !names::is_dns_subdomain(&metric.name) {
            findings.push(illegal(metric, path.field("name")));
        } else if let Some(first) = templates.get(metric.name.as_str()) {
            findings.push(twice(metric, *first, path.field("name")));
        } else {
            templates.insert(&metric.name, index);
        }
    }
}

fn built_in(metric: &Metric, path: &FieldPath) -> Finding {
    let message = format!("is not looked at: {} is built in", metric.name);
    Finding::warning(&METRIC_NAME, path.field("customMetric"), Fault::Invalid, message)
        .hint("give the metric a name of its own")
}

fn unknown(metric: &Metric, path: FieldPath) -> Finding {
    let message = "must be built in, or have a customMetric";
    let finding =
        Finding::error(&METRIC_NAME, path, Fault::NotSupported, message).value(metric.name.as_str());
    match names::nearest(&metric.name, [SUCCESS_RATE, DURATION].into_iter()) {
        Some(near) => finding.hint(format!("did you mean {near:?}?")),
        None => finding.hint(format!("{SUCCESS_RATE} and {DURATION} are built in")),
    }
}

fn illegal(metric: &Metric, path: FieldPath) -> Finding {
    let message =
        "must be the name of an object, the MetricTemplate: lower case letters, digits, '-' and '.'";
    Finding::error(&METRIC_NAME, path, Fault::Invalid, message).value(metric.name.as_str())
}

fn twice(metric: &Metric, first: usize, path: FieldPath) -> Finding {
    let message = format!("metrics[{first}] has that name already, and one MetricTemplate is made of both");
    Finding::error(&METRIC_NAME, path, Fault::Duplicate, message)
        .value(metric.name.as_str())
        .hint("give each a name of its own")
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::said;
    use super::*;
    use serde_json::{Value, json};

    fn custom(name: &str) -> Value {
        let provider = json!({"type": "prometheus", "address": "http://prometheus:9090"});
        json!({"name": name, "thresholdRange": {"max": 1}, "customMetric": {"provider": provider, "query": "up"}})
    }

    #[test]
    fn names() {
        let built_in = |name: &str| json!({"name": name, "thresholdRange": {"max": 500}});
        let long = "a".repeat(254);
        let table = [
            (json!([built_in(SUCCESS_RATE), built_in(DURATION)]), ""),
            (json!([built_in(DURATION), built_in(DURATION)]), ""),
            (json!([custom("orders"), custom("orders.v2")]), ""),
            (json!([custom("orders"), custom("other"), custom("orders")]), "E [2].name"),
            (json!([custom("orders"), built_in("orders")]), "E [1].name"),
            (json!([built_in("request-succes-rate")]), "E [0].name"),
            (json!([built_in("")]), "E [0].name"),
            (json!([custom("My Metric")]), "E [0].name"),
            (json!([custom("")]), "E [0].name"),
            (json!([custom(&long)]), "E [0].name"),
            (json!([custom(SUCCESS_RATE)]), "W [0].customMetric"),
        ];
        for (metrics, expected) in table {
            assert_eq!(said(METRIC_NAME.code, metrics.clone()), expected, "{metrics}");
        }
    }
}
