//! Rules about what decides whether a new version is good:
//! `rollout.rolloutPolicy.trafficAnalysis.metrics`.
//!
//! ```text
//! a metric ─┬─ built in ──────▶ Flagger's own query ────────────┬─▶ value ─▶ thresholdRange
//!           └─ customMetric ──▶ MetricTemplate: a Go template ──┘
//! ```
//!
//! What Flagger makes of them stands in its `pkg/controller/scheduler_metrics.go`
//! and `pkg/metrics`.

mod go_template;
pub mod name;
mod query;
pub mod range;
pub mod template;
pub mod traffic;
pub mod unmatched;

use fleetgate_api::rollout::{CustomMetric, Metric, Rollout};
use fleetgate_plan::flagger::is_built_in;

use super::Input;
use super::rollout::subjects;
use crate::field_path::FieldPath;
use crate::finding::Findings;

/// The share of requests without a server error, in percent.
const SUCCESS_RATE: &str = "request-success-rate";
/// How long 99 of 100 requests take at most, in milliseconds.
const DURATION: &str = "request-duration";

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    for subject in subjects(input.application) {
        let (path, rollout) = (subject.analysis_path(), subject.rollout);
        let metrics = metrics(rollout);
        if metrics.is_empty() {
            continue;
        }
        let path_of_metrics = path.field("metrics");
        name::check(metrics, &path_of_metrics, findings);
        template::check(metrics, &path_of_metrics, findings);
        // Where no version is analysed, no value is asked for.
        if rollout.rollout_policy.skip_traffic_analysis != Some(true) {
            range::check(metrics, &path_of_metrics, findings);
            traffic::check(rollout, &path, findings);
            unmatched::check(rollout, metrics, &path_of_metrics, findings);
        }
    }
}

fn metrics(rollout: &Rollout) -> &[Metric] {
    let analysis = rollout.rollout_policy.traffic_analysis.as_ref();
    analysis.and_then(|analysis| analysis.metrics.as_deref()).unwrap_or_default()
}

/// The metrics of which templates are made, each with its path.
fn templates<'a>(
    metrics: &'a [Metric],
    path: &FieldPath,
) -> impl Iterator<Item = (&'a Metric, &'a CustomMetric, FieldPath)> {
    metrics
        .iter()
        .enumerate()
        .filter(|(_, metric)| !is_built_in(&metric.name))
        .filter_map(|(index, metric)| Some((metric, metric.custom_metric.as_ref()?, path.index(index))))
}

#[cfg(test)]
mod test_fixtures {
    use serde_json::{Value, json};

    use crate::finding::{Finding, Severity};
    use crate::test_fixtures::{findings, git_source, kustomization};

    /// What is said of a rollout by `provider` with that `trafficAnalysis`.
    pub(super) fn analysed(provider: &str, analysis: Value, skips: bool) -> Vec<Finding> {
        let rollout = json!({
            "trafficRoutingProvider": provider, "serviceName": "backend", "port": 9898,
            "workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend", "namespace": "webapp"},
            "rolloutPolicy": {
                "trafficRouting": {"canaryStrategy": {"stepWeight": 10}},
                "trafficAnalysis": analysis, "skipTrafficAnalysis": skips,
            },
        });
        findings(json!({
            "source": git_source(), "destination": {"fleet": "quickstart"},
            "syncPolicies": [{"kustomization": kustomization(), "rollout": rollout}],
        }))
    }

    /// The findings of that code about metrics, as `E [0].name`.
    pub(super) fn said(code: &str, metrics: Value) -> String {
        let analysis = json!({"checkIntervalSeconds": 90, "checkFailedTimes": 2, "metrics": metrics});
        let said = analysed("istio", analysis, false).into_iter().filter(|finding| finding.code == code);
        said.map(|finding| shown(&finding)).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn shown(finding: &Finding) -> String {
        let printed = finding.to_string();
        let is_warning = finding.severity == Severity::Warning;
        assert!(!is_warning || printed.len() < 256, "{} bytes: {printed}", printed.len());
        let path = finding.path.to_string();
        let path = path.strip_prefix("spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.");
        let path = path.expect("a path of the analysis").trim_start_matches("metrics").to_owned();
        format!("{} {path}", if is_warning { "W" } else { "E" })
    }
}

#[cfg(test)]
mod tests {
    use super::test_fixtures::analysed;
    use super::{DURATION, SUCCESS_RATE};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn text() -> impl Strategy<Value = String> {
        let known =
            vec![SUCCESS_RATE, DURATION, "prometheus", "datadog", "http://a:9090", "{{ name }}", "{{", ""];
        prop_oneof!["\\PC{0,12}", prop::sample::select(known).prop_map(str::to_owned)]
    }

    fn metric() -> impl Strategy<Value = Value> {
        let end = || prop::option::of(prop::num::f64::NORMAL);
        (text(), end(), end(), text(), text(), text(), any::<bool>()).prop_map(
            |(name, min, max, kind, address, query, is_custom)| {
                let provider = json!({"type": kind, "address": address, "secretRef": {"name": address}});
                let custom = is_custom.then(|| json!({"provider": provider, "query": query}));
                json!({"name": name, "thresholdRange": {"min": min, "max": max}, "customMetric": custom})
            },
        )
    }

    proptest! {
        #[test]
        fn no_metric_makes_it_panic(metrics in prop::collection::vec(metric(), 0..4)) {
            let analysis = json!({"checkFailedTimes": 2, "metrics": metrics});
            for finding in analysed("istio", analysis, false) {
                prop_assert!(!finding.to_string().is_empty());
            }
        }
    }
}
