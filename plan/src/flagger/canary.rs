//! The Canary: which workload, what shifts its traffic, and the parts that
//! [`service`](super::service) and [`analysis`](super::analysis) write.

use fleetgate_api::rollout::RouteReference;
use serde_json::Value;

use super::fields::{Fields, text};
use super::{Context, Feature, MemberKind, MemberObject, analysis, ingress, service};
use crate::Provider;

const INGRESS: &str = "networking.k8s.io/v1";
const APISIX_ROUTE: &str = "apisix.apache.org/v2";

/// The Canary, called like its workload, as Kurator calls it.
pub(super) fn render(context: &Context<'_>) -> MemberObject {
    let policy = &context.rollout.rollout_policy;
    let analysis = analysis::render(context);
    let spec = Fields::new()
        .with("provider", context.provider.as_str())
        .with("targetRef", target(context))
        .maybe("ingressRef", ingress_reference(context))
        .maybe("routeRef", route_reference(context))
        .maybe("progressDeadlineSeconds", policy.rollout_timeout_seconds)
        .maybe("skipAnalysis", policy.skip_traffic_analysis)
        .maybe("revertOnDeletion", policy.revert_on_deletion)
        .maybe("suspend", policy.suspend)
        .with("service", service::render(context))
        .with("analysis", analysis.spec);
    let name = context.rollout.workload.name.clone();
    let body = Fields::new().with("spec", spec).into_map();
    let canary = MemberObject::new(context, MemberKind::Canary, name, body);
    MemberObject { items: analysis.matches, ..canary }
}

fn target(context: &Context<'_>) -> Fields {
    let workload = &context.rollout.workload;
    let knative = context.provider == Provider::Knative;
    let kind = text(workload.kind.as_ref()).unwrap_or(if knative { "Service" } else { "Deployment" });
    let api_version = text(workload.api_version.as_ref()).unwrap_or(match kind {
        "Service" if knative => "serving.knative.dev/v1",
        "Service" => "v1",
        _ => "apps/v1",
    });
    Fields::new().with("apiVersion", api_version).with("kind", kind).with("name", workload.name.as_str())
}

/// For nginx the Ingress that is made for it, for skipper the one that is named.
fn ingress_reference(context: &Context<'_>) -> Option<Value> {
    if context.provider == Provider::Nginx {
        return Some(reference(INGRESS, "Ingress", &ingress::name_of(context)));
    }
    let routing = context.rollout.rollout_policy.traffic_routing.as_ref()?;
    let named = routing.ingress_ref.as_ref().filter(|_| context.provider.reads(Feature::IngressRef))?;
    Some(reference(api_version(named, INGRESS), "Ingress", &named.name))
}

fn route_reference(context: &Context<'_>) -> Option<Value> {
    let routing = context.rollout.rollout_policy.traffic_routing.as_ref()?;
    let named = routing.route_ref.as_ref().filter(|_| context.provider.reads(Feature::RouteRef))?;
    Some(reference(api_version(named, APISIX_ROUTE), "ApisixRoute", &named.name))
}

fn api_version<'a>(named: &'a RouteReference, default: &'a str) -> &'a str {
    text(named.api_version.as_ref()).unwrap_or(default)
}

fn reference(api_version: &str, kind: &str, name: &str) -> Value {
    Fields::new().with("apiVersion", api_version).with("kind", kind).with("name", name).into()
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{canary, rollout};
    use serde_json::{Value, json};

    #[test]
    fn the_workload_has_defaults() {
        let unnamed = json!({"apiVersion": null, "kind": ""});
        let table = [
            ("istio", json!({"kind": "DaemonSet", "apiVersion": null}), "apps/v1", "DaemonSet"),
            ("istio", unnamed.clone(), "apps/v1", "Deployment"),
            ("istio", json!({"kind": "Service", "apiVersion": ""}), "v1", "Service"),
            ("knative", unnamed, "serving.knative.dev/v1", "Service"),
        ];
        for (provider, workload, api_version, kind) in table {
            let spec = canary(&rollout(provider, json!({ "workload": workload })));
            assert_eq!(
                spec["targetRef"],
                json!({"apiVersion": api_version, "kind": kind, "name": "backend"}),
                "{provider}"
            );
        }
    }

    #[test]
    fn what_routes_the_traffic_is_named_where_it_is_read() {
        let references = json!({"ingressRef": {"name": "shop"}, "routeRef": {"name": "shop", "apiVersion": "apisix.apache.org/v2beta3"}});
        let changes = json!({"rolloutPolicy": {"trafficRouting": references}});
        let ingress = |name| json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": name});
        let route = json!({"apiVersion": "apisix.apache.org/v2beta3", "kind": "ApisixRoute", "name": "shop"});
        let table = [
            ("skipper", ingress("shop"), Value::Null),
            ("apisix", Value::Null, route),
            ("nginx", ingress("backend-svc-nginx"), Value::Null),
            ("istio", Value::Null, Value::Null),
        ];
        for (provider, ingress, route) in table {
            let spec = canary(&rollout(provider, changes.clone()));
            assert_eq!((&spec["ingressRef"], &spec["routeRef"]), (&ingress, &route), "{provider}");
        }
    }

    #[test]
    fn the_policys_switches_are_passed_on() {
        let switches = json!({
            "rolloutTimeoutSeconds": 300, "skipTrafficAnalysis": true, "revertOnDeletion": true, "suspend": true,
        });
        let spec = canary(&rollout("istio", json!({ "rolloutPolicy": switches })));
        for (field, value) in [
            ("progressDeadlineSeconds", json!(300)),
            ("skipAnalysis", json!(true)),
            ("revertOnDeletion", json!(true)),
            ("suspend", json!(true)),
        ] {
            assert_eq!(spec[field], value, "{field}");
        }
    }
}
