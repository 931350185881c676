//! The rule about `rollout.trafficRoutingProvider`.

use fleetgate_api::rollout::Rollout;
use fleetgate_plan::Provider;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{DENIES, Example, Rule};

/// `rollout/provider`
pub const PROVIDER: Rule = Rule {
    code: "rollout/provider",
    severities: DENIES,
    what: "`trafficRoutingProvider` is not one of apisix, contour, gatewayapi:v1, gatewayapi:v1beta1, gloo, istio, knative, kubernetes, kuma, linkerd, nginx, skipper and traefik, in this spelling.",
    why: "Flagger compares exactly, and takes any other text for Istio without a word.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "Nginx""#,
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "nginx""#,
    ),
};

/// Providers of Flagger whose own projects have ended, by their beginnings.
const GIVEN_UP: [&str; 3] = ["appmesh", "osm", "smi"];

/// The provider, or a finding that there is none of that name.
pub(super) fn check(rollout: &Rollout, path: &FieldPath, findings: &mut Findings) -> Option<Provider> {
    let name = rollout.traffic_routing_provider.as_str();
    let provider = Provider::of(name);
    if provider.is_none() {
        findings.push(unknown(name, path.field("trafficRoutingProvider")));
    }
    provider
}

fn unknown(name: &str, path: FieldPath) -> Finding {
    let all = || Provider::ALL.into_iter().map(Provider::as_str);
    let one_of = || format!("it is one of {}", all().collect::<Vec<_>>().join(", "));
    if name.is_empty() {
        return Finding::error(&PROVIDER, path, Fault::Required, "must name what shifts the traffic")
            .hint(one_of());
    }
    let is_given_up = GIVEN_UP.iter().any(|known| name.split(':').next() == Some(known));
    let message = if is_given_up {
        "is no longer supported: its own project has ended"
    } else if all().any(|known| known.eq_ignore_ascii_case(name)) {
        "must be spelled in lower case: Flagger takes any other spelling for istio"
    } else {
        "is no provider that is supported: Flagger takes a name that it does not know for istio"
    };
    let near = (!is_given_up).then(|| names::suggest(name, all())).flatten();
    Finding::error(&PROVIDER, path, Fault::NotSupported, message)
        .value(name)
        .hint(near.unwrap_or_else(one_of))
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::routed;
    use super::*;
    use serde_json::json;

    fn said(provider: &str) -> Option<Finding> {
        let findings = routed(provider, json!({"analysisTimes": 3}));
        findings.into_iter().find(|finding| finding.code == PROVIDER.code)
    }

    #[test]
    fn names_are_exact() {
        for provider in Provider::ALL {
            assert_eq!(said(provider.as_str()), None, "{provider}");
        }
        let table = [
            ("Istio", "lower case", "did you mean \"istio\"?"),
            ("istioo", "is no provider", "did you mean \"istio\"?"),
            ("gatewayapi", "is no provider", "did you mean \"gatewayapi:v1\"?"),
            ("GatewayAPI:v1", "lower case", "did you mean \"gatewayapi:v1\"?"),
            ("argo", "is no provider", "it is one of apisix"),
            ("appmesh:v1beta2", "no longer supported", "it is one of apisix"),
            ("smi:v1alpha2", "no longer supported", "it is one of apisix"),
            ("", "must name", "it is one of apisix"),
        ];
        for (provider, message, hint) in table {
            let finding = said(provider).expect("a finding");
            assert!(finding.message.contains(message), "{finding}");
            assert!(finding.hint.as_deref().is_some_and(|said| said.starts_with(hint)), "{finding}");
            assert_eq!(finding.path.to_string(), "spec.syncPolicies[0].rollout.trafficRoutingProvider");
        }
    }
}
