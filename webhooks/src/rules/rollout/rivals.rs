//! Rollouts of other Applications, as far as the index knows them.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use fleetgate_plan::{Resolution, RolloutEntry};
use kube::ResourceExt;

use super::WorkloadKey;
use super::sharing::Claim;
use crate::rules::Input;

/// At most this many are looked at; each costs as much as its fleet has clusters.
const MOST_RIVALS: usize = 100;

/// A policy of another Application that rolls out a workload of the same name,
/// or one behind a Service of the same name.
#[derive(Debug)]
pub(super) struct Rival<'a> {
    application: &'a str,
    policy: &'a str,
    workload: WorkloadKey<'a>,
    service: &'a str,
    resolution: Arc<Resolution>,
}

/// Those of the Applications of the namespace that are stored, and were before
/// this one. Of files nobody knows whether they are applied together. One that
/// is on its way out lets go of its workloads and Services.
pub(super) fn of<'a>(input: Input<'a>, own: &[Claim<'a>]) -> Vec<Rival<'a>> {
    let (application, catalog) = (input.application, input.catalog);
    if own.is_empty() {
        return Vec::new();
    }
    let (namespace, name) = (application.namespace().unwrap_or_default(), application.name_any());
    let mut found = BTreeMap::new();
    for claim in own {
        let of_workload = catalog.rollouts_of_workload(&namespace, claim.workload);
        let of_service = claim.service_key();
        let of_service =
            of_service.into_iter().flat_map(|key| catalog.rollouts_behind_service(&namespace, key));
        let others = of_workload.chain(of_service).filter(|(entry, _)| {
            let was_first = entry.age_beside(application) == Some(Ordering::Less);
            entry.key.name != name && !entry.is_deleted && was_first
        });
        // One may be found by its workload and by its Service.
        found.extend(
            others.map(|(entry, policy)| ((&*entry.key.name, &*policy.name), policy)).take(MOST_RIVALS),
        );
    }
    let rivals = found.into_iter().filter_map(|((application, _), policy)| {
        let RolloutEntry { workload, service } = policy.rollout.as_deref()?;
        Some(Rival {
            application,
            policy: &policy.name,
            workload: (&workload.namespace, &workload.name),
            service,
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
            service: self.service,
            targets: &self.resolution.targets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{changed, policy, with};
    use super::super::{ONE_PER_SERVICE, ONE_PER_WORKLOAD};
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog};
    use fleetgate_plan::Catalog;
    use serde_json::{Value, json};

    /// With an Application of one rollout, in that namespace and created at that time.
    fn catalog_with(namespace: &str, name: &str, created: &Value, policy: &Value) -> Catalog {
        let mut object = application(name, json!({"source": {}, "syncPolicies": [policy]}));
        object["metadata"]["namespace"] = json!(namespace);
        object["metadata"]["creationTimestamp"] = created.clone();
        let mut catalog = catalog();
        catalog.insert_application(&serde_json::from_value(object).expect("an Application"));
        catalog
    }

    /// What is said of a rollout in `default/shop` beside one in another Application.
    fn beside((namespace, name): (&str, &str), patch: &Value, selector: &Value) -> Vec<String> {
        let policy = policy("api", &changed(patch), selector);
        let catalog = catalog_with(namespace, name, &json!("2026-01-01T00:00:00Z"), &policy);
        let verdict = judge(Kind::Application, with(&json!({})), None, &catalog);
        let of_rules = [ONE_PER_WORKLOAD.code, ONE_PER_SERVICE.code];
        let said = verdict.findings.iter().filter(|finding| of_rules.contains(&finding.code));
        said.map(ToString::to_string).collect()
    }

    /// The other rolls out something else, behind the same Service.
    fn behind_the_same_service() -> Value {
        json!({"workload": {"name": "frontend"}})
    }

    #[test]
    fn what_another_application_has_is_named_with_who_has_it() {
        let everywhere = json!(null);
        assert_eq!(
            beside(("default", "first"), &json!({}), &everywhere),
            [
                "spec.syncPolicies[0].rollout.workload: Duplicate value: \"backend\": policy \"api\" of Application \"first\" rolls \
              out webapp/backend on cluster \"m1\", too, and both would write its one Canary; roll it out by one policy, or let \
              their destinations have no cluster in common [rollout/one-per-workload]"
            ]
        );
        assert_eq!(
            beside(("default", "first"), &behind_the_same_service(), &everywhere),
            [
                "spec.syncPolicies[0].rollout.serviceName: Duplicate value: \"backend\": policy \"api\" of Application \"first\" \
              has that Service in front of frontend on cluster \"m1\", and it can stand before one workload; give each workload \
              a Service of its own [rollout/one-per-service]"
            ]
        );
    }

    #[test]
    fn workloads_and_services_are_shared_on_one_cluster_only() {
        let everywhere = json!(null);
        let on_m2 = json!({"matchLabels": {"env": "dev"}});
        let nowhere = json!({"matchLabels": {"env": "none"}});
        let apart = json!({"workload": {"name": "frontend"}, "serviceName": "frontend"});
        let elsewhere = json!({"workload": {"name": "frontend", "namespace": "other"}});
        let table = [
            (("default", "first"), json!({}), &everywhere, "one-per-workload"),
            (("default", "first"), json!({"serviceName": "front"}), &everywhere, "one-per-workload"),
            (("default", "first"), behind_the_same_service(), &everywhere, "one-per-service"),
            (("default", "first"), behind_the_same_service(), &on_m2, "one-per-service"),
            (("default", "first"), apart, &everywhere, ""),
            // Another namespace of the cluster has a Service of its own.
            (("default", "first"), elsewhere, &everywhere, ""),
            (("default", "first"), json!({}), &nowhere, ""),
            (("default", "first"), behind_the_same_service(), &nowhere, ""),
            // Another namespace of the host has clusters of its own.
            (("other", "first"), json!({}), &everywhere, ""),
            (("other", "first"), behind_the_same_service(), &everywhere, ""),
            // Itself, as it is stored.
            (("default", "shop"), json!({}), &everywhere, ""),
            (("default", "shop"), behind_the_same_service(), &everywhere, ""),
        ];
        for (other, patch, selector, expected) in table {
            let said = beside(other, &patch, selector);
            assert_eq!(
                said.len(),
                usize::from(!expected.is_empty()),
                "{other:?} {patch} {selector}: {said:?}"
            );
            assert!(
                said.iter().all(|text| text.contains(expected)),
                "{other:?} {patch} {selector}: {said:?}"
            );
        }
    }

    #[test]
    fn who_was_there_first_is_not_stopped_by_who_comes_later() {
        let february = json!("2026-02-01T00:00:00Z");
        let table = [
            (february.clone(), json!("2026-01-01T00:00:00Z"), true),
            (february.clone(), json!("2026-03-01T00:00:00Z"), false),
            (february, json!(null), false),
            // Two files, of which nobody knows whether they are applied together.
            (json!(null), json!(null), true),
        ];
        for patch in [json!({}), behind_the_same_service()] {
            let policy = policy("api", &changed(&patch), &json!(null));
            for (other, ours, is_admitted) in &table {
                let catalog = catalog_with("default", "other", other, &policy);
                let mut object = with(&json!({}));
                object["metadata"]["creationTimestamp"] = ours.clone();
                let verdict = judge(Kind::Application, object.clone(), None, &catalog);
                assert_eq!(verdict.is_admitted(), *is_admitted, "{patch} {other} {ours}");
            }
        }
    }

    #[test]
    fn an_update_of_what_was_there_first_goes_through() {
        let policy = policy("api", &changed(&behind_the_same_service()), &json!(null));
        let catalog = catalog_with("default", "later", &json!("2026-02-01T00:00:00Z"), &policy);
        let mut stored = with(&json!({}));
        stored["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        let mut object = stored.clone();
        object["spec"]["syncPolicies"][0]["rollout"]["port"] = json!(9899);
        assert!(judge(Kind::Application, object, Some(&stored), &catalog).is_admitted());
    }
}
