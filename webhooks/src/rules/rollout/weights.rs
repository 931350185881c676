//! `rollout/step-weight`, `rollout/step-weights`, `rollout/max-weight`,
//! `rollout/step-weight-promotion`: the shares that a canary goes through, in
//! percent.

use fleetgate_api::rollout::CanaryStrategy;

use super::Subject;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES, DENIES_OR_WARNS, Example, Rule};

/// `rollout/step-weight`
pub const STEP_WEIGHT: Rule = Rule {
    code: "rollout/step-weight",
    severities: DENIES_OR_WARNS,
    what: "`stepWeight` outside 1–100. A warning where it is greater than `maxWeight`, or does not divide it.",
    why: "Without a positive step Flagger never moves; and it stops only after a step has reached the maximum: in steps of 20 a maximum of 50 is 60.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: {"maxWeight": 50, "stepWeight": 20}"#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: {"maxWeight": 60, "stepWeight": 20}"#,
    ),
};

/// `rollout/step-weights`
pub const STEP_WEIGHTS: Rule = Rule {
    code: "rollout/step-weights",
    severities: DENIES,
    what: "`stepWeights` is empty, has a weight outside 1–100, or one that is not greater than the one before.",
    why: "Flagger takes the last weight for the maximum and the first equal one for its place: it promotes too early, or stands still for ever.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: {"stepWeights": [50, 10]}"#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: {"stepWeights": [10, 50]}"#,
    ),
};

/// `rollout/max-weight`
pub const MAX_WEIGHT: Rule = Rule {
    code: "rollout/max-weight",
    severities: DENIES_OR_WARNS,
    what: "`maxWeight` is negative or above 100; unset and 0 mean 100. A warning beside `stepWeights`.",
    why: "A weight stops at 100: what is greater is never reached, and the new version never promoted. With stepWeights the last of them is the maximum.",
    example: Example::new(
        "spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy.maxWeight: 150",
        "spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy.maxWeight: 100",
    ),
};

/// `rollout/step-weight-promotion`
pub const STEP_WEIGHT_PROMOTION: Rule = Rule {
    code: "rollout/step-weight-promotion",
    severities: DENIES,
    what: "`stepWeightPromotion` outside 0–100; unset and 0 mean at once.",
    why: "It is the share of the traffic, in percent, that goes back to the stable version's Service at each check of a promotion; by a negative one it never ends.",
    example: Example::new(
        "spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy.stepWeightPromotion: -10",
        "spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy.stepWeightPromotion: 10",
    ),
};

/// All traffic, in percent (`totalWeight`).
const TOTAL: i32 = 100;

/// At most this many weights of a list are complained of: there are no more
/// than a hundred good ones, and a list may have very many.
const MOST_COMPLAINTS: usize = 10;

pub(super) fn check(subject: Subject<'_>, findings: &mut Findings) {
    let Some(canary) = subject.canary() else {
        return;
    };
    let path = subject.canary_path();
    findings.extend(check_max(canary, &path));
    findings.extend(check_step(canary, &path));
    check_steps(canary, &path, findings);
    findings.extend(check_promotion(canary, &path));
}

fn check_max(canary: &CanaryStrategy, path: &FieldPath) -> Option<Finding> {
    let weight = canary.max_weight?;
    let path = path.field("maxWeight");
    let message = if canary.step_weights.is_some() {
        let message = "is ignored: with stepWeights the last of them is the maximum";
        return Some(
            Finding::warning(&MAX_WEIGHT, path, Fault::Invalid, message).value(weight).hint("leave it out"),
        );
    } else if weight < 0 {
        "must be a share of the traffic, from 0 to 100 percent"
    } else if weight > TOTAL {
        "must be at most 100 percent: more is never reached, and the new version never promoted"
    } else {
        return None;
    };
    Some(Finding::error(&MAX_WEIGHT, path, Fault::Invalid, message).value(weight))
}

/// The maximum as Flagger reads it, if it is one.
fn effective_max(canary: &CanaryStrategy) -> Option<i32> {
    match canary.max_weight {
        None | Some(0) => Some(TOTAL),
        Some(weight) => (1..=TOTAL).contains(&weight).then_some(weight),
    }
}

fn check_step(canary: &CanaryStrategy, path: &FieldPath) -> Option<Finding> {
    let step = canary.step_weight?;
    let path = path.field("stepWeight");
    if !(1..=TOTAL).contains(&step) {
        let message = if step < 1 {
            "must be from 1 to 100 percent: without a positive step the canary never moves on"
        } else {
            "must be from 1 to 100 percent"
        };
        return Some(Finding::error(&STEP_WEIGHT, path, Fault::Invalid, message).value(step));
    }
    let max = effective_max(canary).filter(|_| canary.step_weights.is_none())?;
    let warn = |message: String| Finding::warning(&STEP_WEIGHT, path, Fault::Invalid, message).value(step);
    if step > max {
        let message = format!("is greater than maxWeight {max}: already the first step goes beyond it");
        return Some(warn(message).hint("take a smaller step"));
    }
    // The last step ends at 100, whatever is left to it.
    let reached = (max + step - 1).checked_div(step)?.saturating_mul(step).min(TOTAL);
    (reached != max).then(|| {
        let message = format!("does not divide maxWeight {max}: the canary goes up to {reached} percent");
        warn(message).hint("make maxWeight a multiple of it")
    })
}

fn check_steps(canary: &CanaryStrategy, path: &FieldPath, findings: &mut Findings) {
    let Some(weights) = &canary.step_weights else {
        return;
    };
    let path = path.field("stepWeights");
    if weights.is_empty() {
        let message = "must have at least one weight";
        findings.push(
            Finding::error(&STEP_WEIGHTS, path, Fault::Required, message).hint("for example [10, 30, 60]"),
        );
        return;
    }
    let before = std::iter::once(None).chain(weights.iter().copied().map(Some));
    let complaints =
        weights.iter().copied().zip(before).enumerate().filter_map(|(index, (weight, before))| {
            let message = match before {
                _ if !(1..=TOTAL).contains(&weight) => "must be from 1 to 100 percent".to_owned(),
                Some(before) if weight <= before => {
                    format!(
                        "must be greater than the weight before it, {before}: the shares of a canary grow"
                    )
                }
                _ => return None,
            };
            Some(Finding::error(&STEP_WEIGHTS, path.index(index), Fault::Invalid, message).value(weight))
        });
    findings.extend(complaints.take(MOST_COMPLAINTS));
}

fn check_promotion(canary: &CanaryStrategy, path: &FieldPath) -> Option<Finding> {
    let step = canary.step_weight_promotion?;
    let message = "must be from 0 to 100 percent; 0 means at once";
    let path = path.field("stepWeightPromotion");
    (!(0..=TOTAL).contains(&step))
        .then(|| Finding::error(&STEP_WEIGHT_PROMOTION, path, Fault::Invalid, message).value(step))
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{check_table, findings, routing, with};
    use super::*;
    use serde_json::{Value, json};

    const RULES: [&Rule; 4] = [&STEP_WEIGHT, &STEP_WEIGHTS, &MAX_WEIGHT, &STEP_WEIGHT_PROMOTION];

    fn canary(step: &Value, max: &Value) -> Value {
        routing(&json!({"canaryStrategy": {"stepWeight": step, "maxWeight": max}}))
    }

    fn steps(weights: &Value) -> Value {
        routing(&json!({"canaryStrategy": {"stepWeight": null, "maxWeight": null, "stepWeights": weights}}))
    }

    #[test]
    fn steps_and_their_maximum() {
        let unset = json!(null);
        let table = [
            (canary(&json!(10), &json!(50)), ""),
            (canary(&json!(1), &json!(1)), ""),
            (canary(&json!(100), &json!(100)), ""),
            (canary(&json!(10), &unset), ""),
            (canary(&json!(0), &json!(50)), "E rollout/step-weight"),
            (canary(&json!(-10), &json!(50)), "E rollout/step-weight"),
            (canary(&json!(101), &unset), "E rollout/step-weight"),
            (canary(&json!(60), &json!(50)), "W rollout/step-weight"),
            (canary(&json!(50), &json!(50)), ""),
            (canary(&json!(20), &json!(50)), "W rollout/step-weight"),
            // The last step ends at 100.
            (canary(&json!(30), &unset), ""),
            (canary(&json!(30), &json!(0)), ""),
            (canary(&json!(30), &json!(100)), ""),
            (canary(&json!(60), &json!(90)), "W rollout/step-weight"),
            (canary(&json!(10), &json!(101)), "E rollout/max-weight"),
            (canary(&json!(10), &json!(-1)), "E rollout/max-weight"),
            (canary(&json!(i32::MAX), &json!(i32::MAX)), "E rollout/max-weight, E rollout/step-weight"),
        ];
        check_table(&RULES, &table);
    }

    #[test]
    fn an_overshoot_is_told_in_percent() {
        for (step, max, reached) in [(20, 50, 60), (60, 90, 100), (33, 50, 66)] {
            let said = findings(&RULES, &with(&canary(&json!(step), &json!(max))), None);
            assert!(said[0].message.ends_with(&format!("up to {reached} percent")), "{}", said[0]);
        }
    }

    #[test]
    fn lists_of_weights() {
        let with_max = routing(
            &json!({"canaryStrategy": {"stepWeight": null, "maxWeight": 150, "stepWeights": [10, 50]}}),
        );
        let table = [
            (steps(&json!([10, 20, 50])), ""),
            (steps(&json!([1, 100])), ""),
            (steps(&json!([100])), ""),
            (steps(&json!([])), "E rollout/step-weights"),
            (steps(&json!([0, 10])), "E rollout/step-weights"),
            (steps(&json!([10, 101])), "E rollout/step-weights"),
            (steps(&json!([50, 10])), "E rollout/step-weights"),
            (steps(&json!([10, 10, 50])), "E rollout/step-weights"),
            (with_max, "W rollout/max-weight"),
        ];
        check_table(&RULES, &table);
    }

    #[test]
    fn each_faulty_weight_is_named_and_of_very_many_the_first() {
        let said = findings(&RULES, &with(&steps(&json!([10, 5, 7, 200]))), None);
        let paths: Vec<String> = said.iter().map(|finding| finding.path.to_string()).collect();
        assert_eq!(paths.len(), 2, "{paths:?}");
        assert!(paths[0].ends_with("stepWeights[1]") && paths[1].ends_with("stepWeights[3]"), "{paths:?}");
        let many = vec![1; 100_000];
        assert_eq!(findings(&RULES, &with(&steps(&json!(many))), None).len(), MOST_COMPLAINTS);
    }

    #[test]
    fn steps_of_a_promotion() {
        let promotion = |step: i32| routing(&json!({"canaryStrategy": {"stepWeightPromotion": step}}));
        let denied = "E rollout/step-weight-promotion";
        let table =
            [(promotion(0), ""), (promotion(100), ""), (promotion(-1), denied), (promotion(101), denied)];
        check_table(&RULES, &table);
    }
}
