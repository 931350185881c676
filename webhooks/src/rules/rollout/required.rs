//! `rollout/required`: what a Canary cannot do without.
//!
//! Where the schema itself requires a field, it says so when the field is
//! absent; here it is said of an empty one.

use super::Subject;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES, Example, Rule};

/// `rollout/required`
pub const REQUIRED: Rule = Rule {
    code: "rollout/required",
    severities: DENIES,
    what: "No workload, service name, `trafficRouting` or `trafficAnalysis`. The last two may be absent with `skipTrafficAnalysis`; then the least that Flagger takes is written: one check, one failure.",
    why: "Flagger's CRD refuses a Canary without them.",
    example: Example::new(
        "spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis: null",
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis: {"checkIntervalSeconds": 60, "checkFailedTimes": 2}"#,
    ),
};

pub(super) fn check(subject: Subject<'_>, findings: &mut Findings) {
    let mut require = |path, message, hint: &str| {
        findings.push(Finding::error(&REQUIRED, path, Fault::Required, message).hint(hint));
    };
    if subject.rollout.workload.name.is_empty() {
        let path = subject.path().field("workload").field("name");
        require(path, "must name the workload that is rolled out", "such as the name of its Deployment");
    }
    if subject.rollout.service_name.is_empty() {
        let path = subject.path().field("serviceName");
        require(
            path,
            "must name the Service in front of the workload",
            "mostly it is called as the workload is",
        );
    }
    if subject.routing().is_none() {
        let hint = "set canaryStrategy.stepWeight for a canary, or analysisTimes for blue/green";
        require(subject.routing_path(), "must say how the traffic moves to a new version", hint);
    }
    if subject.analysis().is_none() {
        let hint =
            "set checkFailedTimes and metrics, or skipTrafficAnalysis: true to promote every version unseen";
        require(subject.analysis_path(), "must say what decides whether a new version is good", hint);
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{check_table, findings, with};
    use super::REQUIRED;
    use serde_json::json;

    #[test]
    fn what_a_canary_cannot_do_without() {
        let table = [
            (json!({}), ""),
            (json!({"workload": {"name": ""}}), "E rollout/required"),
            (json!({"serviceName": ""}), "E rollout/required"),
            (json!({"rolloutPolicy": {"trafficRouting": null}}), "E rollout/required"),
            (json!({"rolloutPolicy": {"trafficAnalysis": null}}), "E rollout/required"),
            (
                json!({"rolloutPolicy": {"skipTrafficAnalysis": false, "trafficAnalysis": null}}),
                "E rollout/required",
            ),
            (
                json!({"rolloutPolicy": {"skipTrafficAnalysis": true, "trafficRouting": null, "trafficAnalysis": null}}),
                "",
            ),
            // These are the schema's to say.
            (json!({"workload": null, "serviceName": null, "rolloutPolicy": null}), ""),
        ];
        check_table(&[&REQUIRED], &table);
    }

    #[test]
    fn each_is_said_with_its_path() {
        let object = with(&json!({"serviceName": "", "rolloutPolicy": {"trafficRouting": null}}));
        let texts: Vec<String> =
            findings(&[&REQUIRED], &object, None).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "spec.syncPolicies[0].rollout.serviceName: Required value: must name the Service in front of the workload; \
                 mostly it is called as the workload is [rollout/required]",
                "spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting: Required value: must say how the traffic moves to a new version; \
                 set canaryStrategy.stepWeight for a canary, or analysisTimes for blue/green [rollout/required]",
            ]
        );
    }
}
