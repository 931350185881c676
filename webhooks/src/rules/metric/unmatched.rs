//! The rule about built-in metrics that Flagger asks for under a name that
//! nothing has (`pkg/metrics/observers`, and `runBuiltinMetricChecks` of
//! `pkg/controller/scheduler_metrics.go`).

use fleetgate_api::rollout::{Metric, Rollout};
use fleetgate_plan::Provider;
use fleetgate_plan::flagger::is_built_in;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{Example, Rule, WARNS};

/// `rollout/metric-unmatched`
pub const METRIC_UNMATCHED: Rule = Rule {
    code: "rollout/metric-unmatched",
    severities: WARNS,
    what: "A built-in metric that Flagger asks for by a name that nothing has: of a workload of kind Service with a provider other than istio, knative, gloo and the Gateway API; with kuma, traefik, gloo or apisix where `serviceName` is not the workload's name.",
    why: "The metric never has a value, which Flagger counts as a failed check: every version is rolled back.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "kuma"
           spec.syncPolicies[0].rollout.serviceName: "backend-svc""#,
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "kuma"
           spec.syncPolicies[0].rollout.serviceName: "backend""#,
    ),
};

pub(super) fn check(rollout: &Rollout, metrics: &[Metric], path: &FieldPath, findings: &mut Findings) {
    let Some((message, way_out)) = Provider::of(&rollout.traffic_routing_provider)
        .and_then(|provider| of_istio(provider, rollout).or_else(|| of_another_name(provider, rollout)))
    else {
        return;
    };
    // What is said of one holds of all.
    if let Some(index) = metrics.iter().position(|metric| is_built_in(&metric.name)) {
        let path = path.index(index).field("name");
        findings.push(Finding::warning(&METRIC_UNMATCHED, path, Fault::Invalid, message).hint(way_out));
    }
}

/// To the name of the provider Flagger adds `:service`, and takes what it does
/// not know for Istio: a provider that it does not know by its first letters.
/// What it makes of Knative depends on its version.
fn of_istio(provider: Provider, rollout: &Rollout) -> Option<(&'static str, &'static str)> {
    use Provider::{GatewayApiV1, GatewayApiV1Beta1, Gloo, Istio, Knative};
    let is_known = matches!(provider, Istio | Knative | Gloo | GatewayApiV1 | GatewayApiV1Beta1);
    (!is_known && rollout.workload.kind.as_deref() == Some("Service")).then_some((
        "is asked of Istio where the workload is a Service: it never has a value",
        "roll out the Deployment, or use a customMetric of another name",
    ))
}

/// These providers count by the Service, but are asked by the workload.
fn of_another_name(provider: Provider, rollout: &Rollout) -> Option<(&'static str, &'static str)> {
    let counts_by_service =
        matches!(provider, Provider::Kuma | Provider::Traefik | Provider::Gloo | Provider::Apisix);
    (counts_by_service && rollout.service_name != rollout.workload.name).then_some((
        "is asked for by the workload's name, but counted by serviceName: it never has a value",
        "give both one name, or use a customMetric of another name",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::shown;
    use super::*;
    use crate::test_fixtures::{findings, git_source, kustomization};
    use serde_json::json;

    fn said(provider: &str, kind: &str, service: &str, metric: &str) -> String {
        let rollout = json!({
            "trafficRoutingProvider": provider, "serviceName": service, "port": 9898,
            "workload": {"kind": kind, "name": "backend", "namespace": "webapp"},
            "rolloutPolicy": {
                "trafficRouting": {"canaryStrategy": {"stepWeight": 10}},
                "trafficAnalysis": {"checkFailedTimes": 2, "metrics": [
                    {"name": "orders", "thresholdRange": {"max": 1}}, {"name": metric, "thresholdRange": {"max": 500}},
                ]},
            },
        });
        let findings = findings(json!({
            "source": git_source(), "destination": {"fleet": "quickstart"},
            "syncPolicies": [{"kustomization": kustomization(), "rollout": rollout}],
        }));
        findings.iter().filter(|finding| finding.code == METRIC_UNMATCHED.code).map(shown).collect()
    }

    #[test]
    fn metrics_that_nobody_has() {
        let (none, warned) = ("", "W [1].name");
        let duration = "request-duration";
        for provider in Provider::ALL {
            use Provider::{Apisix, GatewayApiV1, GatewayApiV1Beta1, Gloo, Istio, Knative, Kuma, Traefik};
            let of_service = match provider {
                Istio | Knative | Gloo | GatewayApiV1 | GatewayApiV1Beta1 => none,
                _ => warned,
            };
            let apart = if matches!(provider, Kuma | Traefik | Gloo | Apisix) { warned } else { none };
            let name = provider.as_str();
            assert_eq!(said(name, "Service", "backend", duration), of_service, "{name}");
            assert_eq!(said(name, "Deployment", "backend-svc", duration), apart, "{name}");
            assert_eq!(said(name, "Deployment", "backend", duration), none, "{name}");
            assert_eq!(said(name, "Service", "backend-svc", "mine"), none, "{name}");
        }
        assert_eq!(said("unknown", "Service", "backend", duration), none);
    }
}
