//! `rollout/strategy`, `rollout/step-weights-exclusive`, `rollout/analysis-times`,
//! `rollout/kubernetes-weights`: which of Flagger's strategies it is.

use fleetgate_plan::Provider;

use super::Subject;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES, DENIES_OR_WARNS, Example, Rule, WARNS};

/// `rollout/strategy`
pub const STRATEGY: Rule = Rule {
    code: "rollout/strategy",
    severities: DENIES_OR_WARNS,
    what: "Not exactly one of `analysisTimes` (blue/green, A/B test) and `canaryStrategy` with `stepWeight` or `stepWeights`. A warning for a `canaryStrategy` without steps beside `analysisTimes`.",
    why: "Flagger's CRD takes exactly one of iterations, stepWeight and stepWeights, and ignores what else is said of weights.",
    example: Example::new(
        "spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.analysisTimes: 5",
        r"
            spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.analysisTimes: 5
            spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: null
        ",
    ),
};

/// `rollout/step-weights-exclusive`
pub const STEP_WEIGHTS_EXCLUSIVE: Rule = Rule {
    code: "rollout/step-weights-exclusive",
    severities: DENIES,
    what: "`stepWeight` and `stepWeights` together.",
    why: "Flagger's CRD takes one of them.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: {"stepWeight": 10, "stepWeights": [10, 30, 60]}"#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: {"stepWeights": [10, 30, 60]}"#,
    ),
};

/// `rollout/analysis-times`
pub const ANALYSIS_TIMES: Rule = Rule {
    code: "rollout/analysis-times",
    severities: DENIES,
    what: "`analysisTimes` below 1.",
    why: "Flagger takes it for a canary without steps, and does nothing for ever.",
    example: Example::new(
        r"
            spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.analysisTimes: 0
            spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: null
        ",
        r"
            spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.analysisTimes: 1
            spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: null
        ",
    ),
};

/// `rollout/kubernetes-weights`
pub const KUBERNETES_WEIGHTS: Rule = Rule {
    code: "rollout/kubernetes-weights",
    severities: WARNS,
    what: "Weights with the provider kubernetes.",
    why: "Without a mesh or an ingress no traffic can be split: Flagger runs ten checks of blue/green instead.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.trafficRoutingProvider: "kubernetes""#,
        r#"
            spec.syncPolicies[0].rollout.trafficRoutingProvider: "kubernetes"
            spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting: {"analysisTimes": 10}
        "#,
    ),
};

pub(super) fn check(subject: Subject<'_>, findings: &mut Findings) {
    let Some(routing) = subject.routing() else {
        return;
    };
    match (routing.analysis_times, subject.canary()) {
        (None, None) => findings.push(no_strategy(subject)),
        (Some(times), None) => findings.extend(check_times(subject, times)),
        (times, Some(_)) => check_canary(subject, times, findings),
    }
}

fn no_strategy(subject: Subject<'_>) -> Finding {
    let message = "must have canaryStrategy or analysisTimes: without either Flagger refuses the rollout";
    Finding::error(&STRATEGY, subject.routing_path(), Fault::Required, message)
        .hint("set canaryStrategy.stepWeight for a canary, or analysisTimes for blue/green or an A/B test")
}

fn check_times(subject: Subject<'_>, times: i32) -> Option<Finding> {
    let path = subject.routing_path().field("analysisTimes");
    let message = "must be at least 1: it is how many checks a new version has to pass";
    (times < 1).then(|| Finding::error(&ANALYSIS_TIMES, path, Fault::Invalid, message).value(times))
}

fn check_canary(subject: Subject<'_>, times: Option<i32>, findings: &mut Findings) {
    let Some(canary) = subject.canary() else {
        return;
    };
    let path = subject.canary_path();
    let has_steps = canary.step_weight.is_some() || canary.step_weights.is_some();
    if canary.step_weight.is_some() && canary.step_weights.is_some() {
        let path = path.field("stepWeights");
        let message = "may not be set together with stepWeight";
        findings.push(
            Finding::error(&STEP_WEIGHTS_EXCLUSIVE, path, Fault::Forbidden, message).hint("keep one of them"),
        );
    }
    match times {
        Some(_) if has_steps => {
            let path = subject.routing_path().field("analysisTimes");
            let message = "may not be set together with the weights of canaryStrategy";
            let hint = "keep canaryStrategy for a canary, analysisTimes for blue/green or an A/B test";
            findings.push(Finding::error(&STRATEGY, path, Fault::Forbidden, message).hint(hint));
        }
        Some(times) => {
            let message = "is ignored: it has neither stepWeight nor stepWeights, and analysisTimes is set";
            findings.push(Finding::warning(&STRATEGY, path, Fault::Invalid, message).hint("leave it out"));
            findings.extend(check_times(subject, times));
        }
        None if !has_steps => {
            let message = "must have stepWeight or stepWeights: without either Flagger refuses the rollout";
            findings.push(
                Finding::error(&STRATEGY, path, Fault::Required, message)
                    .hint("stepWeight: 10 goes from 10 % to 20 %, 30 %, … up to maxWeight"),
            );
        }
        None => findings.extend(check_provider(subject)),
    }
}

fn check_provider(subject: Subject<'_>) -> Option<Finding> {
    let message = "has no effect with provider kubernetes: Flagger runs ten checks of blue/green instead";
    (subject.provider == Some(Provider::Kubernetes)).then(|| {
        Finding::warning(&KUBERNETES_WEIGHTS, subject.canary_path(), Fault::Invalid, message)
            .hint("set analysisTimes in its place")
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{check_table, findings, routing, with};
    use super::{ANALYSIS_TIMES, KUBERNETES_WEIGHTS, STEP_WEIGHTS_EXCLUSIVE, STRATEGY};
    use crate::rules::Rule;
    use serde_json::{Value, json};

    const RULES: [&Rule; 4] = [&STRATEGY, &STEP_WEIGHTS_EXCLUSIVE, &ANALYSIS_TIMES, &KUBERNETES_WEIGHTS];

    fn strategy(times: Value, canary: Value) -> Value {
        // A merge patch would keep what the base has.
        let canary = if canary.is_object() {
            let mut whole = json!({"maxWeight": null, "stepWeight": null});
            json_patch::merge(&mut whole, &canary);
            whole
        } else {
            canary
        };
        routing(&json!({"analysisTimes": times, "canaryStrategy": canary}))
    }

    #[test]
    fn exactly_one_strategy() {
        let steps = json!({"stepWeight": 10});
        let none = json!(null);
        let table = [
            (strategy(none.clone(), steps.clone()), ""),
            (strategy(none.clone(), json!({"stepWeights": [10, 50]})), ""),
            (strategy(json!(3), none.clone()), ""),
            (strategy(none.clone(), none.clone()), "E rollout/strategy"),
            (strategy(none.clone(), json!({})), "E rollout/strategy"),
            (strategy(none.clone(), json!({"maxWeight": 50})), "E rollout/strategy"),
            (strategy(json!(3), steps.clone()), "E rollout/strategy"),
            (strategy(json!(0), steps), "E rollout/strategy"),
            (strategy(json!(3), json!({"stepWeights": []})), "E rollout/strategy"),
            (strategy(json!(3), json!({"maxWeight": 50})), "W rollout/strategy"),
            (strategy(json!(1), none.clone()), ""),
            (strategy(json!(0), none.clone()), "E rollout/analysis-times"),
            (strategy(json!(-1), none.clone()), "E rollout/analysis-times"),
            (
                strategy(none, json!({"stepWeight": 10, "stepWeights": [10]})),
                "E rollout/step-weights-exclusive",
            ),
        ];
        check_table(&RULES, &table);
    }

    #[test]
    fn kubernetes_splits_no_traffic() {
        let kubernetes = |routing: Value| json!({"trafficRoutingProvider": "kubernetes", "rolloutPolicy": {"trafficRouting": routing}});
        let table = [
            (kubernetes(json!({})), "W rollout/kubernetes-weights"),
            (kubernetes(json!({"canaryStrategy": null, "analysisTimes": 5})), ""),
        ];
        check_table(&RULES, &table);
    }

    #[test]
    fn skipping_the_analysis_needs_no_strategy() {
        let policy = json!({"skipTrafficAnalysis": true, "trafficRouting": {"canaryStrategy": null}});
        check_table(&RULES, &[(json!({"rolloutPolicy": policy}), "")]);
    }

    #[test]
    fn it_speaks_in_the_schemas_place() {
        let object = with(&strategy(json!(-1), json!(null)));
        let said = crate::judge::judge(
            crate::schema::Kind::Application,
            object.clone(),
            None,
            &crate::test_fixtures::catalog(),
        );
        let at_times: Vec<_> = said
            .findings
            .iter()
            .filter(|finding| finding.path.to_string().ends_with("analysisTimes"))
            .collect();
        assert_eq!(at_times.len(), 1, "{at_times:?}");
        assert_eq!(findings(&RULES, &object, None).len(), 1);
    }
}
