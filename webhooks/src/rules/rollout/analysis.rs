//! `rollout/interval`, `rollout/threshold`: how often a new version is looked
//! at, and how often it may fail.

use super::Subject;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES_OR_WARNS, Example, Rule};

/// `rollout/interval`
pub const INTERVAL: Rule = Rule {
    code: "rollout/interval",
    severities: DENIES_OR_WARNS,
    what: "A negative `checkIntervalSeconds` or metric's `intervalSeconds`, or 0 for a metric that is built in. A warning for checks more often than every 10 s, and for a custom metric over 0 s.",
    why: "Flagger's CRD refuses a negative duration; a check interval below 10 s is raised to 10 s (`GetAnalysisInterval`); and Prometheus takes no range of 0 s, so that every check fails.",
    example: Example::new(
        "spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.checkIntervalSeconds: 1",
        "spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.checkIntervalSeconds: 90",
    ),
};

/// `rollout/threshold`
pub const THRESHOLD: Rule = Rule {
    code: "rollout/threshold",
    severities: DENIES_OR_WARNS,
    what: "A negative `checkFailedTimes`. A warning for 0.",
    why: "Flagger takes what is not positive for 1 (`GetAnalysisThreshold`): the first failed check ends the rollout.",
    example: Example::new(
        "spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.checkFailedTimes: 0",
        "spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.checkFailedTimes: 1",
    ),
};

/// The least interval between checks, in seconds (`GetAnalysisInterval`).
pub(super) const LEAST_CHECK_SECONDS: i32 = 10;

/// The metrics that Flagger has queries for (`runBuiltinMetricChecks`).
const BUILT_IN: [&str; 2] = ["request-success-rate", "request-duration"];

pub(super) fn check(subject: Subject<'_>, findings: &mut Findings) {
    let Some(analysis) = subject.analysis() else {
        return;
    };
    if let Some(seconds) = analysis.check_interval_seconds {
        findings.extend(check_interval(subject, seconds));
    }
    findings.extend(check_threshold(subject, analysis.check_failed_times));
    for (index, metric) in analysis.metrics.iter().flatten().enumerate() {
        if let Some(seconds) = metric.interval_seconds.filter(|seconds| *seconds <= 0) {
            findings.push(metric_interval(subject, index, &metric.name, seconds));
        }
    }
}

fn check_interval(subject: Subject<'_>, seconds: i32) -> Option<Finding> {
    let path = || subject.analysis_path().field("checkIntervalSeconds");
    if seconds < 0 {
        let message = "may not be negative: it is the time between two checks, in seconds";
        return Some(
            Finding::error(&INTERVAL, path(), Fault::Invalid, message)
                .value(seconds)
                .hint("60 is the default"),
        );
    }
    let message = "is less than 10: Flagger checks every 10 s at most, and does so here";
    (seconds < LEAST_CHECK_SECONDS)
        .then(|| Finding::warning(&INTERVAL, path(), Fault::Invalid, message).value(seconds))
}

fn metric_interval(subject: Subject<'_>, index: usize, metric: &str, seconds: i32) -> Finding {
    let path = subject.analysis_path().field("metrics").index(index).field("intervalSeconds");
    let finding = if seconds < 0 {
        let message = "may not be negative: it is the span over which the metric is measured, in seconds";
        Finding::error(&INTERVAL, path, Fault::Invalid, message)
    } else if BUILT_IN.contains(&metric) {
        let message = "must be positive: over 0 s nothing is measured, and every check fails";
        Finding::error(&INTERVAL, path, Fault::Invalid, message)
    } else {
        let message = "makes {{ interval }} in the query 0s, over which nothing is measured";
        Finding::warning(&INTERVAL, path, Fault::Invalid, message)
    };
    finding.value(seconds).hint("60 is the default")
}

fn check_threshold(subject: Subject<'_>, times: i32) -> Option<Finding> {
    let path = || subject.analysis_path().field("checkFailedTimes");
    if times < 0 {
        let message = "may not be negative: it is how many failed checks end the rollout";
        return Some(Finding::error(&THRESHOLD, path(), Fault::Invalid, message).value(times));
    }
    let message = "counts as 1: the first failed check ends the rollout";
    (times == 0).then(|| {
        Finding::warning(&THRESHOLD, path(), Fault::Invalid, message)
            .value(times)
            .hint("write 1 if that is meant")
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{analysis, check_table};
    use super::{INTERVAL, THRESHOLD};
    use serde_json::json;

    #[test]
    fn intervals_of_checks() {
        let every = |seconds: i32| analysis(&json!({"checkIntervalSeconds": seconds}));
        let table = [
            (every(10), ""),
            (every(9), "W rollout/interval"),
            (every(0), "W rollout/interval"),
            (every(-1), "E rollout/interval"),
            (analysis(&json!({"checkIntervalSeconds": null})), ""),
        ];
        check_table(&[&INTERVAL], &table);
    }

    #[test]
    fn intervals_of_metrics() {
        let over = |name: &str, seconds: i32| {
            analysis(&json!({"metrics": [{"name": name, "intervalSeconds": seconds}]}))
        };
        let table = [
            (over("request-duration", 1), ""),
            (over("request-duration", 0), "E rollout/interval"),
            (over("request-duration", -90), "E rollout/interval"),
            (over("errors", 0), "W rollout/interval"),
            (over("errors", -1), "E rollout/interval"),
            (analysis(&json!({"metrics": [{"name": "request-duration"}]})), ""),
        ];
        check_table(&[&INTERVAL], &table);
    }

    #[test]
    fn thresholds() {
        let times = |times: i32| analysis(&json!({"checkFailedTimes": times}));
        let table = [(times(1), ""), (times(0), "W rollout/threshold"), (times(-1), "E rollout/threshold")];
        check_table(&[&THRESHOLD], &table);
    }
}
