//! A `MetricTemplate` for each metric that Flagger does not have built in.

use std::collections::BTreeSet;

use fleetgate_api::rollout::{CustomMetric, Metric};
use serde_json::{Map, Value};

use super::analysis::is_built_in;
use super::fields::{Fields, json};
use super::{Context, MemberKind, MemberObject};

/// The templates, called like their metrics, as Kurator calls them. Of metrics
/// of the same name the first has it.
pub(super) fn render(context: &Context<'_>) -> Vec<MemberObject> {
    let mut names = BTreeSet::new();
    let metrics = metrics(context).iter().enumerate();
    metrics
        // Flagger does not look at a template for a metric that it has built in.
        .filter(|(_, metric)| !is_built_in(&metric.name))
        .filter_map(|(index, metric)| Some((index, metric, metric.custom_metric.as_ref()?)))
        .filter(|(_, metric, _)| names.insert(metric.name.as_str()))
        .map(|(index, metric, custom)| {
            let kind = MemberKind::MetricTemplate;
            let template = MemberObject::new(context, kind, metric.name.clone(), body(custom));
            MemberObject { items: vec![index], ..template }
        })
        .collect()
}

fn metrics<'a>(context: &Context<'a>) -> &'a [Metric] {
    let analysis = context.rollout.rollout_policy.traffic_analysis.as_ref();
    analysis.and_then(|analysis| analysis.metrics.as_deref()).unwrap_or_default()
}

fn body(custom: &CustomMetric) -> Map<String, Value> {
    let spec = Fields::new()
        .maybe("provider", custom.provider.as_ref().map(json))
        .maybe("query", custom.query.clone());
    Fields::new().with("spec", spec).into_map()
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{canary, find, rollout};
    use super::*;
    use serde_json::json;

    fn with_metrics(metrics: Value) -> fleetgate_api::rollout::Rollout {
        rollout("istio", json!({"rolloutPolicy": {"trafficAnalysis": {"metrics": metrics}}}))
    }

    #[test]
    fn a_metric_of_ones_own_is_asked_for_by_a_template() {
        let provider = json!({
            "type": "prometheus", "address": "http://prometheus:9090", "region": "eu",
            "secretRef": {"name": "token"}, "insecureSkipVerify": true,
        });
        let rollout = with_metrics(json!([
            {"name": "request-success-rate", "customMetric": {"query": "unused"}},
            {"name": "orders", "customMetric": {"provider": provider, "query": "sum(orders)"}},
            {"name": "orders", "customMetric": {"query": "another"}},
            {"name": "elsewhere"},
        ]));
        let templates = find(&rollout, MemberKind::MetricTemplate);
        assert_eq!(templates.len(), 1);
        assert_eq!((templates[0].name.as_str(), &templates[0].items), ("orders", &vec![1]));
        assert_eq!(templates[0].body["spec"], json!({"provider": provider, "query": "sum(orders)"}));
        let references: Vec<_> = canary(&rollout)["analysis"]["metrics"]
            .as_array()
            .expect("metrics")
            .iter()
            .map(|metric| metric["templateRef"].clone())
            .collect();
        let orders = json!({"name": "orders", "namespace": "webapp"});
        let elsewhere = json!({"name": "elsewhere", "namespace": "webapp"});
        assert_eq!(references, [Value::Null, orders.clone(), orders, elsewhere]);
    }
}
