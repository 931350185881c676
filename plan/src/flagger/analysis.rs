//! `spec.analysis` of the Canary: how the traffic is shifted, and what decides
//! whether the new version is good.

use fleetgate_api::rollout::{CanaryStrategy, Metric, SessionAffinity, ThresholdRange, Webhooks};
use serde_json::{Value, json};

use super::fields::{Fields, decimal, json, number, seconds};
use super::{Context, load_tester, matching};

/// The metrics that Flagger has queries of its own for
/// (`pkg/controller/scheduler_metrics.go`).
pub const BUILT_IN_METRICS: [&str; 2] = ["request-success-rate", "request-duration"];

/// How often the checks run, in seconds, where nothing is said.
const CHECK_INTERVAL: i32 = 60;
/// The span of a metric, in seconds, where nothing is said.
const METRIC_INTERVAL: i32 = 60;
/// How long a command may take, in seconds, where nothing is said.
const WEBHOOK_TIMEOUT: i32 = 60;
/// How many checks may fail where nothing is said: as many as Flagger takes for none.
const FAILED_TIMES: i32 = 1;
/// How many checks a rollout without any strategy has to pass: as many as
/// Flagger asks for where it cannot shift traffic.
const ITERATIONS: i32 = 10;

/// Whether Flagger has a query of its own for the metric. It then ignores a template.
#[must_use]
pub fn is_built_in(metric: &str) -> bool {
    BUILT_IN_METRICS.contains(&metric)
}

pub(super) struct Analysis {
    pub(super) spec: Fields,
    /// Which of the rollout's matches each item of `match` is.
    pub(super) matches: Vec<usize>,
}

pub(super) fn render(context: &Context<'_>) -> Analysis {
    let policy = &context.rollout.rollout_policy;
    let routing = policy.traffic_routing.as_ref();
    let analysis = policy.traffic_analysis.as_ref();
    let matches = routing.and_then(|routing| routing.r#match.as_deref()).unwrap_or_default();
    let carried = matching::render(context.provider, matches);
    let interval = analysis.and_then(|analysis| analysis.check_interval_seconds);
    let metrics = analysis.and_then(|analysis| analysis.metrics.as_deref()).unwrap_or_default();
    let webhooks = analysis.and_then(|analysis| analysis.webhooks.as_ref());
    let affinity = analysis.and_then(|analysis| analysis.session_affinity.as_ref());
    let spec = strategy(context)
        .with("interval", seconds(interval.unwrap_or(CHECK_INTERVAL)))
        .with("threshold", analysis.map_or(FAILED_TIMES, |analysis| analysis.check_failed_times))
        .list("match", carried.items)
        .list("metrics", metrics.iter().map(|metric| metric_check(context, metric)).collect())
        .list("webhooks", webhooks.map(|webhooks| commands(context, webhooks)).unwrap_or_default())
        .maybe("sessionAffinity", affinity.map(session_affinity));
    Analysis { spec, matches: carried.places }
}

/// By weights or by a number of checks, whatever is said. Flagger's schema asks
/// for exactly one, also where the analysis is skipped.
fn strategy(context: &Context<'_>) -> Fields {
    let routing = context.rollout.rollout_policy.traffic_routing.as_ref();
    let strategy = routing.and_then(|routing| routing.canary_strategy.as_ref());
    let iterations = number(routing.and_then(|routing| routing.analysis_times));
    let fields = Fields::new().maybe("iterations", iterations);
    let fields = match strategy {
        Some(strategy) => weights(fields, strategy),
        None => fields,
    };
    if iterations.is_some() || strategy.is_some_and(has_steps) {
        fields
    } else {
        fields.with("iterations", ITERATIONS)
    }
}

fn weights(fields: Fields, strategy: &CanaryStrategy) -> Fields {
    let steps = strategy.step_weights.as_deref().unwrap_or_default();
    fields
        .maybe("maxWeight", number(strategy.max_weight))
        .maybe("stepWeight", number(strategy.step_weight))
        .list("stepWeights", steps.iter().map(|weight| json!(weight)).collect())
        .maybe("stepWeightPromotion", number(strategy.step_weight_promotion))
}

fn has_steps(strategy: &CanaryStrategy) -> bool {
    let steps = strategy.step_weights.as_ref().is_some_and(|steps| !steps.is_empty());
    steps || number(strategy.step_weight).is_some()
}

fn metric_check(context: &Context<'_>, metric: &Metric) -> Value {
    let template =
        (!is_built_in(&metric.name)).then(|| json!({"name": metric.name, "namespace": context.namespace}));
    Fields::new()
        .with("name", metric.name.as_str())
        .with("interval", seconds(metric.interval_seconds.unwrap_or(METRIC_INTERVAL)))
        .maybe("thresholdRange", metric.threshold_range.as_ref().map(range))
        .maybe("templateRef", template)
        .into()
}

fn range(range: &ThresholdRange) -> Value {
    Fields::new().maybe("min", range.min.map(decimal)).maybe("max", range.max.map(decimal)).into()
}

/// A webhook per command, called as Kurator calls them.
fn commands(context: &Context<'_>, webhooks: &Webhooks) -> Vec<Value> {
    let url = load_tester::url(context);
    let timeout = seconds(webhooks.timeout_seconds.unwrap_or(WEBHOOK_TIMEOUT));
    let commands = webhooks.command.iter().flatten().enumerate();
    commands
        .map(|(index, command)| {
            json!({
                "name": format!("generated-testload-{index}"),
                "type": "rollout",
                "url": url,
                "timeout": timeout,
                "metadata": {"type": "cmd", "cmd": command},
            })
        })
        .collect()
}

fn session_affinity(affinity: &SessionAffinity) -> Value {
    Fields::new()
        .maybe("cookieName", affinity.cookie_name.as_ref().map(json))
        .maybe("maxAge", number(affinity.max_age))
        .into()
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{canary, rollout};
    use super::*;

    fn analysis(policy: Value) -> Value {
        canary(&rollout("istio", json!({ "rolloutPolicy": policy })))["analysis"].clone()
    }

    #[test]
    fn the_strategy_is_what_was_said() {
        let table = [
            (
                json!({"canaryStrategy": {"stepWeight": 5, "maxWeight": 50, "stepWeightPromotion": 20}}),
                json!({"stepWeight": 5, "maxWeight": 50, "stepWeightPromotion": 20}),
            ),
            (
                json!({"canaryStrategy": {"stepWeight": null, "stepWeights": [1, 10, 80]}}),
                json!({"stepWeights": [1, 10, 80]}),
            ),
            (json!({"canaryStrategy": null, "analysisTimes": 3}), json!({"iterations": 3})),
            // Zero and the empty list are what Kurator's types cannot tell from nothing.
            (
                json!({"canaryStrategy": {"stepWeight": 10, "maxWeight": 0, "stepWeights": []}, "analysisTimes": 0}),
                json!({"stepWeight": 10}),
            ),
            (json!({"canaryStrategy": {"stepWeight": 0}}), json!({"iterations": 10})),
            (json!(null), json!({"iterations": 10})),
        ];
        for (routing, expected) in table {
            let mut spec = analysis(json!({ "trafficRouting": routing }));
            let fields = spec.as_object_mut().expect("an object");
            fields.retain(|field, _| !["interval", "threshold"].contains(&field.as_str()));
            assert_eq!(spec, expected, "{routing}");
        }
    }

    #[test]
    fn absent_fields_are_their_defaults() {
        assert_eq!(
            analysis(json!({"trafficAnalysis": null})),
            json!({"stepWeight": 10, "interval": "60s", "threshold": 1})
        );
        let sparse = json!({
            "checkIntervalSeconds": null, "checkFailedTimes": 0, "metrics": [{"name": "request-duration"}],
            "webhooks": {"command": ["hey http://a"]}, "sessionAffinity": {"cookieName": "v", "maxAge": 0},
        });
        assert_eq!(
            analysis(json!({ "trafficAnalysis": sparse })),
            json!({
                "stepWeight": 10, "interval": "60s", "threshold": 0,
                "metrics": [{"name": "request-duration", "interval": "60s"}],
                "webhooks": [{
                    "name": "generated-testload-0", "type": "rollout", "timeout": "60s",
                    "url": "http://backend-svc-testloader.webapp/",
                    "metadata": {"type": "cmd", "cmd": "hey http://a"},
                }],
                "sessionAffinity": {"cookieName": "v"},
            })
        );
        let empty = json!({"metrics": [], "webhooks": {"command": []}});
        assert_eq!(
            analysis(json!({ "trafficAnalysis": empty })),
            json!({"stepWeight": 10, "interval": "90s", "threshold": 2})
        );
    }

    #[test]
    fn ranges_are_open_where_nothing_is_said() {
        let metric = |range: Value| json!([{"name": "request-duration", "intervalSeconds": 30, "thresholdRange": range}]);
        for range in [json!({"min": 99, "max": 99.5}), json!({"max": 500}), json!({})] {
            let spec = analysis(json!({"trafficAnalysis": {"metrics": metric(range.clone())}}));
            assert_eq!(
                spec["metrics"][0],
                json!({"name": "request-duration", "interval": "30s", "thresholdRange": range})
            );
        }
    }
}
