//! `spec.service` of the Canary: the Services that Flagger makes, and how the
//! provider routes to them.

use fleetgate_api::rollout::{CorsPolicy, CustomMetadata, TrafficRouting};
use serde_json::{Map, Value, json};

use super::fields::{Fields, json, number, seconds, text};
use super::{Context, Feature, matching};

/// What Kuma takes a Service's port for that says nothing is TCP, of which
/// there are no metrics of requests.
const PROTOCOL: &str = "http";

pub(super) fn render(context: &Context<'_>) -> Fields {
    let rollout = context.rollout;
    let routing = rollout.rollout_policy.traffic_routing.as_ref();
    let protocol = protocol(context, routing);
    let fields = Fields::new()
        .with("name", rollout.service_name.as_str())
        .with("port", rollout.port)
        .maybe("targetPort", context.release.member.target_port.map(json))
        .maybe("appProtocol", protocol)
        .maybe("apex", metadata(context, None, protocol))
        .maybe("primary", metadata(context, rollout.primary.as_ref(), protocol))
        .maybe("canary", metadata(context, rollout.preview.as_ref(), protocol));
    match routing {
        Some(routing) => route(context, routing, fields),
        None => fields,
    }
}

fn route(context: &Context<'_>, routing: &TrafficRouting, fields: Fields) -> Fields {
    let reads = |feature| context.provider.reads(feature);
    let gateways = routing.gateways.as_deref().unwrap_or_default();
    let gateways = gateways.iter().filter(|_| reads(Feature::Gateways));
    let (gateways, references) = if context.provider.is_gateway_api() {
        (Vec::new(), gateways.map(|gateway| gateway_reference(gateway)).collect())
    } else {
        (gateways.map(|gateway| json!(gateway)).collect(), Vec::new())
    };
    let hosts = routing.hosts.as_deref().unwrap_or_default();
    let hosts = hosts.iter().filter(|_| reads(Feature::Hosts)).map(|host| json!(host));
    fields
        // Kurator writes it for every provider; those that do not read it do not mind.
        .maybe("timeout", number(routing.timeout_seconds).map(seconds))
        .list("gateways", gateways)
        .list("gatewayRefs", references)
        .list("hosts", hosts.collect())
        .maybe("retries", routing.retries.as_ref().filter(|_| reads(Feature::Retries)).map(json))
        .maybe("headers", routing.headers.as_ref().filter(|_| reads(Feature::Headers)).map(json))
        .maybe("corsPolicy", routing.cors_policy.as_ref().filter(|_| reads(Feature::CorsPolicy)).map(cors))
}

/// `NAMESPACE/NAME`, or `NAME` in the workload's own namespace.
fn gateway_reference(gateway: &str) -> Value {
    let (namespace, name) = match gateway.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, gateway),
    };
    Fields::new()
        .with("group", "gateway.networking.k8s.io")
        .with("kind", "Gateway")
        .maybe("namespace", namespace)
        .with("name", name)
        .into()
}

/// An origin by its end becomes a regular expression: Flagger's schema has no
/// other way to say it.
fn cors(policy: &CorsPolicy) -> Value {
    let mut fields = match json(policy) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let origins = policy.allow_origins.iter().flatten();
    let origins: Vec<_> = origins.map(|origin| matching::origin(origin).unwrap_or(json(origin))).collect();
    if !origins.is_empty() {
        fields.insert("allowOrigins".into(), origins.into());
    }
    Value::Object(fields)
}

fn protocol<'a>(context: &Context<'_>, routing: Option<&'a TrafficRouting>) -> Option<&'a str> {
    let asked = text(routing.and_then(|routing| routing.protocol.as_ref()));
    context.provider.reads(Feature::Protocol).then_some(asked.unwrap_or(PROTOCOL))
}

/// What the user wants on a Service and, where the provider asks for a
/// protocol, Kuma's annotation with it: older versions of Kuma read that, newer
/// ones the port's `appProtocol`. Kurator names the port 9898 in it, whatever
/// the Service's port is, and drops the user's metadata.
fn metadata(context: &Context<'_>, asked: Option<&CustomMetadata>, protocol: Option<&str>) -> Option<Value> {
    let labels = asked.and_then(|asked| asked.labels.clone()).unwrap_or_default();
    let mut annotations = asked.and_then(|asked| asked.annotations.clone()).unwrap_or_default();
    if let Some(protocol) = protocol {
        let key = format!("{}.service.kuma.io/protocol", context.rollout.port);
        annotations.entry(key).or_insert_with(|| protocol.to_owned());
    }
    Fields::new()
        .maybe("labels", (!labels.is_empty()).then(|| json(&labels)))
        .maybe("annotations", (!annotations.is_empty()).then(|| json(&annotations)))
        .non_empty()
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{canary, release, rollout};
    use super::super::{Member, Release, objects};
    use super::*;
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

    fn routed(provider: &str, routing: Value) -> Value {
        let changes = json!({"rolloutPolicy": {"trafficRouting": routing}});
        canary(&rollout(provider, changes))["service"].clone()
    }

    #[test]
    fn every_field_goes_where_it_is_read() {
        let retries = json!({"attempts": 3, "perTryTimeout": "1s", "retryOn": "5xx"});
        let headers =
            json!({"request": {"add": {"a": "b"}, "remove": ["c"]}, "response": {"set": {"d": "e"}}});
        let cors = json!({"allowOrigin": ["example.com"], "allowCredentials": true, "maxAge": "24h"});
        let routing = json!({
            "timeoutSeconds": 60, "gateways": ["istio-system/public"], "hosts": ["app.example.com"],
            "retries": retries, "headers": headers, "corsPolicy": cors, "protocol": "grpc",
        });
        let base = json!({"name": "backend-svc", "port": 9898, "timeout": "60s"});
        let with = |more: Value| {
            let mut service = base.clone();
            let fields = service.as_object_mut().expect("an object");
            fields.extend(more.as_object().expect("an object").clone());
            service
        };
        let reference = json!([{
            "group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "istio-system", "name": "public",
        }]);
        let hosts = json!(["app.example.com"]);
        let table = [
            (
                "istio",
                with(json!({
                    "gateways": ["istio-system/public"], "hosts": hosts, "retries": retries,
                    "headers": headers, "corsPolicy": cors,
                })),
            ),
            ("gatewayapi:v1", with(json!({"gatewayRefs": reference, "hosts": hosts, "headers": headers}))),
            ("contour", with(json!({ "retries": retries }))),
            ("nginx", base.clone()),
            ("kubernetes", base.clone()),
        ];
        for (provider, expected) in table {
            assert_eq!(routed(provider, routing.clone()), expected, "{provider}");
        }
    }

    #[test]
    fn no_limit_is_not_written() {
        for timeout in [json!(null), json!(0)] {
            assert_eq!(
                routed("istio", json!({ "timeoutSeconds": timeout })),
                json!({"name": "backend-svc", "port": 9898})
            );
        }
    }

    #[test]
    fn kuma_is_told_the_protocol_of_the_services_own_port() {
        let preview =
            json!({"annotations": {"8080.service.kuma.io/protocol": "tcp"}, "labels": {"team": "a"}});
        let service = canary(&rollout("kuma", json!({"port": 8080, "preview": preview})))["service"].clone();
        let http = json!({"annotations": {"8080.service.kuma.io/protocol": "http"}});
        assert_eq!(
            service,
            json!({
                "name": "backend-svc", "port": 8080, "appProtocol": "http",
                "apex": http, "primary": http, "canary": preview,
            })
        );
        assert_eq!(routed("kuma", json!({"protocol": "grpc"}))["appProtocol"], "grpc");
    }

    #[test]
    fn empty_metadata_is_not_written() {
        let changes = json!({"primary": {}, "preview": {"labels": {}}});
        assert_eq!(
            canary(&rollout("istio", changes))["service"],
            json!({"name": "backend-svc", "port": 9898})
        );
    }

    #[test]
    fn the_target_port_is_the_members() {
        let rollout = rollout("istio", json!({}));
        for (port, expected) in
            [(IntOrString::Int(8080), json!(8080)), (IntOrString::String("http".into()), json!("http"))]
        {
            let member = Member { target_port: Some(&port), ..Member::default() };
            let objects = objects(&Release { member, ..release(&rollout) }).expect("it renders");
            let canary = objects.last().expect("a Canary");
            assert_eq!(canary.body["spec"]["service"]["targetPort"], expected);
        }
    }

    #[test]
    fn an_origin_by_its_end_is_said_as_an_expression() {
        let origins = json!([{"exact": "https://a.example.com"}, {"suffix": ".example.com"}]);
        assert_eq!(
            routed("istio", json!({"corsPolicy": {"allowOrigins": origins}}))["corsPolicy"]["allowOrigins"],
            json!([{"exact": "https://a.example.com"}, {"regex": "^.*\\.example\\.com$"}])
        );
    }

    #[test]
    fn a_gateway_without_namespace_is_the_workloads_neighbour() {
        assert_eq!(
            routed("gatewayapi:v1beta1", json!({"gateways": ["public"]}))["gatewayRefs"],
            json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"}])
        );
    }
}
