//! The part of `rollout/istio` about retries and CORS, which Flagger copies into
//! its `VirtualService` and Istio's webhook looks at (`validateHTTPRetry` and
//! `validateCORSPolicy` of `istio.io/istio/pkg/config/validation`).

use fleetgate_api::rollout::{CorsPolicy, HttpRetry, StringMatch};
use fleetgate_plan::Provider;

use super::Route;
use super::istio::ISTIO;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::duration;
use crate::rules::re2::{self, Refusal};

pub(super) fn check(route: &Route<'_>, findings: &mut Findings) {
    if route.provider != Provider::Istio {
        return;
    }
    if let Some(retries) = &route.routing.retries {
        check_retries(retries, &route.path.field("retries"), findings);
    }
    if let Some(policy) = &route.routing.cors_policy {
        check_cors(policy, &route.path.field("corsPolicy"), findings);
    }
}

/// What Istio knows of `retryOn`, beside status codes. Later versions may know more.
const RETRY_ON: [&str; 16] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

fn check_retries(retries: &HttpRetry, path: &FieldPath, findings: &mut Findings) {
    let retry_on = names::given(retries.retry_on.as_deref());
    let timeout = names::given(retries.per_try_timeout.as_deref());
    let says_more = retry_on.is_some() || timeout.is_some();
    if says_more && matches!(retries.attempts, None | Some(0)) {
        let message =
            "must be positive where the rest of retries is set: 0 means that nothing is tried again";
        findings.push(
            Finding::error(&ISTIO, path.field("attempts"), Fault::Required, message).hint("3, for example"),
        );
    }
    findings.extend(timeout.and_then(|timeout| check_try(timeout, path.field("perTryTimeout"))));
    for condition in retry_on.into_iter().flat_map(|conditions| conditions.split(',')) {
        let path = path.field("retryOn");
        let is_status = condition.parse::<u16>().is_ok_and(|status| (100..600).contains(&status));
        if condition.is_empty() || condition.contains(char::is_whitespace) {
            let message = "must be conditions separated by commas, without spaces";
            findings.push(Finding::error(&ISTIO, path, Fault::Invalid, message).value(condition));
        } else if !is_status && !RETRY_ON.contains(&condition) {
            let message =
                "is no condition for a retry that Istio is known to have: it would refuse the VirtualService";
            findings.push(Finding::warning(&ISTIO, path, Fault::NotSupported, message).value(condition));
        }
    }
}

/// Of what is no duration at all `rollout/timeout` speaks.
fn check_try(timeout: &str, path: FieldPath) -> Option<Finding> {
    const NANOS_PER_MILLISECOND: u64 = 1_000_000;
    let nanos = duration::go_nanos(timeout)?;
    let message = "must be whole milliseconds, and one at least, such as 250ms or 2s";
    (nanos == 0 || nanos % NANOS_PER_MILLISECOND != 0)
        .then(|| Finding::error(&ISTIO, path, Fault::Invalid, message).value(timeout))
}

/// The methods that Istio takes, and `*` for all.
const METHODS: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "*"];

fn check_cors(policy: &CorsPolicy, path: &FieldPath, findings: &mut Findings) {
    for (index, origin) in policy.allow_origins.iter().flatten().enumerate() {
        findings.extend(check_origin(origin, &path.field("allowOrigins").index(index)));
    }
    for (index, method) in policy.allow_methods.iter().flatten().enumerate() {
        if !METHODS.contains(&method.as_str()) {
            let path = path.field("allowMethods").index(index);
            let message = format!("must be one of {}", METHODS.join(", "));
            findings.push(Finding::error(&ISTIO, path, Fault::NotSupported, message).value(method.as_str()));
        }
    }
    for (field, names) in [("allowHeaders", &policy.allow_headers), ("exposeHeaders", &policy.expose_headers)]
    {
        for (index, name) in
            names.iter().flatten().enumerate().filter(|(_, name)| !names::is_http_token(name))
        {
            let message = "must be a header's name: letters, digits and '-', or '*' for all";
            let path = path.field(field).index(index);
            findings.push(Finding::error(&ISTIO, path, Fault::Invalid, message).value(name.as_str()));
        }
    }
    findings
        .extend(names::given(policy.max_age.as_deref()).and_then(|age| check_age(age, path.field("maxAge"))));
}

fn check_origin(origin: &StringMatch, path: &FieldPath) -> Option<Finding> {
    let regex = names::given(origin.regex.as_deref())?;
    let (Refusal::Malformed(reason) | Refusal::Dialect(reason)) = re2::check(regex).err()?;
    let message = format!("must be one that RE2 compiles: {reason}");
    Some(Finding::error(&ISTIO, path.field("regex"), Fault::Invalid, message).value(regex))
}

fn check_age(age: &str, path: FieldPath) -> Option<Finding> {
    const NANOS_PER_SECOND: u64 = 1_000_000_000;
    let is_whole = duration::parse(age, &["ms", "s", "m", "h"])
        .is_ok_and(|nanos| nanos > 0 && nanos % NANOS_PER_SECOND == 0);
    let message = "must be a duration of whole seconds such as 24h or 90s";
    (!is_whole).then(|| Finding::error(&ISTIO, path, Fault::Invalid, message).value(age))
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::said;
    use super::*;
    use serde_json::json;

    const CODES: [&str; 1] = [ISTIO.code];

    #[test]
    fn retries() {
        let attempts = "E retries.attempts rollout/istio";
        let per_try = "E retries.perTryTimeout rollout/istio";
        let table = [
            (json!({}), ""),
            (json!({"attempts": 0}), ""),
            (
                json!({"attempts": 3, "perTryTimeout": "1s", "retryOn": "gateway-error,connect-failure,503"}),
                "",
            ),
            (json!({"perTryTimeout": "1s"}), attempts),
            (json!({"attempts": 3, "perTryTimeout": "1ms"}), ""),
            (json!({"attempts": 3, "perTryTimeout": "1.5s"}), ""),
            (json!({"attempts": 3, "perTryTimeout": "2000us"}), ""),
            (json!({"attempts": 3, "perTryTimeout": "often"}), ""),
            (json!({"attempts": 3, "perTryTimeout": "0s"}), per_try),
            (json!({"attempts": 3, "perTryTimeout": "500us"}), per_try),
            (json!({"attempts": 3, "perTryTimeout": "1.5ms"}), per_try),
            (json!({"attempts": 0, "retryOn": "5xx"}), attempts),
            (json!({"attempts": 3, "retryOn": "5xx, reset"}), "E retries.retryOn rollout/istio"),
            (json!({"attempts": 3, "retryOn": "5xx,"}), "E retries.retryOn rollout/istio"),
            (json!({"attempts": 3, "retryOn": "always"}), "W retries.retryOn rollout/istio"),
        ];
        for (retries, expected) in table {
            assert_eq!(said(&CODES, "istio", json!({"retries": retries})), expected, "{retries}");
            assert_eq!(said(&CODES, "contour", json!({"retries": retries})), "");
        }
    }

    #[test]
    fn cors() {
        let table = [
            (
                json!({"allowOrigins": [{"exact": "https://a"}, {"regex": "https://.*\\.b"}], "allowMethods": ["GET", "*"],
                "allowHeaders": ["x-a", "*"], "exposeHeaders": ["X-B"], "maxAge": "24h"}),
                "",
            ),
            (json!({"maxAge": ""}), ""),
            (json!({"maxAge": "24 hours"}), "E corsPolicy.maxAge rollout/istio"),
            (json!({"maxAge": "1d"}), "E corsPolicy.maxAge rollout/istio"),
            (json!({"maxAge": "1.5s"}), "E corsPolicy.maxAge rollout/istio"),
            (json!({"maxAge": "0s"}), "E corsPolicy.maxAge rollout/istio"),
            (json!({"allowMethods": ["get"]}), "E corsPolicy.allowMethods[0] rollout/istio"),
            (json!({"allowHeaders": ["x a"]}), "E corsPolicy.allowHeaders[0] rollout/istio"),
            (json!({"exposeHeaders": ["a", ""]}), "E corsPolicy.exposeHeaders[1] rollout/istio"),
            (json!({"allowOrigins": [{"regex": "(["}]}), "E corsPolicy.allowOrigins[0].regex rollout/istio"),
        ];
        for (policy, expected) in table {
            assert_eq!(said(&CODES, "istio", json!({"corsPolicy": policy})), expected, "{policy}");
        }
    }
}
