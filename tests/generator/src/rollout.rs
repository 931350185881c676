//! Rollouts for every provider, each with a strategy that it can carry out.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{object, texts};

/// What a provider can do.
#[derive(Debug)]
struct Provider {
    name: &'static str,
    /// Traffic by weight; without it blue/green is all there is.
    weights: bool,
    /// Traffic by header.
    matches: bool,
}

const PROVIDERS: [Provider; 13] = [
    Provider { name: "istio", weights: true, matches: true },
    Provider { name: "nginx", weights: true, matches: true },
    Provider { name: "kuma", weights: true, matches: false },
    Provider { name: "kubernetes", weights: false, matches: false },
    Provider { name: "linkerd", weights: true, matches: false },
    Provider { name: "contour", weights: true, matches: true },
    Provider { name: "gloo", weights: true, matches: true },
    Provider { name: "traefik", weights: true, matches: false },
    Provider { name: "skipper", weights: true, matches: false },
    Provider { name: "apisix", weights: true, matches: false },
    Provider { name: "knative", weights: true, matches: false },
    Provider { name: "gatewayapi:v1", weights: true, matches: true },
    Provider { name: "gatewayapi:v1beta1", weights: true, matches: true },
];

/// A rollout; the index keeps the workloads of an Application apart.
pub(crate) fn rollout(index: usize) -> impl Strategy<Value = Value> {
    (0..PROVIDERS.len()).prop_flat_map(move |provider| {
        #[expect(clippy::indexing_slicing, reason = "the range is the table's")]
        let provider = &PROVIDERS[provider];
        (strategy(provider), analysis(), Just(provider), metadata(), 1..65_536_i32, timing()).prop_map(
            move |(strategy, analysis, provider, metadata, port, (timeout, skip, suspend))| {
                let policy = object([
                    ("trafficRouting", Some(routing(provider, strategy))),
                    ("trafficAnalysis", Some(analysis)),
                    ("rolloutTimeoutSeconds", timeout.map(Value::from)),
                    ("skipTrafficAnalysis", skip.map(Value::from)),
                    ("suspend", suspend.map(Value::from)),
                    ("revertOnDeletion", Some(json!(true))),
                ]);
                object([
                    ("testLoader", Some(json!(true))),
                    ("trafficRoutingProvider", Some(json!(provider.name))),
                    ("workload", Some(workload(provider, index))),
                    ("serviceName", Some(json!(format!("web-{index}")))),
                    ("port", Some(port.into())),
                    ("primary", metadata.clone()),
                    ("preview", metadata),
                    ("rolloutPolicy", Some(policy)),
                ])
            },
        )
    })
}

fn workload(provider: &Provider, index: usize) -> Value {
    let (version, kind) = match provider.name {
        "knative" => ("serving.knative.dev/v1", "Service"),
        _ => ("apps/v1", "Deployment"),
    };
    json!({"apiVersion": version, "kind": kind, "name": format!("web-{index}"), "namespace": "webapp"})
}

fn timing() -> impl Strategy<Value = (Option<i32>, Option<bool>, Option<bool>)> {
    (prop::option::of(60..3_600_i32), prop::option::of(any::<bool>()), prop::option::of(any::<bool>()))
}

fn metadata() -> impl Strategy<Value = Option<Value>> {
    prop::option::of(
        (texts(), texts())
            .prop_map(|(labels, annotations)| json!({"labels": labels, "annotations": annotations})),
    )
}

fn strategy(provider: &Provider) -> BoxedStrategy<Value> {
    let times = (1..20_i32).prop_map(|times| json!({"analysisTimes": times})).boxed();
    let steps = (1..=10_i32, 1..=10_i32)
        .prop_map(|(step, count)| json!({"canaryStrategy": {"stepWeight": step, "maxWeight": step * count}}));
    let list = prop::collection::btree_set(1..=100_i32, 1..5)
        .prop_map(|weights| json!({"canaryStrategy": {"stepWeights": weights}}));
    let header = match provider.name {
        "nginx" | "contour" => json!({"x-canary": {"exact": "insider"}}),
        _ => json!({"x-canary": {"regex": "^insider-[0-9]+$"}}),
    };
    let matches = (1..20_i32)
        .prop_map(move |times| json!({"analysisTimes": times, "match": [{"headers": header}]}))
        .boxed();
    match (provider.weights, provider.matches) {
        (true, true) => prop_oneof![steps, list, times, matches].boxed(),
        (true, false) => prop_oneof![steps, list, times].boxed(),
        (false, _) => times,
    }
}

/// The strategy, and what the provider cannot do without.
fn routing(provider: &Provider, strategy: Value) -> Value {
    let mut routing = strategy;
    let needed = match provider.name {
        "istio" => {
            json!({"gateways": ["istio-system/public", "mesh"], "hosts": ["app.example.com"], "timeoutSeconds": 15})
        }
        "nginx" => json!({"host": "app.example.com"}),
        "kuma" => json!({"protocol": "http"}),
        "skipper" => json!({"ingressRef": {"name": "web"}}),
        "apisix" => json!({"routeRef": {"name": "web"}}),
        "gatewayapi:v1" | "gatewayapi:v1beta1" => {
            json!({"gateways": ["gateways/public"], "hosts": ["app.example.com"]})
        }
        _ => json!({}),
    };
    if let (Value::Object(routing), Value::Object(needed)) = (&mut routing, needed) {
        routing.extend(needed);
    }
    routing
}

fn analysis() -> impl Strategy<Value = Value> {
    let metric = prop_oneof![
        (90..=100_i32).prop_map(|min| json!({
            "name": "request-success-rate", "intervalSeconds": 60, "thresholdRange": {"min": min},
        })),
        (1..=1_000_i32).prop_map(|max| json!({
            "name": "request-duration", "thresholdRange": {"max": max},
        })),
        (0..=10_i32).prop_map(|max| json!({
            "name": "errors", "intervalSeconds": 30, "thresholdRange": {"max": max},
            "customMetric": {
                "provider": {"type": "prometheus", "address": "http://prometheus.monitoring:9090"},
                "query": "sum(rate(errors_total{namespace=\"{{ namespace }}\",app=\"{{ target }}\"}[{{ interval }}]))",
            },
        })),
    ];
    let metrics = prop::collection::vec(metric, 0..4).prop_map(|mut metrics| {
        metrics.sort_by_key(|metric| metric["name"].to_string());
        metrics.dedup_by_key(|metric| metric["name"].to_string());
        Value::from(metrics)
    });
    (prop::option::of(120..600_i32), 1..10_i32, metrics, 1..60_i32).prop_map(
        |(interval, failed, metrics, timeout)| {
            object([
                ("checkIntervalSeconds", interval.map(Value::from)),
                ("checkFailedTimes", Some(failed.into())),
                ("metrics", Some(metrics)),
                (
                    "webhooks",
                    Some(json!({
                        "timeoutSeconds": timeout, "command": ["hey -z 1m -q 10 http://web-canary.webapp/"],
                    })),
                ),
            ])
        },
    )
}
