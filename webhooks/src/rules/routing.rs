//! Rules about what routes a rollout's traffic: `rollout.trafficRoutingProvider`
//! and `rollout.rolloutPolicy.trafficRouting`.
//!
//! What is judged is what becomes of them in a Canary, and what Flagger's
//! router for the provider does with it (its `pkg/router/*.go`).

pub mod ab;
pub mod foreign;
pub mod gateway_api;
mod headers;
mod host;
pub mod istio;
pub mod kuma;
pub mod matching;
pub mod nginx;
pub mod provider;
mod virtual_service;

use fleetgate_api::rollout::{HttpMatch, TrafficRouting};
use fleetgate_plan::Provider;

use super::Input;
use super::rollout::subjects;
use crate::field_path::FieldPath;
use crate::finding::Findings;

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let absent = TrafficRouting::default();
    for subject in subjects(input.application) {
        let (path, rollout) = (subject.path(), subject.rollout);
        let Some(provider) = provider::check(rollout, &path, findings) else {
            continue;
        };
        let skips_analysis = rollout.rollout_policy.skip_traffic_analysis == Some(true);
        // What a provider cannot do without is asked for all the same.
        let routing = rollout.rollout_policy.traffic_routing.as_ref().unwrap_or(&absent);
        let path = path.field("rolloutPolicy").field("trafficRouting");
        check_route(Route { provider, routing, skips_analysis, path }, findings);
    }
}

fn check_route(route: Route<'_>, findings: &mut Findings) {
    ab::check(&route, findings);
    matching::check(&route, findings);
    nginx::check(&route, findings);
    istio::check(&route, findings);
    virtual_service::check(&route, findings);
    headers::check(&route, findings);
    gateway_api::check(&route, findings);
    kuma::check(&route, findings);
    foreign::check(&route, findings);
}

/// How a rollout's traffic is routed.
struct Route<'a> {
    provider: Provider,
    routing: &'a TrafficRouting,
    /// Whether new versions take over without any analysis.
    skips_analysis: bool,
    /// The path of `trafficRouting`.
    path: FieldPath,
}

impl<'a> Route<'a> {
    /// The requests of an A/B test.
    fn matches(&self) -> &'a [HttpMatch] {
        self.routing.r#match.as_deref().unwrap_or_default()
    }

    /// How many checks must pass. Zero is what Flagger takes for none.
    fn analysis_times(&self) -> Option<i32> {
        self.routing.analysis_times.filter(|times| *times != 0)
    }
}

#[cfg(test)]
mod test_fixtures {
    use serde_json::{Value, json};

    use crate::finding::{Finding, Severity};
    use crate::test_fixtures::{findings, git_source, kustomization};

    /// What is said of a rollout by `provider` with that `trafficRouting`.
    pub(super) fn routed(provider: &str, routing: Value) -> Vec<Finding> {
        let rollout = json!({
            "trafficRoutingProvider": provider, "serviceName": "backend", "port": 9898,
            "workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend", "namespace": "webapp"},
            "rolloutPolicy": {
                "trafficAnalysis": {"checkIntervalSeconds": 90, "checkFailedTimes": 2},
                "trafficRouting": routing,
            },
        });
        findings(json!({
            "source": git_source(), "destination": {"fleet": "quickstart"},
            "syncPolicies": [{"kustomization": kustomization(), "rollout": rollout}],
        }))
    }

    /// The findings of these codes, as `E hosts[0] rollout/istio`, with the
    /// path below `trafficRouting`.
    pub(super) fn said(codes: &[&str], provider: &str, routing: Value) -> String {
        let below = "spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.";
        let said = routed(provider, routing).into_iter().filter(|finding| codes.contains(&finding.code));
        let said = said.map(|finding| {
            let printed = finding.to_string();
            let is_warning = finding.severity == Severity::Warning;
            assert!(!is_warning || printed.len() < 256, "{} bytes: {printed}", printed.len());
            let path = finding.path.to_string();
            let path = path.strip_prefix(below).unwrap_or(&path);
            format!("{} {path} {}", if is_warning { "W" } else { "E" }, finding.code)
        });
        said.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::test_fixtures::routed;
    use fleetgate_plan::Provider;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// Texts as they stand in routing, and any others.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{0,12}",
            "[a-zA-Z0-9*./_:\\[\\](){}|?+^$\\\\-]{0,12}",
            Just("mesh".to_owned()),
            Just(String::new())
        ]
    }

    fn matcher() -> impl Strategy<Value = Value> {
        let way = prop::sample::select(vec!["exact", "prefix", "suffix", "regex"]);
        let matcher = prop::collection::btree_map(way.prop_map(str::to_owned), text(), 0..3);
        matcher.prop_map(|matcher| json!(matcher))
    }

    fn routing() -> impl Strategy<Value = Value> {
        let texts = || prop::collection::vec(text(), 0..3);
        let headers = || prop::collection::btree_map(text(), matcher(), 0..3);
        let labels = prop::collection::btree_map(text(), text(), 0..2);
        let item = (headers(), headers(), labels).prop_map(|(headers, params, labels)| {
            json!({"headers": headers, "queryParams": params, "sourceLabels": labels})
        });
        let matches = prop::collection::vec(item, 0..3);
        (texts(), texts(), text(), text(), matches, 0..3_i32).prop_map(
            |(gateways, hosts, host, reference, matches, times)| {
                json!({
                    "gateways": gateways, "hosts": hosts, "host": host, "protocol": host, "analysisTimes": times,
                    "match": matches, "routeRef": {"name": reference}, "ingressRef": {"name": reference},
                })
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_routing_makes_it_panic(routing in routing(), other in text()) {
            let providers = Provider::ALL.into_iter().map(|provider| provider.to_string());
            for provider in providers.chain([other]) {
                for finding in routed(&provider, routing.clone()) {
                    prop_assert!(!finding.to_string().is_empty());
                }
            }
        }
    }
}
