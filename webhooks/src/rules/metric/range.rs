//! The rule about the values of a metric that are accepted.

use fleetgate_api::rollout::{Metric, ThresholdRange};

use super::{DURATION, SUCCESS_RATE};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES_OR_WARNS, Example, Rule};

/// `rollout/metric-range`
pub const METRIC_RANGE: Rule = Rule {
    code: "rollout/metric-range",
    severities: DENIES_OR_WARNS,
    what: "No `thresholdRange` on request-duration, or a `max` of less than a millisecond; a `min` above the `max`; a success rate that is to be above 100 or below 0 percent. A warning where there is none on another metric, where it has neither end, for the ends of a success rate that are never reached, and where the best version is outside: a success rate with a `max` below 100, a duration with a `min` alone.",
    why: "Flagger then fails every check; without a range it lets every success rate pass, and every other metric that is 0 at most.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics: [{"name": "request-success-rate", "thresholdRange": {"min": 150}}]"#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics: [{"name": "request-success-rate", "thresholdRange": {"min": 99}}]"#,
    ),
};

pub(super) fn check(metrics: &[Metric], path: &FieldPath, findings: &mut Findings) {
    for (index, metric) in metrics.iter().enumerate() {
        let path = path.index(index).field("thresholdRange");
        let Some(range) = &metric.threshold_range else {
            findings.push(missing(&metric.name, path));
            continue;
        };
        match (range.min, range.max) {
            (None, None) => findings.push(warning(path, "has neither min nor max: every value passes")),
            (Some(min), Some(max)) if min > max => {
                let message = format!("may not have min {min} above max {max}: no value is in between");
                findings.push(Finding::error(&METRIC_RANGE, path, Fault::Invalid, message));
            }
            _ => findings.extend(out_of_bounds(&metric.name, range, &path)),
        }
    }
}

fn warning(path: FieldPath, message: &str) -> Finding {
    Finding::warning(&METRIC_RANGE, path, Fault::Invalid, message)
}

fn missing(name: &str, path: FieldPath) -> Finding {
    match name {
        DURATION => {
            let message = "must be set: without it no request may take any time, and every check fails";
            Finding::error(&METRIC_RANGE, path, Fault::Required, message).hint("{\"max\": 500}, for example")
        }
        SUCCESS_RATE => {
            warning(path, "is missing: every success rate passes").hint("{\"min\": 99}, for example")
        }
        _ => warning(path, "is missing: the value may then be 0 at most, as for a count of errors"),
    }
}

/// What no value of a built-in metric is above, or below.
fn out_of_bounds(name: &str, range: &ThresholdRange, path: &FieldPath) -> Option<Finding> {
    let error = |end: &'static str, message: &str| {
        Some(Finding::error(&METRIC_RANGE, path.field(end), Fault::Invalid, message))
    };
    let idle = |end: &'static str| {
        Some(warning(path.field(end), "is never reached: a success rate is 0 to 100 percent"))
    };
    match (name, range.min, range.max) {
        (SUCCESS_RATE, Some(min), _) if min > 100.0 => {
            error("min", "may not be above 100: no success rate is, and every check fails")
                .map(|f| f.value(min))
        }
        (SUCCESS_RATE, _, Some(max)) if max < 0.0 => {
            error("max", "may not be below 0: no success rate is, and every check fails")
                .map(|f| f.value(max))
        }
        (SUCCESS_RATE, Some(min), _) if min < 0.0 => idle("min"),
        (SUCCESS_RATE, _, Some(max)) if max > 100.0 => idle("max"),
        (SUCCESS_RATE, min, Some(max)) if max < 100.0 => {
            let message = "is below 100: a version without any error is rolled back";
            let finding = warning(path.field("max"), message).value(max);
            Some(if min.is_none() { finding.hint("min is usual, such as {\"min\": 99}") } else { finding })
        }
        // Flagger counts whole milliseconds.
        (DURATION, Some(min), None) if min >= 1.0 => {
            let message = "without max has every version rolled back that answers faster";
            Some(warning(path.field("min"), message).value(min).hint("max is usual, such as {\"max\": 500}"))
        }
        (DURATION, _, Some(max)) if max < 1.0 => {
            error("max", "must be a millisecond at least: every check fails otherwise").map(|f| f.value(max))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{analysed, said};
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn ranges() {
        let none = Value::Null;
        let table = [
            (DURATION, json!({"max": 500}), ""),
            (DURATION, json!({"min": 1.5, "max": 1.5}), ""),
            (DURATION, none.clone(), "E [0].thresholdRange"),
            (DURATION, json!({}), "W [0].thresholdRange"),
            (DURATION, json!({"max": 0.5}), "E [0].thresholdRange.max"),
            (DURATION, json!({"min": 20, "max": 10}), "E [0].thresholdRange"),
            (SUCCESS_RATE, json!({"min": 99}), ""),
            (SUCCESS_RATE, json!({"min": 0, "max": 100}), ""),
            (SUCCESS_RATE, none.clone(), "W [0].thresholdRange"),
            (SUCCESS_RATE, json!({"min": 150}), "E [0].thresholdRange.min"),
            (SUCCESS_RATE, json!({"max": -1}), "E [0].thresholdRange.max"),
            (SUCCESS_RATE, json!({"min": -1}), "W [0].thresholdRange.min"),
            (SUCCESS_RATE, json!({"min": 99, "max": 101}), "W [0].thresholdRange.max"),
            (SUCCESS_RATE, json!({"max": 99}), "W [0].thresholdRange.max"),
            (SUCCESS_RATE, json!({"min": 50, "max": 99.9}), "W [0].thresholdRange.max"),
            (DURATION, json!({"min": 500}), "W [0].thresholdRange.min"),
            (DURATION, json!({"min": 0}), ""),
            (DURATION, json!({"min": 20, "max": 500}), ""),
            ("orders", json!({"max": 0.5}), ""),
            ("orders", json!({"min": 150}), ""),
            ("orders", none, "W [0].thresholdRange"),
            ("orders", json!({"min": 2, "max": 1}), "E [0].thresholdRange"),
        ];
        for (name, range, expected) in table {
            let metrics = json!([{"name": name, "thresholdRange": range}]);
            assert_eq!(said(METRIC_RANGE.code, metrics), expected, "{name} {range}");
        }
    }

    #[test]
    fn nothing_is_measured_without_analysis() {
        let analysis = json!({"checkFailedTimes": 2, "metrics": [{"name": DURATION}]});
        let findings = analysed("istio", analysis, true);
        assert!(findings.iter().all(|finding| finding.code != METRIC_RANGE.code), "{findings:?}");
    }
}
