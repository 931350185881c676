//! The rule about what the Gateway API's router needs, and about the references
//! that the routers for APISIX and Skipper need likewise.

use fleetgate_api::rollout::RouteReference;
use fleetgate_plan::Provider;
use fleetgate_plan::flagger::Feature;

use super::Route;
use super::host::is_host;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names::{is_dns_label, is_dns_subdomain, is_http_token};
use crate::rules::{DENIES, Example, Rule};

/// `rollout/gateway-api`
pub const GATEWAY_API: Rule = Rule {
    code: "rollout/gateway-api",
    severities: DENIES,
    what: "With gatewayapi no `gateways`, one that is neither `name` nor `namespace/name`, a host that is neither a DNS name in lower case nor a `*.` wildcard, or more than 32 gateways, 16 hosts, 64 matches, or 16 conditions or headers each; a header's or parameter's name or value that is none; a `timeoutSeconds` of more than 99999; with apisix no `routeRef`, with skipper no `ingressRef`.",
    why: "Flagger's router stops without them, and the HTTPRoute's schema refuses the others.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "gatewayapi:v1"
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: null"#,
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "gatewayapi:v1"
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: null
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gateways: ["infra/public"]"#,
    ),
};

/// As many parents, and as many hosts, as an `HTTPRoute` may have.
const MOST_GATEWAYS: usize = 32;
const MOST_HOSTS: usize = 16;

pub(super) fn check(route: &Route<'_>, findings: &mut Findings) {
    match route.provider {
        Provider::Apisix => check_reference(route, "routeRef", route.routing.route_ref.as_ref(), findings),
        Provider::Skipper => {
            check_reference(route, "ingressRef", route.routing.ingress_ref.as_ref(), findings);
        }
        provider if provider.is_gateway_api() => {
            check_gateways(route, findings);
            check_hosts(route, findings);
            check_matches(route, findings);
            findings.extend(check_timeout(route));
        }
        _ => {}
    }
}

fn check_gateways(route: &Route<'_>, findings: &mut Findings) {
    let gateways = route.routing.gateways.as_deref().unwrap_or_default();
    let path = route.path.field("gateways");
    if gateways.is_empty() {
        let message = format!("must be set with provider {}: the route needs a Gateway", route.provider);
        let hint = "name it as NAMESPACE/NAME";
        findings.push(Finding::error(&GATEWAY_API, path.clone(), Fault::Required, message).hint(hint));
    }
    check_count(gateways.len(), MOST_GATEWAYS, &path, findings);
    for (index, gateway) in gateways.iter().enumerate() {
        let is_gateway = match gateway.split_once('/') {
            Some((namespace, name)) => is_dns_label(namespace) && is_dns_subdomain(name),
            None => is_dns_subdomain(gateway),
        };
        if !is_gateway {
            let message = "must be NAMESPACE/NAME of a Gateway, or NAME in the workload's own namespace";
            findings.push(invalid(path.index(index), gateway, message));
        }
    }
}

fn check_hosts(route: &Route<'_>, findings: &mut Findings) {
    let hosts = route.routing.hosts.as_deref().unwrap_or_default();
    let path = route.path.field("hosts");
    check_count(hosts.len(), MOST_HOSTS, &path, findings);
    for (index, host) in hosts.iter().enumerate().filter(|(_, host)| !is_host(host)) {
        let message = "must be a DNS name in lower case, or one with \"*.\" before it";
        findings.push(invalid(path.index(index), host, message));
    }
}

/// As many matches, and as many conditions of one, as a rule of an `HTTPRoute` may have.
const MOST_MATCHES: usize = 64;
const MOST_CONDITIONS: usize = 16;

fn check_matches(route: &Route<'_>, findings: &mut Findings) {
    let path = route.path.field("match");
    check_count(route.matches().len(), MOST_MATCHES, &path, findings);
    for (index, item) in route.matches().iter().enumerate() {
        for (field, texts) in [("headers", &item.headers), ("queryParams", &item.query_params)] {
            let Some(texts) = texts else { continue };
            let path = path.index(index).field(field);
            check_count(texts.len(), MOST_CONDITIONS, &path, findings);
            // Names of headers have a rule of their own.
            for name in texts.keys().filter(|name| field == "queryParams" && !is_http_token(name)) {
                let message =
                    "must be a parameter's name without spaces and signs that a header could not have";
                findings.push(invalid(path.key(name), name, message));
            }
        }
    }
}

/// The longest time that can be written with the five digits of a Gateway API's duration.
const LONGEST_SECONDS: i32 = 99_999;

/// Of the two versions' routers one reads it.
fn check_timeout(route: &Route<'_>) -> Option<Finding> {
    let seconds = route.routing.timeout_seconds.filter(|seconds| *seconds > LONGEST_SECONDS)?;
    let path = route.path.field("timeoutSeconds");
    let message = format!("may not be more than {LONGEST_SECONDS}: an HTTPRoute takes five digits");
    route
        .provider
        .reads(Feature::Timeout)
        .then(|| Finding::error(&GATEWAY_API, path, Fault::Invalid, message).value(seconds))
}

fn check_count(count: usize, most: usize, path: &FieldPath, findings: &mut Findings) {
    if count > most {
        let message = format!("may have {most} items at most, has {count}");
        findings.push(Finding::error(&GATEWAY_API, path.clone(), Fault::TooLong, message));
    }
}

fn check_reference(
    route: &Route<'_>,
    field: &'static str,
    reference: Option<&RouteReference>,
    findings: &mut Findings,
) {
    let path = route.path.field(field);
    match reference {
        None => {
            let what = if field == "routeRef" { "ApisixRoute" } else { "Ingress" };
            let message =
                format!("must be set with provider {}: it changes an {what} that exists", route.provider);
            findings.push(Finding::error(&GATEWAY_API, path, Fault::Required, message).hint("name it"));
        }
        Some(reference) if !is_dns_subdomain(&reference.name) => {
            findings.push(invalid(path.field("name"), &reference.name, "must be the name of an object"));
        }
        Some(_) => {}
    }
}

fn invalid(path: FieldPath, value: &str, message: &str) -> Finding {
    Finding::error(&GATEWAY_API, path, Fault::Invalid, message).value(value)
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::said;
    use super::*;
    use serde_json::{Value, json};

    const CODES: [&str; 1] = [GATEWAY_API.code];

    #[test]
    fn gateways_and_hosts() {
        let missing = "E gateways rollout/gateway-api";
        let gateways = |gateways: Value| json!({ "gateways": gateways });
        let hosts = |hosts: Value| json!({"gateways": ["a/b"], "hosts": hosts});
        let table = [
            (gateways(json!(["infra/public.gateway", "public"])), ""),
            (gateways(json!([])), missing),
            (json!({"canaryStrategy": {"stepWeight": 10}}), missing),
            (Value::Null, missing),
            (
                gateways(json!(["infra/public/http", "", "Infra/a"])),
                "E gateways[0] rollout/gateway-api, E gateways[1] rollout/gateway-api, E gateways[2] rollout/gateway-api",
            ),
            (gateways(json!(vec!["a"; 32])), ""),
            (gateways(json!(vec!["a"; 33])), missing),
            (hosts(json!(["app.example.com", "*.example.com"])), ""),
            (hosts(json!(["*"])), "E hosts[0] rollout/gateway-api"),
            (hosts(json!(["App.example.com"])), "E hosts[0] rollout/gateway-api"),
            (hosts(json!(vec!["a"; 17])), "E hosts rollout/gateway-api"),
        ];
        for (routing, expected) in table {
            for provider in ["gatewayapi:v1", "gatewayapi:v1beta1"] {
                assert_eq!(said(&CODES, provider, routing.clone()), expected, "{provider} {routing}");
            }
            assert_eq!(said(&CODES, "istio", routing), "");
        }
    }

    #[test]
    fn matches_and_timeouts() {
        let with = |field: &str, value: Value| json!({"gateways": ["a/b"], field: value});
        let exact = |name: String| (name, json!({"exact": "1"}));
        let many: Value = (0..17).map(|n| exact(format!("x-{n}"))).collect::<serde_json::Map<_, _>>().into();
        let table = [
            (with("timeoutSeconds", json!(99_999)), ""),
            (with("timeoutSeconds", json!(100_000)), "E timeoutSeconds rollout/gateway-api"),
            (with("match", json!([{"queryParams": {"a": {"exact": "1"}}}])), ""),
            (
                with("match", json!([{"queryParams": {"a b": {"exact": "1"}}}])),
                "E match[0].queryParams[a b] rollout/gateway-api",
            ),
            (with("match", json!([{"headers": many}])), "E match[0].headers rollout/gateway-api"),
            (
                with("match", json!(vec![json!({"headers": {"a": {"exact": "1"}}}); 65])),
                "E match rollout/gateway-api",
            ),
        ];
        for (routing, expected) in table {
            assert_eq!(said(&CODES, "gatewayapi:v1", routing.clone()), expected, "{routing}");
            assert_eq!(said(&CODES, "istio", routing), "");
        }
        let unread = with("timeoutSeconds", json!(100_000));
        assert_eq!(said(&CODES, "gatewayapi:v1beta1", unread), "");
    }

    #[test]
    fn references() {
        let table = [
            ("apisix", "routeRef", json!({"name": "shop"}), ""),
            ("apisix", "routeRef", json!({"name": ""}), "E routeRef.name rollout/gateway-api"),
            ("apisix", "routeRef", Value::Null, "E routeRef rollout/gateway-api"),
            ("apisix", "ingressRef", json!({"name": "shop"}), "E routeRef rollout/gateway-api"),
            ("skipper", "ingressRef", json!({"name": "shop"}), ""),
            ("skipper", "ingressRef", json!({"name": "My Shop"}), "E ingressRef.name rollout/gateway-api"),
            ("skipper", "ingressRef", Value::Null, "E ingressRef rollout/gateway-api"),
            ("istio", "ingressRef", json!({"name": ""}), ""),
        ];
        for (provider, field, reference, expected) in table {
            assert_eq!(said(&CODES, provider, json!({field: reference})), expected, "{provider} {field}");
        }
    }
}
