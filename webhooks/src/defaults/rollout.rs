//! What a rollout leaves open: Kurator's documented intervals, the kind of the
//! workload, and what Flagger wants to read even where it analyses nothing.

use fleetgate_plan::Provider;
use serde_json::{Map, Value, json};

/// Kurator's default of the check interval, the metrics' interval and the
/// commands' timeout, in seconds.
const SECONDS: i32 = 60;

/// Fills in the rollouts of an Application's policies.
pub(super) fn fill(object: &mut Value) {
    let policies = object.get_mut("spec").and_then(|spec| spec.get_mut("syncPolicies"));
    let Some(Value::Array(policies)) = policies else {
        return;
    };
    for policy in policies {
        if let Some(Value::Object(rollout)) = policy.get_mut("rollout") {
            fill_one(rollout);
        }
    }
}

fn fill_one(rollout: &mut Map<String, Value>) {
    let provider = rollout.get("trafficRoutingProvider").and_then(Value::as_str).and_then(Provider::of);
    if let Some(Value::Object(workload)) = rollout.get_mut("workload") {
        fill_workload(workload, provider);
    }
    let Some(Value::Object(policy)) = rollout.get_mut("rolloutPolicy") else {
        return;
    };
    if policy.get("skipTrafficAnalysis") == Some(&Value::Bool(true)) {
        fill_skipped(policy);
    }
    if let Some(Value::Object(routing)) = policy.get_mut("trafficRouting")
        && provider == Some(Provider::Kuma)
    {
        set(routing, "protocol", || json!("http"));
    }
    if let Some(Value::Object(analysis)) = policy.get_mut("trafficAnalysis") {
        fill_analysis(analysis);
    }
}

/// Kind and apiVersion follow each other; without either it is a Deployment,
/// and with the provider knative a Knative Service.
fn fill_workload(workload: &mut Map<String, Value>, provider: Option<Provider>) {
    const KNATIVE: &str = "serving.knative.dev/v1";
    let is_knative = provider == Some(Provider::Knative);
    let (kind, version) = if is_knative { ("Service", KNATIVE) } else { ("Deployment", "apps/v1") };
    // Of another apiVersion nobody knows which kind is meant.
    if is_absent(workload, "apiVersion") || workload.get("apiVersion") == Some(&json!(version)) {
        set(workload, "kind", || json!(kind));
    }
    let version = match workload.get("kind").and_then(Value::as_str) {
        Some("Service") if is_knative => KNATIVE,
        Some("Service") => "v1",
        Some("Deployment" | "DaemonSet") => "apps/v1",
        // The rule about kinds refuses it.
        _ => return,
    };
    set(workload, "apiVersion", || json!(version));
}

/// Flagger's CRD asks for a strategy, an interval and a threshold even where
/// the analysis is skipped: the least of each.
fn fill_skipped(policy: &mut Map<String, Value>) {
    set(policy, "trafficRouting", || json!({}));
    if let Some(Value::Object(routing)) = policy.get_mut("trafficRouting")
        && is_absent(routing, "canaryStrategy")
    {
        set(routing, "analysisTimes", || json!(1));
    }
    set(policy, "trafficAnalysis", || json!({"checkFailedTimes": 1}));
}

fn fill_analysis(analysis: &mut Map<String, Value>) {
    set(analysis, "checkIntervalSeconds", || json!(SECONDS));
    if let Some(Value::Array(metrics)) = analysis.get_mut("metrics") {
        for metric in metrics.iter_mut().filter_map(Value::as_object_mut) {
            set(metric, "intervalSeconds", || json!(SECONDS));
        }
    }
    if let Some(Value::Object(webhooks)) = analysis.get_mut("webhooks") {
        set(webhooks, "timeoutSeconds", || json!(SECONDS));
    }
}

fn is_absent(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).is_none_or(Value::is_null)
}

fn set(fields: &mut Map<String, Value>, name: &str, value: impl FnOnce() -> Value) {
    if is_absent(fields, name) {
        fields.insert(name.to_owned(), value());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(rollout: Value) -> Value {
        let mut object = json!({"spec": {"syncPolicies": [{}, {"rollout": rollout}]}});
        fill(&mut object);
        object["spec"]["syncPolicies"][1]["rollout"].clone()
    }

    #[test]
    fn workloads() {
        let deployment = json!({"kind": "Deployment", "apiVersion": "apps/v1"});
        let knative = json!({"kind": "Service", "apiVersion": "serving.knative.dev/v1"});
        let table = [
            ("istio", json!({}), deployment.clone()),
            ("istio", json!({"kind": null, "apiVersion": null}), deployment.clone()),
            ("envoy", json!({"apiVersion": "apps/v1"}), deployment),
            ("istio", json!({"kind": "DaemonSet"}), json!({"kind": "DaemonSet", "apiVersion": "apps/v1"})),
            ("istio", json!({"kind": "Service"}), json!({"kind": "Service", "apiVersion": "v1"})),
            ("knative", json!({}), knative.clone()),
            ("knative", json!({"kind": "Service"}), knative.clone()),
            ("knative", json!({"apiVersion": "serving.knative.dev/v1"}), knative),
            ("istio", json!({"kind": "Job"}), json!({"kind": "Job"})),
            ("istio", json!({"apiVersion": "batch/v1"}), json!({"apiVersion": "batch/v1"})),
            ("istio", json!({"kind": 5}), json!({"kind": 5})),
            ("istio", json!("backend"), json!("backend")),
        ];
        for (provider, workload, expected) in table {
            let rollout = filled(json!({"trafficRoutingProvider": provider, "workload": workload}));
            assert_eq!(rollout["workload"], expected, "{provider} {workload}");
        }
    }

    #[test]
    fn intervals_and_timeouts() {
        let given = json!({
            "checkFailedTimes": 2,
            "metrics": [{"name": "a"}, {"name": "b", "intervalSeconds": 0}, null, "c"],
            "webhooks": {"command": ["hey"]},
        });
        let expected = json!({
            "checkIntervalSeconds": 60, "checkFailedTimes": 2,
            "metrics": [{"name": "a", "intervalSeconds": 60}, {"name": "b", "intervalSeconds": 0}, null, "c"],
            "webhooks": {"command": ["hey"], "timeoutSeconds": 60},
        });
        let rollout = filled(json!({"rolloutPolicy": {"trafficAnalysis": given}}));
        assert_eq!(rollout["rolloutPolicy"], json!({"trafficAnalysis": expected}));
        let set = json!({"checkIntervalSeconds": 5, "metrics": 7, "webhooks": {"timeoutSeconds": "x"}});
        let rollout = filled(json!({"rolloutPolicy": {"trafficAnalysis": set}}));
        assert_eq!(rollout["rolloutPolicy"]["trafficAnalysis"], set);
    }

    #[test]
    fn what_is_skipped_has_the_least_that_flagger_takes() {
        let least = json!({"checkIntervalSeconds": 60, "checkFailedTimes": 1});
        let (host, steps) = (json!({"host": "e.com"}), json!({"canaryStrategy": {"stepWeight": 10}}));
        // (trafficRouting, what it becomes)
        let table = [
            (json!(null), json!({"analysisTimes": 1})),
            (host, json!({"host": "e.com", "analysisTimes": 1})),
            (steps.clone(), steps),
            (json!({"analysisTimes": 0}), json!({"analysisTimes": 0})),
            (json!([]), json!([])),
        ];
        for (routing, expected) in table {
            let policy = json!({"skipTrafficAnalysis": true, "trafficRouting": routing});
            let policy = filled(json!({"rolloutPolicy": policy}))["rolloutPolicy"].clone();
            assert_eq!(policy["trafficRouting"], expected, "{routing}");
            assert_eq!(policy["trafficAnalysis"], least);
        }
        for skips in [json!(false), json!(null), json!("true")] {
            let policy = json!({"skipTrafficAnalysis": skips});
            assert_eq!(filled(json!({"rolloutPolicy": policy}))["rolloutPolicy"], policy);
        }
    }

    #[test]
    fn kuma_speaks_http() {
        let of = |provider: &str, routing: Value| {
            let policy = json!({"trafficRouting": routing});
            filled(json!({"trafficRoutingProvider": provider, "rolloutPolicy": policy}))["rolloutPolicy"]["trafficRouting"]
                .clone()
        };
        assert_eq!(of("kuma", json!({})), json!({"protocol": "http"}));
        assert_eq!(of("kuma", json!({"protocol": "grpc"})), json!({"protocol": "grpc"}));
        assert_eq!(of("istio", json!({})), json!({}));
    }

    /// Any JSON of the names that a rollout has.
    fn any_rollout() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            prop::sample::select(vec!["kuma", "knative", "istio", "Service", "Deployment", "apps/v1", ""])
                .prop_map(Value::from),
        ];
        let names = prop::sample::select(vec![
            "spec",
            "syncPolicies",
            "rollout",
            "trafficRoutingProvider",
            "workload",
            "kind",
            "apiVersion",
            "rolloutPolicy",
            "skipTrafficAnalysis",
            "trafficRouting",
            "canaryStrategy",
            "analysisTimes",
            "protocol",
            "trafficAnalysis",
            "checkIntervalSeconds",
            "checkFailedTimes",
            "metrics",
            "intervalSeconds",
            "webhooks",
            "timeoutSeconds",
        ]);
        leaf.prop_recursive(5, 48, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Whether all that is set in `given` stands in `found` as it was.
    fn keeps(given: &Value, found: &Value) -> bool {
        match (given, found) {
            (Value::Null, _) => true,
            (Value::Object(given), Value::Object(found)) => given
                .iter()
                .all(|(name, value)| found.get(name).map_or(value.is_null(), |found| keeps(value, found))),
            (Value::Array(given), Value::Array(found)) => {
                given.len() == found.len()
                    && given.iter().zip(found).all(|(given, found)| keeps(given, found))
            }
            _ => given == found,
        }
    }

    proptest! {
        #[test]
        fn defaulting_is_idempotent_and_changes_nothing_that_is_set(rollout in any_rollout(), whole in any_rollout()) {
            for mut object in [json!({"spec": {"syncPolicies": [{"rollout": rollout}]}}), whole] {
                let given = object.clone();
                fill(&mut object);
                prop_assert!(keeps(&given, &object), "{} {}", given, object);
                let once = object.clone();
                fill(&mut object);
                prop_assert_eq!(once, object);
            }
        }
    }
}
