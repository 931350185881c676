//! `rollout/weights-changed`: steps that are changed under a rollout's feet.

use std::collections::{BTreeSet, HashMap};

use fleetgate_api::rollout::CanaryStrategy;
use fleetgate_plan::names::policy_name;
use kube::ResourceExt;

use super::{Subject, WorkloadKey, subjects};
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{Example, Input, Rule, WARNS};

/// `rollout/weights-changed`
pub const WEIGHTS_CHANGED: Rule = Rule {
    code: "rollout/weights-changed",
    severities: WARNS,
    what: "On an update, a weight that a rollout may stand at is no longer among `stepWeights`.",
    why: "Flagger looks its place up in the list (`nextStepWeight`); from a weight that is not there it goes to 100 % at once, or promotes if the last one is smaller.",
    example: Example::update(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: {"stepWeights": [10, 20, 50]}"#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: {"stepWeights": [10, 30, 50]}"#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: {"stepWeights": [10, 20, 30, 50]}"#,
    ),
};

/// All traffic, in percent.
const TOTAL: i32 = 100;

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let Some(old) = input.old else {
        return;
    };
    let name = |application: &fleetgate_api::Application, subject: Subject<'_>| {
        let policy = application.spec.sync_policies.get(subject.index)?;
        Some(policy_name(&application.name_any(), subject.index, policy))
    };
    let mut before: HashMap<(WorkloadKey<'_>, Option<String>), Subject<'_>> = HashMap::new();
    for subject in subjects(old) {
        if let Some(key) = subject.workload_key() {
            before.entry((key, name(old, subject))).or_insert(subject);
        }
    }
    for subject in subjects(input.application) {
        let key = subject.workload_key().map(|key| (key, name(input.application, subject)));
        let known = key.and_then(|key| before.get(&key)).and_then(|subject| subject.canary());
        if let (Some(old), Some(new)) = (known, subject.canary()) {
            findings.extend(changed(subject, old, new));
        }
    }
}

fn changed(subject: Subject<'_>, old: &CanaryStrategy, new: &CanaryStrategy) -> Option<Finding> {
    let weights = new.step_weights.as_ref().filter(|weights| !weights.is_empty())?;
    // Where both are set another rule refuses it.
    if new.step_weight.is_some() {
        return None;
    }
    let new: BTreeSet<i32> = weights.iter().copied().collect();
    let lost = stations(old).find(|weight| !new.contains(weight))?;
    let max = weights.last().copied().unwrap_or(TOTAL);
    let what = if lost < max { "goes to 100 % at once" } else { "is promoted at once" };
    let message = format!("no longer has {lost}: a rollout that stands there {what}");
    let path = subject.canary_path().field("stepWeights");
    Some(
        Finding::warning(&WEIGHTS_CHANGED, path, Fault::Invalid, message)
            .hint("keep the old weights in the list, or wait for its end"),
    )
}

/// The weights that a rollout may stand at, in ascending order.
fn stations(canary: &CanaryStrategy) -> impl Iterator<Item = i32> {
    let step = canary.step_weight.filter(|step| (1..=TOTAL).contains(step));
    let max = canary.max_weight.filter(|max| (1..=TOTAL).contains(max)).unwrap_or(TOTAL);
    let last = step.map(|step| ((max + step - 1) / step).saturating_mul(step));
    let by_step = step.into_iter().flat_map(move |step| {
        let steps = usize::try_from(step).unwrap_or(1);
        (step..=last.unwrap_or(TOTAL)).step_by(steps).map(|weight| weight.min(TOTAL))
    });
    let listed: BTreeSet<i32> = match step {
        Some(_) => BTreeSet::new(),
        None => canary.step_weights.iter().flatten().map(|weight| (*weight).min(TOTAL)).collect(),
    };
    by_step.chain(listed)
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{codes, findings, routing, with};
    use super::*;
    use serde_json::{Value, json};

    fn canary(strategy: &Value) -> Value {
        let mut whole = json!({"maxWeight": null, "stepWeight": null});
        json_patch::merge(&mut whole, strategy);
        with(&routing(&json!({"canaryStrategy": whole})))
    }

    #[test]
    fn weights_that_a_rollout_may_stand_at() {
        let list = |weights: &[i32]| json!({"stepWeights": weights});
        let warned = "W rollout/weights-changed";
        let table = [
            (list(&[10, 20, 50]), list(&[10, 20, 50]), ""),
            (list(&[10, 20, 50]), list(&[10, 30, 50]), warned),
            (list(&[10, 20, 50]), list(&[10, 20]), warned),
            (list(&[10, 20, 50]), list(&[10, 20, 30, 50, 80]), ""),
            (list(&[10, 20, 50]), json!({"stepWeight": 5}), ""),
            (json!({"stepWeight": 10, "maxWeight": 50}), list(&[10, 20, 30, 40, 50]), ""),
            (json!({"stepWeight": 10, "maxWeight": 50}), list(&[25, 50]), warned),
            (json!({"stepWeight": 60}), list(&[60, 100]), ""),
            (json!({"stepWeight": 0}), list(&[60, 100]), ""),
            (list(&[]), list(&[60, 100]), ""),
        ];
        for (old, new, expected) in table {
            let said = codes(&[&WEIGHTS_CHANGED], &canary(&new), Some(&canary(&old)));
            assert_eq!(said, expected, "{old} {new}");
        }
    }

    #[test]
    fn what_becomes_of_the_rollout_is_said() {
        let said = |old: &[i32], new: &[i32]| {
            let (old, new) = (canary(&json!({"stepWeights": old})), canary(&json!({"stepWeights": new})));
            findings(&[&WEIGHTS_CHANGED], &new, Some(&old))[0].message.clone()
        };
        assert_eq!(
            said(&[10, 20], &[10, 30]),
            "no longer has 20: a rollout that stands there goes to 100 % at once"
        );
        assert_eq!(
            said(&[10, 50], &[10, 30]),
            "no longer has 50: a rollout that stands there is promoted at once"
        );
    }

    #[test]
    fn another_workload_is_another_rollout() {
        let old = canary(&json!({"stepWeights": [10, 20]}));
        let mut new = canary(&json!({"stepWeights": [30, 50]}));
        new["spec"]["syncPolicies"][0]["rollout"]["workload"]["name"] = json!("frontend");
        assert_eq!(codes(&[&WEIGHTS_CHANGED], &new, Some(&old)), "");
        assert_eq!(codes(&[&WEIGHTS_CHANGED], &new, None), "");
    }

    #[test]
    fn no_weights_make_it_panic() {
        for step in [i32::MIN, -1, 0, 1, 99, 100, 101, i32::MAX] {
            for max in [i32::MIN, -1, 0, 1, 50, 100, i32::MAX] {
                let canary = CanaryStrategy {
                    max_weight: Some(max),
                    step_weight: Some(step),
                    ..CanaryStrategy::default()
                };
                assert!(stations(&canary).all(|weight| (1..=TOTAL).contains(&weight)), "{step} {max}");
            }
        }
    }
}
