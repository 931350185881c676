//! `rollout/skip-analysis`: a rollout that starts without looking.

use std::collections::HashSet;

use super::{Subject, subjects};
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{Example, Input, Rule, WARNS};

/// `rollout/skip-analysis`
pub const SKIP_ANALYSIS: Rule = Rule {
    code: "rollout/skip-analysis",
    severities: WARNS,
    what: "`skipTrafficAnalysis` where a rollout is new.",
    why: "Flagger then does not wait for the stable version's first pods before it sends them the traffic, and promotes every new version that becomes ready, whatever its metrics say.",
    example: Example::new(
        "spec.syncPolicies[0].rollout.rolloutPolicy.skipTrafficAnalysis: true",
        "spec.syncPolicies[0].rollout.rolloutPolicy.skipTrafficAnalysis: false",
    ),
};

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let before: HashSet<_> =
        input.old.into_iter().flat_map(subjects).filter_map(Subject::workload_key).collect();
    for subject in subjects(input.application) {
        let skips = subject.rollout.rollout_policy.skip_traffic_analysis == Some(true);
        if !skips || subject.workload_key().is_some_and(|key| before.contains(&key)) {
            continue;
        }
        let path = subject.policy_path().field("skipTrafficAnalysis");
        let message =
            "the traffic moves before the first pods are ready, and every new version is promoted unseen";
        findings.push(
            Finding::warning(&SKIP_ANALYSIS, path, Fault::Invalid, message)
                .hint("set it later, for the version that cannot wait"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{codes, with};
    use super::SKIP_ANALYSIS;
    use serde_json::{Value, json};

    fn skipping(skips: &Value, name: &str) -> Value {
        with(&json!({"workload": {"name": name}, "rolloutPolicy": {"skipTrafficAnalysis": skips}}))
    }

    #[test]
    fn only_a_new_rollout_is_warned_of() {
        let warned = "W rollout/skip-analysis";
        let old = |name: &str| Some(skipping(&json!(false), name));
        // (skipTrafficAnalysis, what is stored, what is said)
        let table = [
            (json!(true), None, warned),
            (json!(false), None, ""),
            (json!(null), None, ""),
            (json!(true), old("backend"), ""),
            (json!(true), old("frontend"), warned),
        ];
        for (skips, old, expected) in table {
            let object = skipping(&skips, "backend");
            assert_eq!(codes(&[&SKIP_ANALYSIS], &object, old.as_ref()), expected, "{skips} {old:?}");
        }
    }
}
