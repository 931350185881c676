//! `rollout/one-per-workload`, `rollout/one-per-service`: what two rollouts may
//! not have in common on one cluster.

use std::collections::HashMap;

use fleetgate_plan::{ClusterKey, Target};

use super::rivals::{self, Rival};
use super::{WorkloadKey, cluster_of, made, subjects};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES, Example, Input, Rule};

/// `rollout/one-per-workload`
pub const ONE_PER_WORKLOAD: Rule = Rule {
    code: "rollout/one-per-workload",
    severities: DENIES,
    what: "Two policies, of one Application or of two of a namespace, roll out the workload of one name and namespace on the same cluster; or one that Flagger makes for another (`<name>-primary`).",
    why: "A Canary is called as its workload is, so that each policy overwrites what the other says. Flagger itself warns that bad things will happen.",
    example: Example::new(
        r#"spec.syncPolicies[1].rollout.workload: {"kind": "Deployment", "name": "backend", "namespace": "webapp"}"#,
        r#"spec.syncPolicies[1].rollout.workload: {"kind": "Deployment", "name": "frontend", "namespace": "webapp"}"#,
    ),
};

/// `rollout/one-per-service`
pub const ONE_PER_SERVICE: Rule = Rule {
    code: "rollout/one-per-service",
    severities: DENIES,
    what: "Rollouts of two workloads, by one Application or by two of a namespace, name the same Service on the same cluster; or one that Flagger makes for another (`-primary`, `-canary`).",
    why: "Flagger points the Service, and `-primary` and `-canary` beside it, now at the one workload and now at the other.",
    example: Example::new(
        r#"
            spec.syncPolicies[1].rollout.workload: {"kind": "Deployment", "name": "frontend", "namespace": "webapp"}
            spec.syncPolicies[1].rollout.serviceName: "backend"
        "#,
        r#"
            spec.syncPolicies[1].rollout.workload: {"kind": "Deployment", "name": "frontend", "namespace": "webapp"}
            spec.syncPolicies[1].rollout.serviceName: "frontend"
        "#,
    ),
};

/// Namespace and name of a Service.
pub(super) type ServiceKey<'a> = (&'a str, &'a str);

/// A rollout, and where it takes place.
#[derive(Clone, Debug)]
pub(super) struct Claim<'a> {
    /// Who asks for it, as a message names it.
    pub(super) by: String,
    /// Where in this object it is asked for; `None` for another object's.
    pub(super) path: Option<FieldPath>,
    pub(super) workload: WorkloadKey<'a>,
    pub(super) service: &'a str,
    pub(super) targets: &'a [Target],
}

impl<'a> Claim<'a> {
    /// What its Service is told apart by in a cluster; `None` while it has no name.
    pub(super) fn service_key(&self) -> Option<ServiceKey<'a>> {
        (!self.service.is_empty()).then_some((self.workload.0, self.service))
    }
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let own: Vec<Claim<'_>> = claims(input).collect();
    let rivals = rivals::of(input, &own);
    // Those of others come first: who comes to a workload or a Service gives way to who has it.
    let claims: Vec<Claim<'_>> = rivals.iter().map(Rival::claim).chain(own).collect();
    check_claims(&claims, findings);
    made::check(&claims, findings);
    made::check_templates(input, subjects(input.application), findings);
}

/// What this Application rolls out.
fn claims(input: Input<'_>) -> impl Iterator<Item = Claim<'_>> {
    subjects(input.application).filter_map(move |subject| {
        Some(Claim {
            by: format!("syncPolicies[{}]", subject.index),
            path: Some(subject.path()),
            workload: subject.workload_key()?,
            service: &subject.rollout.service_name,
            targets: &input.plan.policies.get(subject.index)?.resolution.targets,
        })
    })
}

/// What those claims say that is not the first of its kind on a cluster.
fn check_claims(claims: &[Claim<'_>], findings: &mut Findings) {
    let of_workload = clashes(claims, |claim| Some(claim.workload));
    let of_service = clashes(claims, Claim::service_key);
    for (claim, first, target) in of_workload {
        findings.extend(same_workload(claim, first, target));
    }
    for (claim, first, target) in of_service.filter(|(claim, first, _)| claim.workload != first.workload) {
        findings.extend(same_service(claim, first, target));
    }
}

/// Each claim that has its key in common with an earlier one on some cluster,
/// with that one and the first such cluster.
///
/// Nearly every key is claimed once, so that its clusters are not looked at.
pub(super) fn clashes<'c, 'a>(
    claims: &'c [Claim<'a>],
    key: impl Fn(&Claim<'a>) -> Option<(&'a str, &'a str)>,
) -> impl Iterator<Item = (&'c Claim<'a>, &'c Claim<'a>, &'a Target)> {
    let mut groups: HashMap<(&str, &str), Vec<&'c Claim<'a>>> = HashMap::new();
    for claim in claims {
        if let Some(key) = key(claim) {
            groups.entry(key).or_default().push(claim);
        }
    }
    let mut groups: Vec<_> = groups.into_iter().filter(|(_, group)| group.len() > 1).collect();
    groups.sort_unstable_by_key(|(key, _)| *key);
    groups.into_iter().flat_map(|(_, group)| {
        let mut holders: HashMap<Option<&ClusterKey>, &'c Claim<'a>> = HashMap::new();
        let mut clashes = Vec::new();
        for claim in group {
            // The first one found is enough: what else they share goes with it.
            let held = claim.targets.iter().find_map(|target| {
                let holder = *holders.entry(cluster_of(target)).or_insert(claim);
                (!std::ptr::eq(holder, claim)).then_some((claim, holder, target))
            });
            clashes.extend(held);
        }
        clashes
    })
}

fn same_workload(claim: &Claim<'_>, first: &Claim<'_>, target: &Target) -> Option<Finding> {
    let (namespace, name) = claim.workload;
    let message = format!(
        "{} rolls out {namespace}/{name} on cluster {:?}, too, and both would write its one Canary",
        first.by,
        target.name()
    );
    let path = claim.path.as_ref()?.field("workload");
    Some(
        Finding::error(&ONE_PER_WORKLOAD, path, Fault::Duplicate, message)
            .value(name)
            .hint("roll it out by one policy, or let their destinations have no cluster in common"),
    )
}

fn same_service(claim: &Claim<'_>, first: &Claim<'_>, target: &Target) -> Option<Finding> {
    let message = format!(
        "{} has that Service in front of {} on cluster {:?}, and it can stand before one workload",
        first.by,
        first.workload.1,
        target.name()
    );
    let path = claim.path.as_ref()?.field("serviceName");
    Some(
        Finding::error(&ONE_PER_SERVICE, path, Fault::Duplicate, message)
            .value(claim.service)
            .hint("give each workload a Service of its own"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{changed, codes, findings, of_policies, policy};
    use super::{ONE_PER_SERVICE, ONE_PER_WORKLOAD};
    use crate::finding::MOST_KEPT;
    use crate::rules::Rule;
    use serde_json::{Value, json};

    const RULES: [&Rule; 2] = [&ONE_PER_WORKLOAD, &ONE_PER_SERVICE];

    /// Policies of these changed rollouts on the clusters of these labels.
    fn policies(rollouts: &[(Value, Value)]) -> Value {
        let policies: Vec<Value> = rollouts
            .iter()
            .enumerate()
            .map(|(index, (patch, selector))| policy(&format!("p{index}"), &changed(patch), selector))
            .collect();
        of_policies(&json!(policies))
    }

    fn env(value: &str) -> Value {
        json!({"matchLabels": {"env": value}})
    }

    #[test]
    fn one_rollout_of_a_workload_on_a_cluster() {
        let same = json!({});
        let other = |name: &str, service: &str| json!({"serviceName": service, "workload": {"name": name}});
        let everywhere = json!(null);
        let table = [
            (vec![(same.clone(), everywhere.clone())], ""),
            (
                vec![(same.clone(), everywhere.clone()), (same.clone(), everywhere.clone())],
                "E rollout/one-per-workload",
            ),
            (vec![(same.clone(), env("test")), (same.clone(), env("dev"))], ""),
            (
                vec![(same.clone(), env("test")), (same.clone(), everywhere.clone())],
                "E rollout/one-per-workload",
            ),
            (vec![(same.clone(), env("none")), (same.clone(), everywhere.clone())], ""),
            // They would be one Canary, whatever their kind.
            (
                vec![
                    (same.clone(), everywhere.clone()),
                    (json!({"workload": {"kind": "DaemonSet"}}), everywhere.clone()),
                ],
                "E rollout/one-per-workload",
            ),
            (
                vec![
                    (same.clone(), everywhere.clone()),
                    (json!({"workload": {"namespace": "other"}}), everywhere.clone()),
                ],
                "",
            ),
            (
                vec![
                    (same.clone(), everywhere.clone()),
                    (json!({"workload": {"namespace": null}}), everywhere.clone()),
                ],
                "",
            ),
            (
                vec![(same.clone(), everywhere.clone()), (other("frontend", "frontend"), everywhere.clone())],
                "",
            ),
            (
                vec![(same.clone(), everywhere.clone()), (other("frontend", "backend"), everywhere.clone())],
                "E rollout/one-per-service",
            ),
            (vec![(same.clone(), env("test")), (other("frontend", "backend"), env("dev"))], ""),
            (
                vec![(same, everywhere.clone()), (other("backend", "frontend"), everywhere)],
                "E rollout/one-per-workload",
            ),
        ];
        for (rollouts, expected) in table {
            assert_eq!(codes(&RULES, &policies(&rollouts), None), expected, "{rollouts:?}");
        }
    }

    #[test]
    fn the_first_and_the_cluster_are_named() {
        let object = policies(&[(json!({}), env("dev")), (json!({}), json!(null)), (json!({}), env("test"))]);
        let texts: Vec<String> = findings(&RULES, &object, None).iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(
            texts[0].starts_with(
                "spec.syncPolicies[1].rollout.workload: Duplicate value: \"backend\": syncPolicies[0] rolls out webapp/backend on cluster \"m2\", too"
            ),
            "{}",
            texts[0]
        );
        assert!(
            texts[1].contains("syncPolicies[1] rolls out webapp/backend on cluster \"m1\""),
            "{}",
            texts[1]
        );
    }

    #[test]
    fn on_the_host_too() {
        let mut object = policies(&[(json!({}), json!(null)), (json!({}), json!(null))]);
        for policy in object["spec"]["syncPolicies"].as_array_mut().expect("policies") {
            policy["destination"] = json!(null);
        }
        assert_eq!(codes(&RULES, &object, None), "E rollout/one-per-workload");
    }

    #[test]
    fn very_many_rollouts_take_time_in_proportion() {
        let rollouts = vec![(json!({}), json!(null)); 2_000];
        let object = policies(&rollouts);
        assert_eq!(findings(&RULES, &object, None).len(), MOST_KEPT);
    }
}
