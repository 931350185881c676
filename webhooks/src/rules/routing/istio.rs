//! The rule about the gateways and hosts of Istio's `VirtualService`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use fleetgate_plan::Provider;

use super::Route;
use super::host::is_istio_host;
use crate::finding::{Fault, Finding, Findings};
use crate::names::{is_dns_label, is_dns_subdomain};
use crate::rules::{DENIES_OR_WARNS, Example, Rule};

/// `rollout/istio`
pub const ISTIO: Rule = Rule {
    code: "rollout/istio",
    severities: DENIES_OR_WARNS,
    what: "A gateway that is not `name`, `namespace/name` or `mesh`; a host that is neither a DNS name nor a `*.` wildcard nor an address, that stands twice, or that is `*` within the mesh; `retries` without `attempts`, or with a `perTryTimeout` that is not whole milliseconds; in `corsPolicy` a `maxAge` that is no duration of whole seconds, an unknown method or a malformed origin; a header that none can be called, or whose value has a single `%`. A warning for a condition of `retryOn` that is not known.",
    why: "Istio's webhook refuses the VirtualService that Flagger makes.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "istio"
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: null
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gateways: ["istio-system//public gateway"]"#,
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "istio"
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: null
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gateways: ["istio-system/public-gateway"]"#,
    ),
};

/// The traffic within the cluster, which is also what no gateway means.
const MESH: &str = "mesh";

pub(super) fn check(route: &Route<'_>, findings: &mut Findings) {
    if route.provider != Provider::Istio {
        return;
    }
    check_gateways(route, findings);
    check_hosts(route, findings);
}

fn gateways<'a>(route: &Route<'a>) -> &'a [String] {
    route.routing.gateways.as_deref().unwrap_or_default()
}

fn check_gateways(route: &Route<'_>, findings: &mut Findings) {
    for (index, gateway) in gateways(route).iter().enumerate() {
        let is_gateway = match gateway.split_once('/') {
            Some((namespace, name)) => is_dns_label(namespace) && is_dns_label(name),
            // Istio still takes a full name of the old kind, such as public.istio-system.svc.
            None => is_dns_subdomain(gateway),
        };
        if !is_gateway {
            let message = "must be NAMESPACE/NAME or NAME of a Gateway, or mesh";
            let path = route.path.field("gateways").index(index);
            findings.push(Finding::error(&ISTIO, path, Fault::Invalid, message).value(gateway.as_str()));
        }
    }
}

fn check_hosts(route: &Route<'_>, findings: &mut Findings) {
    let is_in_mesh = gateways(route).is_empty() || gateways(route).iter().any(|gateway| gateway == MESH);
    let mut seen = BTreeSet::new();
    for (index, host) in route.routing.hosts.iter().flatten().enumerate() {
        let path = route.path.field("hosts").index(index);
        let fault = if !is_istio_host(host) && host.parse::<IpAddr>().is_err() {
            Some((Fault::Invalid, "must be a DNS name, one with \"*.\" before it, or an IP address"))
        } else if host == "*" && is_in_mesh {
            Some((Fault::Invalid, "may not be every host within the mesh: name a gateway, or the hosts"))
        } else if !seen.insert(host) {
            Some((Fault::Duplicate, "stands twice, which Istio refuses"))
        } else {
            None
        };
        findings.extend(
            fault.map(|(fault, message)| Finding::error(&ISTIO, path, fault, message).value(host.as_str())),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::said;
    use super::*;
    use serde_json::json;

    const CODES: [&str; 1] = [ISTIO.code];

    #[test]
    fn gateways() {
        for gateway in
            ["istio-system/public-gateway", "public", "mesh", "public.istio-system.svc.cluster.local"]
        {
            assert_eq!(said(&CODES, "istio", json!({"gateways": [gateway]})), "", "{gateway}");
        }
        for gateway in
            ["", "/", "a/", "/a", "a/b/c", "a//b", "A/b", "a b", "istio-system//public gateway", "a/b.c", "*"]
        {
            let expected = "E gateways[1] rollout/istio";
            assert_eq!(said(&CODES, "istio", json!({"gateways": ["mesh", gateway]})), expected, "{gateway}");
        }
        assert_eq!(said(&CODES, "istio", json!({"gateways": []})), "");
        assert_eq!(said(&CODES, "nginx", json!({"gateways": ["/"]})), "");
    }

    #[test]
    fn hosts() {
        for host in ["backend.webapp", "*.example.com", "10.0.0.1", "::1", "App.example.com"] {
            assert_eq!(said(&CODES, "istio", json!({"hosts": [host]})), "", "{host}");
        }
        for host in ["", "http://a", "a_b", "a.b:80", "a/b", "*.*.com"] {
            assert_eq!(said(&CODES, "istio", json!({"hosts": [host]})), "E hosts[0] rollout/istio", "{host}");
        }
        let every = |gateways: &[&str]| said(&CODES, "istio", json!({"hosts": ["*"], "gateways": gateways}));
        assert_eq!(every(&["a/b"]), "");
        assert_eq!(every(&[]), "E hosts[0] rollout/istio");
        assert_eq!(every(&["a/b", "mesh"]), "E hosts[0] rollout/istio");
        assert_eq!(said(&CODES, "istio", json!({"hosts": ["a", "b", "a"]})), "E hosts[2] rollout/istio");
    }
}
