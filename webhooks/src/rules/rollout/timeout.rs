//! `rollout/timeout`: how long a new version, a request and its repetition may take.

use fleetgate_api::rollout::HttpRetry;
use fleetgate_plan::Provider;

use super::Subject;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::duration::go_nanos;
use crate::rules::{DENIES_OR_WARNS, Example, Rule};

/// `rollout/timeout`
pub const TIMEOUT: Rule = Rule {
    code: "rollout/timeout",
    severities: DENIES_OR_WARNS,
    what: "A negative `rolloutTimeoutSeconds`, `timeoutSeconds` or `retries.attempts`; a `retries.perTryTimeout` that is no duration. A warning for a rollout that may take less than 60 s.",
    why: "Flagger gives up a version that is not ready in time, and that takes longer than its image to pull; of the rest it makes a route, which the mesh refuses.",
    example: Example::new(
        "spec.syncPolicies[0].rollout.rolloutPolicy.rolloutTimeoutSeconds: 5",
        "spec.syncPolicies[0].rollout.rolloutPolicy.rolloutTimeoutSeconds: 600",
    ),
};

/// Below this many seconds a version has hardly a chance to become ready.
const SHORTEST_ROLLOUT: i32 = 60;

pub(super) fn check(subject: Subject<'_>, findings: &mut Findings) {
    if let Some(seconds) = subject.rollout.rollout_policy.rollout_timeout_seconds {
        findings.extend(check_rollout(subject, seconds));
    }
    let Some(routing) = subject.routing() else {
        return;
    };
    if let Some(seconds) = routing.timeout_seconds.filter(|seconds| *seconds < 0) {
        let path = subject.routing_path().field("timeoutSeconds");
        let message = "may not be negative: it is how long a request may take, in seconds";
        findings.push(Finding::error(&TIMEOUT, path, Fault::Invalid, message).value(seconds));
    }
    if let Some(retries) = &routing.retries {
        check_retries(subject, retries, findings);
    }
}

fn check_rollout(subject: Subject<'_>, seconds: i32) -> Option<Finding> {
    let path = || subject.policy_path().field("rolloutTimeoutSeconds");
    if seconds < 0 {
        let message =
            "may not be negative: it is how long a new version may take to become ready, in seconds";
        return Some(
            Finding::error(&TIMEOUT, path(), Fault::Invalid, message)
                .value(seconds)
                .hint("600 is the default"),
        );
    }
    let message =
        format!("gives up a version that is not ready after {seconds} s: images alone may take longer");
    (seconds < SHORTEST_ROLLOUT).then(|| {
        Finding::warning(&TIMEOUT, path(), Fault::Invalid, message).value(seconds).hint("600 is the default")
    })
}

fn check_retries(subject: Subject<'_>, retries: &HttpRetry, findings: &mut Findings) {
    let path = subject.routing_path().field("retries");
    if let Some(attempts) = retries.attempts.filter(|attempts| *attempts < 0) {
        let message = "may not be negative: it is how often a request is tried again";
        findings
            .push(Finding::error(&TIMEOUT, path.field("attempts"), Fault::Invalid, message).value(attempts));
    }
    // An empty text is left out of what Flagger writes.
    let Some(timeout) = retries.per_try_timeout.as_deref().filter(|timeout| !timeout.is_empty()) else {
        return;
    };
    let is_endless =
        subject.provider == Some(Provider::Contour) && matches!(timeout, "infinity" | "infinite");
    if !is_endless && go_nanos(timeout).is_none() {
        let message = "must be a duration of h, m, s, ms, such as 1.5s or 250ms";
        findings.push(
            Finding::error(&TIMEOUT, path.field("perTryTimeout"), Fault::Invalid, message).value(timeout),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{check_table, routing};
    use super::TIMEOUT;
    use serde_json::json;

    #[test]
    fn rollouts_and_requests() {
        let rollout = |seconds: i32| json!({"rolloutPolicy": {"rolloutTimeoutSeconds": seconds}});
        let request = |seconds: i32| routing(&json!({"timeoutSeconds": seconds}));
        let table = [
            (rollout(60), ""),
            (rollout(59), "W rollout/timeout"),
            (rollout(0), "W rollout/timeout"),
            (rollout(-1), "E rollout/timeout"),
            (request(0), ""),
            (request(-1), "E rollout/timeout"),
        ];
        check_table(&[&TIMEOUT], &table);
    }

    #[test]
    fn retries() {
        let attempts = |attempts: i32| routing(&json!({"retries": {"attempts": attempts}}));
        let per_try = |text: &str| routing(&json!({"retries": {"attempts": 3, "perTryTimeout": text}}));
        let contour = json!({
            "trafficRoutingProvider": "contour",
            "rolloutPolicy": {"trafficRouting": {"retries": {"perTryTimeout": "infinity"}}},
        });
        let table = [
            (attempts(0), ""),
            (attempts(-1), "E rollout/timeout"),
            (per_try("25ms"), ""),
            (per_try("1.5s"), ""),
            (per_try("1m30s"), ""),
            (per_try(""), ""),
            (per_try("25"), "E rollout/timeout"),
            (per_try("2 s"), "E rollout/timeout"),
            (per_try("-2s"), "E rollout/timeout"),
            (per_try("2sec"), "E rollout/timeout"),
            (per_try("infinity"), "E rollout/timeout"),
            (contour, ""),
        ];
        check_table(&[&TIMEOUT], &table);
    }
}
