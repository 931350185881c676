//! The rule about the protocol of a kuma rollout.

use fleetgate_plan::Provider;

use super::Route;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{DENIES, Example, Rule};

/// `rollout/kuma-protocol`
pub const KUMA_PROTOCOL: Rule = Rule {
    code: "rollout/kuma-protocol",
    severities: DENIES,
    what: "A `protocol` with provider kuma that is not one of http, http2, tcp, tls, grpc and kafka.",
    why: "Kuma refuses it, or takes the traffic for plain TCP, of which there are no metrics of requests.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "kuma"
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.protocol: "ftp""#,
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "kuma"
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.protocol: "http""#,
    ),
};

/// Kuma's `pkg/core/resources/apis/mesh`, which reads them in any case; tls
/// only in its later versions.
const PROTOCOLS: [&str; 6] = ["http", "http2", "tcp", "tls", "grpc", "kafka"];

pub(super) fn check(route: &Route<'_>, findings: &mut Findings) {
    let protocol =
        names::given(route.routing.protocol.as_deref()).filter(|_| route.provider == Provider::Kuma);
    let Some(protocol) = protocol else {
        return;
    };
    if !PROTOCOLS.iter().any(|known| known.eq_ignore_ascii_case(protocol)) {
        let message = format!("must be one of {}", PROTOCOLS.join(", "));
        let path = route.path.field("protocol");
        let mut finding = Finding::error(&KUMA_PROTOCOL, path, Fault::NotSupported, message).value(protocol);
        finding.hint = names::suggest(protocol, PROTOCOLS.into_iter());
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::said;
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn protocols() {
        let protocols =
            |provider, protocol| said(&[KUMA_PROTOCOL.code], provider, json!({ "protocol": protocol }));
        for good in [
            json!("http"),
            json!("HTTP2"),
            json!("tcp"),
            json!("tls"),
            json!("grpc"),
            json!("kafka"),
            json!(""),
            Value::Null,
        ] {
            assert_eq!(protocols("kuma", good.clone()), "", "{good}");
        }
        for bad in ["ftp", "https", "http1", " http"] {
            assert_eq!(protocols("kuma", json!(bad)), "E protocol rollout/kuma-protocol", "{bad}");
            assert_eq!(protocols("istio", json!(bad)), "", "{bad}");
        }
    }
}
