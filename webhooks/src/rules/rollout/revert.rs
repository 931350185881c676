//! `rollout/revert`: a rollout that is given up somewhere.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use fleetgate_api::Application;
use fleetgate_plan::ClusterKey;
use fleetgate_plan::destination::{Resolution, Resolver, placement};
use fleetgate_plan::names::policy_name;
use kube::ResourceExt;

use super::{Subject, WorkloadKey, cluster_of, subjects};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{Example, Input, Rule, WARNS};

/// `rollout/revert`
pub const REVERT: Rule = Rule {
    code: "rollout/revert",
    severities: WARNS,
    what: "On an update, a rollout without `revertOnDeletion` is turned off, or leaves a cluster.",
    why: "Flagger has scaled the workload to zero, and the copy that serves in its place goes with the Canary: unless the workload goes, too, nothing is left to serve.",
    example: Example::update(
        "spec.syncPolicies[0].rollout.rolloutPolicy.revertOnDeletion: false",
        "spec.syncPolicies[0].rollout: null",
        "spec.syncPolicies[0].rollout.rolloutPolicy.revertOnDeletion: true",
    ),
};

/// The way out of all of it.
const HINT: &str = "deliver revertOnDeletion: true first";

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let Some(old) = input.old else {
        return;
    };
    let policies = policies(input.application);
    let mut rollouts: HashMap<WorkloadKey<'_>, Vec<usize>> = HashMap::new();
    for subject in subjects(input.application) {
        if let Some(key) = subject.workload_key() {
            rollouts.entry(key).or_default().push(subject.index);
        }
    }
    let namespace = old.namespace().unwrap_or_default();
    let mut resolver = Resolver::new(&namespace, input.catalog);
    for subject in subjects(old).filter(|subject| !reverts(*subject)) {
        let (Some(workload), Some(policy)) =
            (Workload::of(subject), old.spec.sync_policies.get(subject.index))
        else {
            continue;
        };
        if let Some(places) = rollouts.get(&workload.key) {
            let before = resolver.resolve(placement(&old.spec, policy));
            findings.extend(moved(input, &workload, &before, places));
        } else {
            let name = policy_name(&old.name_any(), subject.index, policy);
            findings.push(match policies.get(&name) {
                Some(index) => turned_off(input.application, &workload, *index),
                None => gone(&workload, &name),
            });
        }
    }
}

fn reverts(subject: Subject<'_>) -> bool {
    subject.rollout.rollout_policy.revert_on_deletion == Some(true)
}

/// The policies' places by their names.
fn policies(application: &Application) -> HashMap<String, usize> {
    let name = application.name_any();
    let policies = application.spec.sync_policies.iter().enumerate();
    policies.map(|(index, policy)| (policy_name(&name, index, policy), index)).collect()
}

/// What is given up.
struct Workload<'a> {
    key: WorkloadKey<'a>,
    /// What becomes of it, as the end of a message.
    stays: &'static str,
}

impl<'a> Workload<'a> {
    fn of(subject: Subject<'a>) -> Option<Self> {
        // A Service has nothing to scale.
        let is_service = subject.rollout.workload.kind.as_deref() == Some("Service");
        let stays = if is_service { "stays as Flagger changed it" } else { "stays scaled to zero" };
        Some(Self { key: subject.workload_key()?, stays })
    }
}

impl fmt::Display for Workload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.key.0, self.key.1)
    }
}

/// The policy does not roll the workload out any more, nor does another.
fn turned_off(application: &Application, workload: &Workload<'_>, index: usize) -> Finding {
    let has_rollout =
        application.spec.sync_policies.get(index).is_some_and(|policy| policy.rollout.is_some());
    let path = FieldPath::policy(index).field("rollout");
    let path = if has_rollout { path.field("workload") } else { path };
    let message =
        format!("{workload} loses its Canary, and what serves in its place with it: it {}", workload.stays);
    Finding::warning(&REVERT, path, Fault::Invalid, message).hint(HINT)
}

/// The policy itself is not there any more.
fn gone(workload: &Workload<'_>, policy: &str) -> Finding {
    let message = format!(
        "policy {policy:?} is gone, and the Canary of {workload} with it: unless that goes, too, it {}",
        workload.stays
    );
    let path = FieldPath::spec().field("syncPolicies");
    Finding::warning(&REVERT, path, Fault::Invalid, message).hint(HINT)
}

/// The workload is still rolled out, but not on every cluster where it was.
fn moved(
    input: Input<'_>,
    workload: &Workload<'_>,
    before: &Resolution,
    places: &[usize],
) -> Option<Finding> {
    let now: Vec<&Arc<Resolution>> =
        places.iter().filter_map(|index| Some(&input.plan.policies.get(*index)?.resolution)).collect();
    let stays = now.iter().any(|now| now.targets == before.targets);
    // What is not understood removes nothing.
    if stays || !now.iter().all(|now| now.is_decided()) {
        return None;
    }
    let kept: HashSet<Option<&ClusterKey>> =
        now.iter().flat_map(|now| &now.targets).map(cluster_of).collect();
    let mut lost = before.targets.iter().filter(|target| !kept.contains(&cluster_of(target)));
    let (first, more) = (lost.next()?.name(), lost.count());
    let others = if more == 0 { String::new() } else { format!(" and {more} more") };
    let message = format!(
        "{workload} is no longer rolled out on {first:?}{others}: unless it is removed there, too, it {}",
        workload.stays
    );
    let index = *places.first()?;
    let has_own = input.application.spec.sync_policies.get(index)?.destination.is_some();
    let path = if has_own { FieldPath::policy(index) } else { FieldPath::spec() };
    Some(Finding::warning(&REVERT, path.field("destination"), Fault::Invalid, message).hint(HINT))
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{changed, codes, findings, of_policies, policy};
    use super::REVERT;
    use crate::test_fixtures::kustomization;
    use serde_json::{Value, json};

    fn env(value: &str) -> Value {
        json!({"matchLabels": {"env": value}})
    }

    /// One policy `web` with that rollout on the clusters of that label.
    fn web(rollout: &Value, selector: &Value) -> Value {
        of_policies(&json!([policy("web", rollout, selector)]))
    }

    #[test]
    fn a_rollout_that_ends_somewhere() {
        let rollout = changed(&json!({}));
        let reverting = changed(&json!({"rolloutPolicy": {"revertOnDeletion": true}}));
        let other = changed(&json!({"workload": {"name": "frontend"}}));
        let service = changed(&json!({"workload": {"kind": "Service", "apiVersion": "v1"}}));
        let (none, warned) = (json!(null), "W rollout/revert");
        let table = [
            (web(&rollout, &none), web(&rollout, &none), ""),
            (web(&rollout, &none), web(&none, &none), warned),
            (web(&reverting, &none), web(&none, &none), ""),
            (web(&rollout, &none), web(&other, &none), warned),
            (
                web(&rollout, &none),
                of_policies(&json!([{"name": "api", "kustomization": kustomization()}])),
                warned,
            ),
            (web(&rollout, &none), of_policies(&json!([policy("renamed", &rollout, &none)])), ""),
            (web(&rollout, &none), web(&rollout, &env("test")), warned),
            (web(&reverting, &none), web(&rollout, &env("test")), ""),
            (web(&rollout, &env("test")), web(&rollout, &none), ""),
            (web(&rollout, &env("test")), web(&rollout, &env("dev")), warned),
            // Nothing is removed on account of what matches nothing.
            (web(&rollout, &none), web(&rollout, &env("none")), ""),
            (
                web(&rollout, &none),
                of_policies(&json!([
                    policy("test", &rollout, &env("test")),
                    policy("dev", &rollout, &env("dev"))
                ])),
                "",
            ),
            (web(&none, &none), web(&rollout, &none), ""),
            (web(&service, &none), web(&none, &none), warned),
        ];
        for (old, new, expected) in table {
            assert_eq!(codes(&[&REVERT], &new, Some(&old)), expected, "{old}\n{new}");
        }
    }

    #[test]
    fn it_says_where() {
        let rollout = changed(&json!({}));
        let old = web(&rollout, &json!(null));
        let said = |new: &Value| {
            let said = findings(&[&REVERT], new, Some(&old));
            assert_eq!(said.len(), 1, "{said:?}");
            said[0].to_string()
        };
        assert_eq!(
            said(&web(&rollout, &env("dev"))),
            "spec.syncPolicies[0].destination: webapp/backend is no longer rolled out on \"m1\": \
             unless it is removed there, too, it stays scaled to zero; deliver revertOnDeletion: true first [rollout/revert]"
        );
        assert!(
            said(&web(&json!(null), &json!(null)))
                .starts_with("spec.syncPolicies[0].rollout: webapp/backend loses")
        );
        let without = of_policies(&json!([{"name": "api", "kustomization": kustomization()}]));
        assert!(said(&without).starts_with("spec.syncPolicies: policy \"web\" is gone"));
    }
}
