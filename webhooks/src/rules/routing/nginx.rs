//! The rule about the host of an nginx rollout, of which an Ingress is made.

use std::net::IpAddr;

use fleetgate_plan::Provider;

use super::Route;
use super::host::is_host;
use crate::finding::{Fault, Finding, Findings};
use crate::names::given;
use crate::rules::{DENIES, Example, Rule};

/// `rollout/nginx-host`
pub const NGINX_HOST: Rule = Rule {
    code: "rollout/nginx-host",
    severities: DENIES,
    what: "No `host` with provider nginx, or one that is neither a DNS name in lower case nor a `*.` wildcard.",
    why: "It becomes the host of an Ingress: the API server refuses another, and without one the Ingress would take the traffic of every host.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: "https://app.example.com""#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: "app.example.com""#,
    ),
};

pub(super) fn check(route: &Route<'_>, findings: &mut Findings) {
    if route.provider != Provider::Nginx {
        return;
    }
    let path = route.path.field("host");
    let Some(host) = given(route.routing.host.as_deref()) else {
        let message = "must be set with provider nginx: an Ingress is made of it";
        let hosts = route.routing.hosts.as_deref().unwrap_or_default();
        let hint = if hosts.is_empty() { "app.example.com, for example" } else { "hosts is not looked at" };
        findings.push(Finding::error(&NGINX_HOST, path, Fault::Required, message).hint(hint));
        return;
    };
    if host.parse::<IpAddr>().is_ok() {
        let message = "must be a DNS name: an Ingress takes no address";
        findings.push(Finding::error(&NGINX_HOST, path, Fault::Invalid, message).value(host));
    } else if !is_host(host) {
        let message = "must be a DNS name in lower case, or one with \"*.\" before it";
        findings.push(Finding::error(&NGINX_HOST, path, Fault::Invalid, message).value(host));
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::said;
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn hosts() {
        let bad = "E host rollout/nginx-host";
        let table = [
            (json!("app.example.com"), ""),
            (json!("*.example.com"), ""),
            (json!("localhost"), ""),
            (Value::Null, bad),
            (json!(""), bad),
            (json!("app_example..com"), bad),
            (json!("App.example.com"), bad),
            (json!("*"), bad),
            (json!("10.0.0.1"), bad),
            (json!("::1"), bad),
            (json!("app.example.com/shop"), bad),
        ];
        for (host, expected) in table {
            assert_eq!(said(&[NGINX_HOST.code], "nginx", json!({ "host": host })), expected, "{host}");
        }
        assert_eq!(said(&[NGINX_HOST.code], "nginx", json!({"hosts": ["app.example.com"]})), bad);
        assert_eq!(said(&[NGINX_HOST.code], "nginx", Value::Null), bad);
        assert_eq!(said(&[NGINX_HOST.code], "istio", json!({"host": "not a host"})), "");
    }
}
