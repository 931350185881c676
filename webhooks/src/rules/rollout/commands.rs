//! `rollout/webhook-timeout`, `rollout/testloader`: the commands that make
//! traffic during the analysis, and who runs them.

use fleetgate_plan::destination::{Placement, placement};

use super::Subject;
use super::analysis::LEAST_CHECK_SECONDS;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES_OR_WARNS, Example, Input, Rule, WARNS};

/// `rollout/webhook-timeout`
pub const WEBHOOK_TIMEOUT: Rule = Rule {
    code: "rollout/webhook-timeout",
    severities: DENIES_OR_WARNS,
    what: "A negative timeout of the commands. A warning where all of them together may take as long as the check interval, and for 0, which is no limit.",
    why: "Flagger's CRD refuses a negative duration; it calls one command after the other, and the next check waits for them.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks: {"timeoutSeconds": 600, "command": ["hey -z 1m http://backend-canary.webapp:9898/"]}"#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks: {"timeoutSeconds": 30, "command": ["hey -z 1m http://backend-canary.webapp:9898/"]}"#,
    ),
};

/// `rollout/testloader`
pub const TESTLOADER: Rule = Rule {
    code: "rollout/testloader",
    severities: WARNS,
    what: "Commands, and nobody to run them: neither a load tester of the policy's own (`testLoader`) nor one of the fleet's.",
    why: "Flagger calls a load tester for each command; where there is none every check fails, and with them the rollout.",
    example: Example::new(
        r"
            spec.destination: null
            spec.syncPolicies[0].rollout.testLoader: false
        ",
        r"
            spec.destination: null
            spec.syncPolicies[0].rollout.testLoader: true
        ",
    ),
};

/// What is written for an absent timeout or check interval, in seconds; an
/// object that is stored already may lack them.
const DEFAULT_SECONDS: i32 = 60;

/// How many commands there are.
fn commands(subject: Subject<'_>) -> usize {
    let webhooks = subject.analysis().and_then(|analysis| analysis.webhooks.as_ref());
    webhooks.and_then(|webhooks| webhooks.command.as_ref()).map_or(0, Vec::len)
}

pub(super) fn check_timeout(subject: Subject<'_>, findings: &mut Findings) {
    let Some(analysis) = subject.analysis() else {
        return;
    };
    let Some(webhooks) = &analysis.webhooks else {
        return;
    };
    let path = || subject.analysis_path().field("webhooks").field("timeoutSeconds");
    let timeout = webhooks.timeout_seconds.unwrap_or(DEFAULT_SECONDS);
    let count = commands(subject);
    if timeout < 0 {
        let message = "may not be negative: it is how long a command may take, in seconds";
        findings.push(
            Finding::error(&WEBHOOK_TIMEOUT, path(), Fault::Invalid, message)
                .value(timeout)
                .hint("60 is the default"),
        );
    } else if timeout == 0 && count > 0 {
        let message = "means no limit: a load tester that does not answer holds the rollout up for ever";
        findings.push(Finding::warning(&WEBHOOK_TIMEOUT, path(), Fault::Invalid, message).value(timeout));
    }
    // A negative interval is refused for itself.
    let interval = analysis.check_interval_seconds.unwrap_or(DEFAULT_SECONDS);
    let interval = if interval < 0 { i32::MAX } else { interval.max(LEAST_CHECK_SECONDS) };
    let together = i64::from(timeout).saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
    if together >= i64::from(interval) {
        let message = if count == 1 {
            format!(
                "is not less than the check interval of {interval} s: a check may wait for the one before"
            )
        } else {
            format!(
                "makes {together} s of {count} commands, and checks are {interval} s apart: they wait for each other"
            )
        };
        findings.push(
            Finding::warning(&WEBHOOK_TIMEOUT, path(), Fault::Invalid, message)
                .value(timeout)
                .hint("lower it, or raise checkIntervalSeconds"),
        );
    }
}

pub(super) fn check_testloader(input: Input<'_>, subject: Subject<'_>, findings: &mut Findings) {
    let is_private = subject.rollout.test_loader == Some(true);
    if commands(subject) == 0 || is_private || has_public_testloader(input, subject.index) != Some(false) {
        return;
    }
    let path = subject.analysis_path().field("webhooks").field("command");
    let message = "has commands that nobody runs: there is no load tester, and every check fails";
    findings.push(
        Finding::warning(&TESTLOADER, path, Fault::Invalid, message)
            .hint("set testLoader: true in the rollout"),
    );
}

/// Whether the fleet to which the policy goes brings a load tester along, with
/// its Flagger; `None` where there is no such fleet. The host belongs to none.
fn has_public_testloader(input: Input<'_>, index: usize) -> Option<bool> {
    let spec = &input.application.spec;
    match placement(spec, spec.sync_policies.get(index)?) {
        Placement::Host => Some(false),
        Placement::FleetMissing => None,
        Placement::Fleet { fleet, .. } => {
            let fleet = input.catalog.fleet(&input.plan.owner.namespace, fleet)?;
            Some(fleet.flagger.as_ref().is_some_and(|flagger| flagger.public_testloader))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{analysis, changed, check_table, codes, of_policies, with};
    use super::{TESTLOADER, WEBHOOK_TIMEOUT};
    use crate::test_fixtures::{catalog, fleet_object, kustomization, said};
    use serde_json::{Value, json};

    #[test]
    fn commands_end_before_the_next_check() {
        let webhooks = |interval: &Value, timeout: &Value, commands: usize| {
            let command = vec!["hey"; commands];
            analysis(&json!({
                "checkIntervalSeconds": interval, "webhooks": {"timeoutSeconds": timeout, "command": command},
            }))
        };
        let warned = "W rollout/webhook-timeout";
        let unset = json!(null);
        let table = [
            (webhooks(&json!(90), &json!(89), 1), ""),
            (webhooks(&json!(90), &json!(90), 1), warned),
            (webhooks(&json!(90), &json!(600), 1), warned),
            (webhooks(&json!(90), &json!(44), 2), ""),
            (webhooks(&json!(90), &json!(45), 2), warned),
            (webhooks(&json!(90), &json!(600), 0), ""),
            (webhooks(&unset, &json!(59), 1), ""),
            (webhooks(&json!(90), &unset, 1), ""),
            (webhooks(&unset, &unset, 1), warned),
            // Flagger raises the interval to 10 s.
            (webhooks(&json!(1), &json!(9), 1), ""),
            (webhooks(&json!(90), &json!(0), 1), warned),
            (webhooks(&json!(90), &json!(0), 0), ""),
            (webhooks(&json!(90), &json!(-1), 1), "E rollout/webhook-timeout"),
            (webhooks(&json!(90), &json!(i32::MAX), 1_000), warned),
        ];
        check_table(&[&WEBHOOK_TIMEOUT], &table);
    }

    #[test]
    fn somebody_runs_the_commands() {
        let on_host = |rollout: &Value| {
            of_policies(&json!([{"name": "web", "kustomization": kustomization(), "rollout": rollout}]))
        };
        let table = [
            (json!({}), ""),
            (json!({"testLoader": false}), "W rollout/testloader"),
            (json!({"testLoader": null}), "W rollout/testloader"),
            (
                json!({"testLoader": null, "rolloutPolicy": {"trafficAnalysis": {"webhooks": {"command": []}}}}),
                "",
            ),
            (json!({"testLoader": null, "rolloutPolicy": {"trafficAnalysis": {"webhooks": null}}}), ""),
        ];
        for (patch, expected) in table {
            assert_eq!(codes(&[&TESTLOADER], &on_host(&changed(&patch)), None), expected, "{patch}");
        }
        // That fleet has no Flagger.
        check_table(&[&TESTLOADER], &[(json!({"testLoader": false}), "W rollout/testloader")]);
    }

    #[test]
    fn a_fleet_may_bring_a_load_tester_along() {
        let flagger = |public: Value| json!({"flagger": {"trafficRoutingProvider": "istio", "publicTestloader": public}});
        let warned = "W rollout/testloader";
        let table = [
            ("quickstart", json!(null), warned),
            ("quickstart", flagger(json!(null)), warned),
            ("quickstart", flagger(json!(false)), warned),
            ("quickstart", flagger(json!(true)), ""),
            // Of a fleet that is not there nobody knows.
            ("unknown", flagger(json!(true)), ""),
        ];
        for (name, plugin, expected) in table {
            let mut catalog = catalog();
            let fleet = fleet_object("quickstart", json!({"plugin": plugin}));
            catalog.insert_fleet(&serde_json::from_value(fleet).expect("a Fleet"));
            let mut object = with(&json!({"testLoader": false}));
            object["spec"]["syncPolicies"][0]["destination"] = json!({"fleet": name});
            let said = said(&object, None, &catalog);
            let is_said = said.iter().any(|said| said.contains(TESTLOADER.code));
            assert_eq!(is_said, !expected.is_empty(), "{name} {plugin}: {said:?}");
        }
    }
}
