//! The plan: every object that will exist for an Application.
//!
//! A policy's objects differ from cluster to cluster only in little, so a plan
//! holds one [`Template`] per policy, and makes the [`crate::Binding`]s and the
//! objects of its targets one at a time when someone asks. To plan costs as
//! much as the Application is long and its destinations have clusters, never
//! the product of policies and clusters.
//!
//! There is exactly one renderer: the controllers, the schema check and the
//! command line all read the same plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleetgate_api::Application;
use fleetgate_api::application::SyncPolicy;
use kube::core::DynamicObject;

use crate::destination::{self, Distinct, Resolution};
use crate::flagger::{Member, Release};
use crate::render::depends_on::Siblings;
use crate::template::Template;
use crate::{Catalog, FluxKind, Owner, Tenancy, names, render};

/// All that will exist for one Application.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Whom it belongs to.
    pub owner: Owner,
    /// The object that fetches the source, if there is one.
    pub source: Option<Template>,
    /// What becomes of each policy, in the order of the spec.
    pub policies: Vec<PolicyPlan>,
    /// What of the Application is admitted but not delivered.
    pub undelivered: Vec<Undelivered>,
    /// Whether something of it is not removed until that is confirmed, as its status says.
    pub is_held: bool,
}

/// What becomes of one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyPlan {
    /// The policy's name, its own or a generated one.
    pub name: String,
    /// What tells its destination from others ([`destination::Placement::digest`]).
    pub destination: String,
    /// Where it goes, and what of that does not exist.
    pub resolution: Arc<Resolution>,
    /// The objects that deliver it; `None` if it says neither what nor from where.
    pub template: Option<Template>,
}

/// A part of an Application that is admitted but that no renderer stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// The field path of that part.
    pub path: String,
    /// What it is, as the end of "… does not deliver".
    pub what: &'static str,
}

impl Plan {
    /// Plans `application` on the clusters of `catalog`.
    #[must_use]
    pub fn of(application: &Application, catalog: &Catalog) -> Self {
        let owner = Owner::of(application);
        let source = render::source(&application.spec.source, &owner);
        let mut policies = placed(application, &owner, catalog);
        let undelivered = application.spec.sync_policies.iter().enumerate().filter_map(undelivered_part);
        let undelivered = undelivered.collect();
        let is_held = application.status.as_ref().is_some_and(|status| status.held.is_some());
        if let Some(source) = &source {
            let source = (source.kind, &owner);
            let templates = templates(application, &policies, source, catalog.tenancy());
            for (policy, template) in policies.iter_mut().zip(templates) {
                policy.template = template;
            }
        }
        Self { owner, source, policies, undelivered, is_held }
    }

    /// Every template: the source first, then policy by policy.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.source.iter().chain(self.policies.iter().filter_map(|policy| policy.template.as_ref()))
    }

    /// Those of which the objects may be written: not those of a policy whose
    /// destination is not understood, which stays as it is.
    pub fn writable(&self) -> impl Iterator<Item = &Template> {
        let understood = self.policies.iter().filter(|policy| policy.resolution.faults.is_empty());
        self.source.iter().chain(understood.filter_map(|policy| policy.template.as_ref()))
    }

    /// Every object, with its kind, in the order in which it is to be applied.
    pub fn objects(&self) -> impl Iterator<Item = (FluxKind, DynamicObject)> {
        self.templates().flat_map(|template| {
            let bindings = template.bindings();
            bindings.map(|binding| (template.kind, template.render(&binding, &self.owner)))
        })
    }
}

impl PolicyPlan {
    /// What stands in a destination cluster for the policy's rollout, if it has
    /// one. Nothing of it depends on which cluster that is, but for what the
    /// cluster itself has to say.
    #[must_use]
    pub fn release<'a>(
        &'a self,
        owner: &'a Owner,
        policy: &'a SyncPolicy,
        member: Member<'a>,
    ) -> Option<Release<'a>> {
        let (namespace, application) = (owner.namespace.as_str(), owner.name.as_str());
        let rollout = policy.rollout.as_ref()?;
        Some(Release { namespace, application, policy: &self.name, rollout, member })
    }
}

/// Every policy with its name and where it goes, and no template yet.
fn placed(application: &Application, owner: &Owner, catalog: &Catalog) -> Vec<PolicyPlan> {
    let spec = &application.spec;
    // Of very many policies that share a large selector, it is read once.
    let mut known: BTreeMap<Distinct<'_>, (String, Arc<Resolution>)> = BTreeMap::new();
    let policies = spec.sync_policies.iter().enumerate().map(|(index, policy)| {
        let placement = destination::placement(spec, policy);
        let resolved = || (placement.digest(), destination::resolve(placement, &owner.namespace, catalog));
        let (destination, resolution) = known.entry(Distinct::of(placement)).or_insert_with(resolved).clone();
        let name = names::policy_name(&owner.name, index, policy);
        PolicyPlan { name, destination, resolution, template: None }
    });
    policies.collect()
}

/// What each policy becomes, from a source of that kind.
fn templates(
    application: &Application,
    placed: &[PolicyPlan],
    source: (FluxKind, &Owner),
    tenancy: &Tenancy,
) -> Vec<Option<Template>> {
    let policies = || application.spec.sync_policies.iter().zip(placed);
    let siblings = Siblings::of(policies().filter_map(|(policy, placed)| {
        Some((placed.name.as_str(), render::kind_of(policy)?, &placed.resolution))
    }));
    let templates = policies()
        .enumerate()
        .map(|(index, (policy, placed))| render::policy((index, policy), placed, source, &siblings, tenancy));
    templates.collect()
}

/// The part of a policy that is not delivered; the rest of it is.
fn undelivered_part((index, policy): (usize, &SyncPolicy)) -> Option<Undelivered> {
    policy
        .rollout
        .as_ref()
        .map(|_| Undelivered { path: format!("spec.syncPolicies[{index}].rollout"), what: "the rollout" })
}

#[cfg(test)]
mod laws;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FleetEntry;
    use crate::test_fixtures::{Scenario, application, rendered, source, two_clusters};
    use serde_json::{Value, json};

    fn git_spec(policies: Value) -> Value {
        json!({"source": source("gitRepository"), "syncPolicies": policies})
    }

    fn kustomization() -> Value {
        json!({"interval": "5m0s", "path": "./deploy", "prune": true})
    }

    #[test]
    fn a_child_is_its_applications_and_says_which_policy_it_delivers() {
        let policies = json!([{"name": "web", "destination": {"fleet": "quickstart"}, "kustomization": kustomization()}]);
        let objects = rendered(git_spec(policies), &two_clusters());
        assert_eq!(objects.len(), 3);
        let metadata = |name: &str| {
            json!({
                "name": name, "namespace": "default",
                "labels": {"apps.kurator.dev/app-name": "shop"},
                "ownerReferences": [{
                    "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "name": "shop",
                    "uid": "u1", "controller": true, "blockOwnerDeletion": true,
                }],
            })
        };
        assert_eq!(objects[0]["metadata"], metadata("shop"));
        let mut child = metadata("web-attachedcluster-m2");
        child["annotations"] = json!({
            "fleetgate.dev/destination": "5de8612894c923e7", "fleetgate.dev/policy": "web",
        });
        assert_eq!(objects[2]["metadata"], child);
    }

    #[test]
    fn no_destination_is_the_host_with_fluxs_own_credentials() {
        for policy in [
            json!({"kustomization": kustomization()}),
            json!({"helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}}),
        ] {
            let objects = rendered(git_spec(json!([policy])), &two_clusters());
            assert_eq!(objects[1]["metadata"]["name"], "shop-0-currentcluster-host");
            assert_eq!(objects[1]["spec"].get("kubeConfig"), None);
        }
    }

    #[test]
    fn a_member_without_kubeconfig_never_gets_the_hosts_credentials() {
        let catalog = Scenario::new().cluster_without_kubeconfig("m1").fleet("quickstart", &["m1"]).catalog();
        let policies = json!([{"destination": {"fleet": "quickstart"}, "kustomization": kustomization()}]);
        let objects = rendered(git_spec(policies), &catalog);
        assert_eq!(objects.len(), 1, "{objects:?}");
    }

    #[test]
    fn what_goes_to_a_fleet_that_is_not_understood_is_not_written() {
        let mut catalog = two_clusters();
        let entry = catalog.fleet("default", "quickstart").expect("the Fleet");
        let doubtful = FleetEntry { faults: vec!["?".to_owned()], ..FleetEntry::clone(entry) };
        catalog.insert_fleet(doubtful);
        let policies = json!([
            {"name": "web", "destination": {"fleet": "quickstart"}, "kustomization": kustomization()},
            {"name": "here", "kustomization": kustomization()},
        ]);
        let plan = Plan::of(&application(git_spec(policies)), &catalog);
        let names = plan.writable().flat_map(Template::bindings).map(|binding| binding.name);
        assert_eq!(names.collect::<Vec<_>>(), ["shop", "here-currentcluster-host"]);
        assert_eq!(plan.objects().count(), 4, "what is there is still planned");
    }

    #[test]
    fn what_is_not_delivered_is_said_with_its_path() {
        let rollout = json!({
            "port": 80, "serviceName": "s", "trafficRoutingProvider": "istio", "workload": {"name": "w"}, "rolloutPolicy": {},
        });
        let policies = json!([{"kustomization": kustomization()}, {"kustomization": kustomization(), "rollout": rollout}]);
        let plan = Plan::of(&application(git_spec(policies)), &Catalog::default());
        let paths: Vec<_> = plan.undelivered.iter().map(|part| part.path.as_str()).collect();
        assert_eq!(paths, ["spec.syncPolicies[1].rollout"]);
        assert_eq!(plan.objects().count(), 3, "the source and both policies");
    }

    #[test]
    fn its_status_tells_that_something_is_held() {
        let mut application = application(git_spec(json!([])));
        assert!(!Plan::of(&application, &Catalog::default()).is_held);
        let status = json!({"held": {"digest": "3f2a", "count": 1}});
        application.status = Some(serde_json::from_value(status).expect("a status"));
        assert!(Plan::of(&application, &Catalog::default()).is_held);
    }

    #[test]
    fn every_template_has_a_sample_and_says_where_it_comes_from() {
        let spec = git_spec(json!([
            {"destination": {"fleet": "gone"}, "kustomization": kustomization()},
            {"destination": {"fleet": "gone"}, "helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}},
        ]));
        let plan = Plan::of(&application(spec), &Catalog::default());
        assert_eq!(plan.objects().count(), 1);
        let samples: Vec<(String, Value)> = plan
            .templates()
            .map(|template| {
                (template.origin.to_string(), template.clone().into_sample(&plan.owner)["spec"].clone())
            })
            .collect();
        assert_eq!(
            samples,
            [
                ("spec.source.gitRepository".to_owned(), source("gitRepository")["gitRepository"].clone()),
                (
                    "spec.syncPolicies[0].kustomization".to_owned(),
                    json!({
                        "interval": "5m0s", "path": "./deploy", "prune": true,
                        "sourceRef": {"kind": "GitRepository", "name": "shop"},
                        "kubeConfig": {"secretRef": {"name": "cluster", "key": "value"}},
                    })
                ),
                (
                    "spec.syncPolicies[1].helm".to_owned(),
                    json!({
                        "interval": "5m",
                        "chart": {"spec": {"chart": "c", "sourceRef": {"kind": "GitRepository", "name": "shop"}}},
                        "kubeConfig": {"secretRef": {"name": "cluster", "key": "value"}},
                    })
                ),
            ]
        );
    }
}
