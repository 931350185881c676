//! Rules about an A/B test as a whole: whether the provider has them, and what
//! a match goes with.

use fleetgate_plan::Provider;
use fleetgate_plan::flagger::Feature;

use super::Route;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES_OR_WARNS, Example, Rule, WARNS};

/// `rollout/provider-ab`
pub const PROVIDER_AB: Rule = Rule {
    code: "rollout/provider-ab",
    severities: DENIES_OR_WARNS,
    what: "A `match` with a provider that has no A/B tests: apisix, knative, kuma, linkerd, skipper or traefik. A warning with kubernetes.",
    why: "Flagger's routers for them do not look at it, and would send all traffic to the new version. With kubernetes Flagger drops it and runs blue/green.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "kuma"
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting: {"analysisTimes": 3, "match": [{"headers": {"x-canary": {"exact": "insider"}}}]}"#,
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "kuma"
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting: {"canaryStrategy": {"maxWeight": 50, "stepWeight": 10}}"#,
    ),
};

/// `rollout/match-needs-times`
pub const MATCH_NEEDS_TIMES: Rule = Rule {
    code: "rollout/match-needs-times",
    severities: DENIES_OR_WARNS,
    what: "A `match` without `analysisTimes` with nginx. A warning with other providers, unless there is a `canaryStrategy`.",
    why: "Flagger runs an A/B test for a number of checks. With nginx it otherwise reads a weight of 100 back after the first step, and the new version takes over.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match: [{"headers": {"x-canary": {"exact": "insider"}}}]"#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match: [{"headers": {"x-canary": {"exact": "insider"}}}]
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: null
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.analysisTimes: 3"#,
    ),
};

/// `rollout/canary-and-match`
pub const CANARY_AND_MATCH: Rule = Rule {
    code: "rollout/canary-and-match",
    severities: WARNS,
    what: "A `match` together with a `canaryStrategy`.",
    why: "Only the requests that match are split by weight; all others stay with the old version until the new one takes over.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "istio"
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: null
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.match: [{"headers": {"x-canary": {"exact": "insider"}}}]"#,
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "istio"
           spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.host: null"#,
    ),
};

pub(super) fn check(route: &Route<'_>, findings: &mut Findings) {
    if route.matches().is_empty() {
        return;
    }
    let finding =
        if route.provider.reads(Feature::MatchHeaders) { strategy(route) } else { Some(no_tests(route)) };
    findings.extend(finding);
}

fn no_tests(route: &Route<'_>) -> Finding {
    let path = route.path.field("match");
    if route.provider == Provider::Kubernetes {
        let message = "is not looked at by provider kubernetes, which runs blue/green";
        return Finding::warning(&PROVIDER_AB, path, Fault::Invalid, message).hint("leave it out");
    }
    let message =
        format!("may not be set with provider {}, which cannot tell requests apart", route.provider);
    Finding::error(&PROVIDER_AB, path, Fault::Forbidden, message)
        .hint("take a canaryStrategy, or analysisTimes alone for blue/green")
}

/// How a match goes with what is said of times and weights.
fn strategy(route: &Route<'_>) -> Option<Finding> {
    if route.analysis_times().is_some() {
        return None;
    }
    let times = route.path.field("analysisTimes");
    let has_weights = route.routing.canary_strategy.is_some();
    if route.provider == Provider::Nginx {
        let message = "must be set with a match: without it nginx sends all traffic to the new version after the first check";
        let finding = Finding::error(&MATCH_NEEDS_TIMES, times, Fault::Required, message);
        let hint = if has_weights { "set it in place of canaryStrategy" } else { "3, for example" };
        return Some(finding.hint(hint));
    }
    if has_weights {
        let message = "only what matches is split by weight; all other requests stay with the old version";
        let finding = Finding::warning(&CANARY_AND_MATCH, route.path.field("match"), Fault::Invalid, message);
        return Some(finding.hint("set analysisTimes in place of canaryStrategy for an A/B test"));
    }
    let message = "says for how many checks the requests that match go to the new version";
    let is_asked_for = !route.skips_analysis;
    is_asked_for
        .then(|| Finding::warning(&MATCH_NEEDS_TIMES, times, Fault::Required, message).hint("3, for example"))
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::said;
    use super::*;
    use serde_json::{Value, json};

    const CODES: [&str; 3] = [PROVIDER_AB.code, MATCH_NEEDS_TIMES.code, CANARY_AND_MATCH.code];

    #[test]
    fn ab_tests() {
        let matches = json!([{"headers": {"x-canary": {"exact": "insider"}}}]);
        let times = json!({"analysisTimes": 3, "match": matches});
        let weights = json!({"canaryStrategy": {"stepWeight": 10}, "match": matches, "analysisTimes": 0});
        let alone = json!({"match": matches});
        let none = "E match rollout/provider-ab";
        let split = "W match rollout/canary-and-match";
        let needs = "W analysisTimes rollout/match-needs-times";
        let table = [
            ("istio", ["", split, needs]),
            ("gatewayapi:v1", ["", split, needs]),
            ("gatewayapi:v1beta1", ["", split, needs]),
            ("contour", ["", split, needs]),
            ("gloo", ["", split, needs]),
            (
                "nginx",
                [
                    "",
                    "E analysisTimes rollout/match-needs-times",
                    "E analysisTimes rollout/match-needs-times",
                ],
            ),
            ("kubernetes", ["W match rollout/provider-ab"; 3]),
            ("kuma", [none; 3]),
            ("linkerd", [none; 3]),
            ("traefik", [none; 3]),
            ("skipper", [none; 3]),
            ("apisix", [none; 3]),
            ("knative", [none; 3]),
        ];
        for (provider, expected) in table {
            for (routing, expected) in [&times, &weights, &alone].into_iter().zip(expected) {
                assert_eq!(said(&CODES, provider, routing.clone()), expected, "{provider} {routing}");
            }
        }
    }

    #[test]
    fn no_match_is_no_ab_test() {
        for matches in [json!([]), Value::Null] {
            for provider in ["kuma", "nginx", "istio", "kubernetes"] {
                let routing = json!({"canaryStrategy": {"stepWeight": 10}, "match": matches});
                assert_eq!(said(&CODES, provider, routing), "", "{provider}");
            }
        }
    }
}
