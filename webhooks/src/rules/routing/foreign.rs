//! The rule about fields of `trafficRouting` that the provider does not look at.

use fleetgate_plan::flagger::Feature;

use super::{Route, matching};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names::given;
use crate::rules::{Example, Rule, WARNS};

/// `rollout/foreign-field`
pub const FOREIGN_FIELD: Rule = Rule {
    code: "rollout/foreign-field",
    severities: WARNS,
    what: "A field that the provider does not look at: `host` without nginx, `hosts` or `gateways` without istio or gatewayapi, `protocol` without kuma, and the like; in a `match` a condition that it does not know.",
    why: "It means nothing there. A match with such a condition is left out as a whole, since without it more requests would match than are meant.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gateways: ["istio-system/public-gateway"]"#,
        r"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.gateways: null",
    ),
};

pub(super) fn check(route: &Route<'_>, findings: &mut Findings) {
    for (name, field, is_set) in fields(route) {
        if is_set && !route.provider.reads(field) {
            findings.push(foreign(route, name, field));
        }
    }
    // Where the provider has no A/B tests, that is said of the match as a whole.
    if !route.provider.reads(Feature::MatchHeaders) {
        return;
    }
    for (index, item) in route.matches().iter().enumerate() {
        let path = route.path.field("match").index(index);
        let unread = matching::unread_conditions(route.provider, item);
        findings.extend(unread.map(|name| foreign_condition(route, path.field(name))));
    }
}

fn fields(route: &Route<'_>) -> [(&'static str, Feature, bool); 10] {
    let routing = route.routing;
    let is_filled = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    [
        ("timeoutSeconds", Feature::Timeout, routing.timeout_seconds.is_some_and(|seconds| seconds != 0)),
        ("gateways", Feature::Gateways, is_filled(&routing.gateways)),
        ("hosts", Feature::Hosts, is_filled(&routing.hosts)),
        ("host", Feature::Host, given(routing.host.as_deref()).is_some()),
        ("protocol", Feature::Protocol, given(routing.protocol.as_deref()).is_some()),
        ("ingressRef", Feature::IngressRef, routing.ingress_ref.is_some()),
        ("routeRef", Feature::RouteRef, routing.route_ref.is_some()),
        ("retries", Feature::Retries, routing.retries.is_some()),
        ("headers", Feature::Headers, routing.headers.is_some()),
        ("corsPolicy", Feature::CorsPolicy, routing.cors_policy.is_some()),
    ]
}

fn foreign(route: &Route<'_>, name: &'static str, field: Feature) -> Finding {
    let message = format!("is not looked at by provider {}", route.provider);
    let hint = match field {
        Feature::Host if route.provider.reads(Feature::Hosts) => "use hosts",
        Feature::Hosts if route.provider.reads(Feature::Host) => "use host",
        _ => "leave it out",
    };
    Finding::warning(&FOREIGN_FIELD, route.path.field(name), Fault::Invalid, message).hint(hint)
}

fn foreign_condition(route: &Route<'_>, path: FieldPath) -> Finding {
    let message = format!("provider {} does not know it: this match is left out as a whole", route.provider);
    Finding::warning(&FOREIGN_FIELD, path, Fault::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::said;
    use super::*;
    use fleetgate_plan::Provider;
    use serde_json::{Value, json};

    /// The names of the fields that are warned of.
    fn foreign(provider: &str, routing: Value) -> String {
        let said = said(&[FOREIGN_FIELD.code], provider, routing);
        said.replace(" rollout/foreign-field", "").replace("W ", "")
    }

    #[test]
    fn fields_without_a_reader() {
        let everything = json!({
            "analysisTimes": 3, "timeoutSeconds": 60, "gateways": ["a/b"], "hosts": ["a"], "host": "a.b", "protocol": "http",
            "ingressRef": {"name": "a"}, "routeRef": {"name": "a"}, "retries": {"attempts": 1}, "headers": {}, "corsPolicy": {},
        });
        let mesh = "gateways, hosts, host";
        let table = [
            ("istio", "host, protocol, ingressRef, routeRef".to_owned()),
            ("gatewayapi:v1", "host, protocol, ingressRef, routeRef, retries, corsPolicy".to_owned()),
            ("gatewayapi:v1beta1", "timeoutSeconds, host, protocol, ingressRef, routeRef, retries, corsPolicy".to_owned()),
            ("contour", format!("{mesh}, protocol, ingressRef, routeRef, headers, corsPolicy")),
            ("nginx", "timeoutSeconds, gateways, hosts, protocol, ingressRef, routeRef, retries, headers, corsPolicy".to_owned()),
            ("kuma", format!("timeoutSeconds, {mesh}, ingressRef, routeRef, retries, headers, corsPolicy")),
            ("skipper", format!("timeoutSeconds, {mesh}, protocol, routeRef, retries, headers, corsPolicy")),
            ("apisix", format!("timeoutSeconds, {mesh}, protocol, ingressRef, retries, headers, corsPolicy")),
        ];
        for (provider, expected) in table {
            assert_eq!(foreign(provider, everything.clone()), expected, "{provider}");
        }
        for provider in ["kubernetes", "linkerd", "traefik", "knative", "gloo"] {
            assert_eq!(foreign(provider, everything.clone()).split(", ").count(), 10, "{provider}");
        }
    }

    #[test]
    fn what_says_nothing_is_no_field() {
        let nothing = json!({
            "analysisTimes": 3, "timeoutSeconds": 0, "gateways": [], "hosts": [], "host": "", "protocol": "",
            "ingressRef": null, "match": [{"queryParams": {}, "sourceLabels": {}, "gateways": [], "name": "a", "ignoreUriCase": true}],
        });
        for provider in Provider::ALL {
            assert_eq!(foreign(provider.as_str(), nothing.clone()), "", "{provider}");
        }
    }

    #[test]
    fn conditions_without_a_reader() {
        let text = json!({"exact": "a"});
        let matches = json!([{"headers": {"x-a": text}}, {
            "uri": text, "scheme": text, "method": text, "authority": text, "withoutHeaders": {"a": text}, "port": 80,
            "queryParams": {"a": text}, "sourceLabels": {"a": "b"}, "sourceNamespace": "a", "gateways": ["mesh"],
        }]);
        let of = |provider| {
            foreign(provider, json!({"analysisTimes": 3, "match": matches})).replace("match[1].", "")
        };
        let never = "uri, scheme, method, authority, withoutHeaders";
        assert_eq!(of("istio"), format!("{never}, port, sourceNamespace, gateways"));
        assert_eq!(of("gatewayapi:v1"), format!("{never}, port, sourceLabels, sourceNamespace, gateways"));
        assert_eq!(
            of("nginx"),
            format!("{never}, queryParams, port, sourceLabels, sourceNamespace, gateways")
        );
        assert_eq!(of("kuma"), "");
    }
}
