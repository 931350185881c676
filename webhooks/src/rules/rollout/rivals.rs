//! Rollouts of other Applications, as far as the index knows them.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use fleetgate_plan::Resolution;
use kube::ResourceExt;

use super::WorkloadKey;
use super::sharing::Claim;
use crate::rules::Input;

/// At most this many are looked at; each costs as much as its fleet has clusters.
const MOST_RIVALS: usize = 100;

/// A policy of another Application that rolls out a workload of the same name.
#[derive(Debug)]
pub(super) struct Rival<'a> {
    application: &'a str,
    policy: &'a str,
    workload: WorkloadKey<'a>,
    resolution: Arc<Resolution>,
}

/// Those of the Applications of the namespace that are stored, and were before
/// this one. Of files nobody knows whether they are applied together. One that
/// is on its way out lets go of its workloads.
pub(super) fn of<'a>(input: Input<'a>, workloads: BTreeSet<WorkloadKey<'a>>) -> Vec<Rival<'a>> {
    let (application, catalog) = (input.application, input.catalog);
    if workloads.is_empty() {
        return Vec::new();
    }
    let (namespace, name) = (application.namespace().unwrap_or_default(), application.name_any());
    let others = catalog.applications(&namespace).filter(|entry| {
        let was_first = entry.age_beside(application) == Some(Ordering::Less);
        entry.key.name != name && !entry.is_deleted && was_first
    });
    let policies = others.flat_map(|entry| entry.policies.iter().map(move |policy| (entry, policy)));
    let rivals = policies.filter_map(|(entry, policy)| {
        let key = policy.workload.as_ref()?;
        let workload = (&*key.namespace, &*key.name);
        workloads.contains(&workload).then(|| Rival {
            application: &entry.key.name,
            policy: &policy.name,
            workload,
            resolution: policy.destination.resolve(&namespace, catalog),
        })
    });
    rivals.take(MOST_RIVALS).collect()
}

impl Rival<'_> {
    pub(super) fn claim(&self) -> Claim<'_> {
        Claim {
            by: format!("policy {:?} of Application {:?}", self.policy, self.application),
            path: None,
            workload: self.workload,
            service: "",
            targets: &self.resolution.targets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ONE_PER_WORKLOAD;
    use super::super::test_fixtures::{changed, policy, with};
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog};
    use fleetgate_plan::Catalog;
    use serde_json::{Value, json};

    /// With an Application of one rollout, created at that time.
    fn catalog_with(name: &str, created: &Value, policy: &Value) -> Catalog {
        let mut object = application(name, json!({"source": {}, "syncPolicies": [policy]}));
        object["metadata"]["creationTimestamp"] = created.clone();
        let mut catalog = catalog();
        catalog.insert_application(&serde_json::from_value(object).expect("an Application"));
        catalog
    }

    /// What is said of a rollout in `shop` beside one in another Application.
    fn beside(name: &str, patch: &Value, selector: &Value) -> Vec<String> {
        let policy = policy("api", &changed(patch), selector);
        let catalog = catalog_with(name, &json!("2026-01-01T00:00:00Z"), &policy);
        let verdict = judge(Kind::Application, with(&json!({})), None, &catalog);
        let said = verdict.findings.iter().filter(|finding| finding.code == ONE_PER_WORKLOAD.code);
        said.map(ToString::to_string).collect()
    }

    #[test]
    fn a_workload_is_rolled_out_by_one_application() {
        let everywhere = json!(null);
        assert_eq!(
            beside("first", &json!({}), &everywhere),
            [
                "spec.syncPolicies[0].rollout.workload: Duplicate value: \"backend\": policy \"api\" of Application \"first\" rolls \
              out webapp/backend on cluster \"m1\", too, and both would write its one Canary; roll it out by one policy, or let \
              their destinations have no cluster in common [rollout/one-per-workload]"
            ]
        );
        let none: [&str; 0] = [];
        assert_eq!(beside("shop", &json!({}), &everywhere), none, "itself");
        assert_eq!(beside("first", &json!({"workload": {"name": "frontend"}}), &everywhere), none);
        let nowhere = json!({"matchLabels": {"env": "none"}});
        assert_eq!(beside("first", &json!({}), &nowhere), none, "on other clusters");
    }

    #[test]
    fn who_was_there_first_is_not_stopped_by_who_comes_later() {
        let policy = policy("api", &changed(&json!({})), &json!(null));
        let february = json!("2026-02-01T00:00:00Z");
        let table = [
            (february.clone(), json!("2026-01-01T00:00:00Z"), true),
            (february.clone(), json!("2026-03-01T00:00:00Z"), false),
            (february, json!(null), false),
            // Two files, of which nobody knows whether they are applied together.
            (json!(null), json!(null), true),
        ];
        for (other, ours, is_admitted) in table {
            let catalog = catalog_with("other", &other, &policy);
            let mut object = with(&json!({}));
            object["metadata"]["creationTimestamp"] = ours.clone();
            let verdict = judge(Kind::Application, object.clone(), None, &catalog);
            assert_eq!(verdict.is_admitted(), is_admitted, "{other} {ours}");
        }
    }
}
