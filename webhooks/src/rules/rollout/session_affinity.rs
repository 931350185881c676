//! `rollout/session-affinity`: how one visitor stays with one version.

use fleetgate_api::rollout::SessionAffinity;
use fleetgate_plan::Provider;

use super::Subject;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{DENIES, Example, Rule};

/// `rollout/session-affinity`
pub const SESSION_AFFINITY: Rule = Rule {
    code: "rollout/session-affinity",
    severities: DENIES,
    what: "No cookie name, or one that no cookie can have; a provider other than istio and the Gateway API; `match` beside it; a negative `maxAge`.",
    why: "Flagger's CRD requires the name, and other routers set no cookie. With `match`, Istio's drops the cookie, and the Gateway API's sends those that match nothing to the new version, too.",
    example: Example::new(
        r#"
            spec.syncPolicies[0].rollout.trafficRoutingProvider: "istio"
            spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.sessionAffinity: {"maxAge": 60}
        "#,
        r#"
            spec.syncPolicies[0].rollout.trafficRoutingProvider: "istio"
            spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.sessionAffinity: {"cookieName": "version", "maxAge": 60}
        "#,
    ),
};

pub(super) fn check(subject: Subject<'_>, findings: &mut Findings) {
    let Some(affinity) = subject.analysis().and_then(|analysis| analysis.session_affinity.as_ref()) else {
        return;
    };
    let path = subject.analysis_path().field("sessionAffinity");
    findings.extend(check_cookie(affinity, &path));
    findings.extend(check_place(subject, &path));
}

fn check_cookie(affinity: &SessionAffinity, path: &FieldPath) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = affinity.cookie_name.as_deref().unwrap_or_default();
    let name_path = path.field("cookieName");
    if name.is_empty() {
        let message = "must name the cookie that remembers the version";
        findings.push(Finding::error(&SESSION_AFFINITY, name_path, Fault::Required, message));
    } else if !names::is_http_token(name) {
        let message = "must be a cookie's name (RFC 6265): letters, digits and '-', '_', '.', but no spaces, '=' or ';'";
        findings.push(Finding::error(&SESSION_AFFINITY, name_path, Fault::Invalid, message).value(name));
    }
    if let Some(age) = affinity.max_age.filter(|age| *age < 0) {
        let message = "may not be negative: such a cookie is gone at once";
        findings.push(
            Finding::error(&SESSION_AFFINITY, path.field("maxAge"), Fault::Invalid, message)
                .value(age)
                .hint("86400, a day, is the default"),
        );
    }
    findings
}

fn check_place(subject: Subject<'_>, path: &FieldPath) -> Option<Finding> {
    let provider = subject.provider?;
    if provider != Provider::Istio && !provider.is_gateway_api() {
        let message =
            format!("is not available with provider {provider}: only istio and the Gateway API set a cookie");
        return Some(
            Finding::error(&SESSION_AFFINITY, path.clone(), Fault::Forbidden, message).hint("leave it out"),
        );
    }
    let matches = subject.routing().and_then(|routing| routing.r#match.as_ref());
    matches.filter(|matches| !matches.is_empty())?;
    let message = if provider == Provider::Istio {
        "may not be set together with trafficRouting.match: with it the cookie is never set"
    } else {
        "may not be set together with trafficRouting.match: what matches nothing would go to the new version, too"
    };
    Some(
        Finding::error(&SESSION_AFFINITY, path.clone(), Fault::Forbidden, message)
            .hint("keep it for a canary, match for an A/B test"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{check_table, findings, with};
    use super::SESSION_AFFINITY;
    use serde_json::{Value, json};

    fn affinity(provider: &str, affinity: &Value, matches: &Value) -> Value {
        json!({
            "trafficRoutingProvider": provider,
            "rolloutPolicy": {
                "trafficRouting": {"match": matches}, "trafficAnalysis": {"sessionAffinity": affinity},
            },
        })
    }

    #[test]
    fn cookies_and_their_providers() {
        let none = json!(null);
        let cookie = json!({"cookieName": "version"});
        let matches = json!([{"headers": {"x-user": {"exact": "me"}}}]);
        let named = |name: &str| json!({"cookieName": name});
        let denied = "E rollout/session-affinity";
        let table = [
            (affinity("istio", &none, &matches), ""),
            (affinity("istio", &cookie, &none), ""),
            (affinity("gatewayapi:v1", &cookie, &none), ""),
            (affinity("gatewayapi:v1beta1", &cookie, &json!([])), ""),
            (affinity("nginx", &cookie, &none), denied),
            (affinity("kubernetes", &cookie, &none), denied),
            // Of an unknown provider another rule speaks.
            (affinity("envoy", &cookie, &none), ""),
            (affinity("istio", &cookie, &matches), denied),
            (affinity("gatewayapi:v1", &cookie, &matches), denied),
            (affinity("istio", &json!({}), &none), denied),
            (affinity("istio", &named(""), &none), denied),
            (affinity("istio", &named("a=b"), &none), denied),
            (affinity("istio", &named("a b"), &none), denied),
            (affinity("istio", &named("sess(ion"), &none), denied),
            (affinity("istio", &named("__Host-v1.x"), &none), ""),
            (affinity("istio", &json!({"cookieName": "v", "maxAge": 0}), &none), ""),
            (affinity("istio", &json!({"cookieName": "v", "maxAge": -1}), &none), denied),
        ];
        check_table(&[&SESSION_AFFINITY], &table);
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let object = with(&affinity("nginx", &json!({"maxAge": -1}), &json!(null)));
        assert_eq!(findings(&[&SESSION_AFFINITY], &object, None).len(), 3);
    }
}
