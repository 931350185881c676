//! The index of Applications: what a decision about one object has to know of
//! the Applications beside it, and no more.
//!
//! An entry takes about a kibibyte, whatever its Application embeds: neither
//! source nor Flux fields are in it, and policies that go to the same place
//! share what says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleetgate_api::Application;
use fleetgate_api::application::SyncPolicy;
use fleetgate_api::rollout::CrossNamespaceObjectReference;
use kube::{Resource, ResourceExt};

use super::{Catalog, ObjectKey};
use crate::destination::{self, Distinct, Placement, Resolution, Selection};
use crate::{Target, names};

/// An Application as others see it.
#[derive(Clone, Debug, PartialEq)]
pub struct AppEntry {
    /// What identifies it.
    pub key: ObjectKey,
    /// Whether it is on its way out: then it keeps nothing else in use.
    pub is_deleted: bool,
    /// Its policies, in the order of the spec.
    pub policies: Box<[PolicyEntry]>,
}

/// A policy as others see it.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyEntry {
    /// Its name, its own or a generated one.
    pub name: Box<str>,
    /// What it becomes.
    pub delivery: Delivery,
    /// Where it goes; policies of one Application that go to the same place share it.
    pub destination: Arc<PolicyDestination>,
    /// What it rolls out step by step, if it does.
    pub workload: Option<Box<WorkloadKey>>,
}

/// The kind of Flux object that a policy becomes. Objects of different kinds
/// may share a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// Kustomizations.
    Kustomization,
    /// `HelmReleases`.
    Helm,
    /// Nothing: the policy says neither.
    Nothing,
}

/// Where a policy goes, after inheritance: what is kept of a [`Placement`].
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyDestination {
    /// The cluster in which Fleetgate runs.
    Host,
    /// Clusters of a Fleet.
    Fleet {
        /// The Fleet's name, in the Application's namespace.
        fleet: Box<str>,
        /// Which of its clusters.
        selection: Selection,
    },
    /// A destination that names no fleet.
    FleetMissing,
}

/// What identifies a workload in a cluster. A kind and a namespace that are not
/// given are empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadKey {
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its kind.
    pub kind: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

impl AppEntry {
    /// Those of its policies that go to that Fleet.
    pub fn policies_to<'a, 'b>(
        &'a self,
        fleet: &'b str,
    ) -> impl Iterator<Item = &'a PolicyEntry> + use<'a, 'b> {
        self.policies.iter().filter(move |policy| policy.destination.fleet() == Some(fleet))
    }
}

impl PolicyEntry {
    /// What the names of its children begin with, before a dash, the kind and
    /// the name of a cluster; a name that would be too long ends in a hash.
    #[must_use]
    pub fn child_name_base(&self) -> String {
        self.name.to_lowercase()
    }

    /// The name of its child for `target`.
    #[must_use]
    pub fn child_name(&self, target: &Target) -> String {
        names::child_name(&self.name, target)
    }
}

impl PolicyDestination {
    /// The Fleet that it names.
    #[must_use]
    pub fn fleet(&self) -> Option<&str> {
        match self {
            Self::Fleet { fleet, .. } => Some(fleet),
            Self::Host | Self::FleetMissing => None,
        }
    }

    /// Whether it means a member of its Fleet that has these labels.
    #[must_use]
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        matches!(self, Self::Fleet { selection, .. } if selection.matches(labels))
    }

    /// What it means today, for an Application in `namespace`.
    #[must_use]
    pub fn resolve(&self, namespace: &str, catalog: &Catalog) -> Resolution {
        match self {
            Self::Host => destination::resolve(Placement::Host, namespace, catalog),
            Self::FleetMissing => destination::resolve(Placement::FleetMissing, namespace, catalog),
            Self::Fleet { fleet, selection } => {
                destination::resolve_in_fleet(fleet, selection, namespace, catalog)
            }
        }
    }
}

impl From<Placement<'_>> for PolicyDestination {
    fn from(placement: Placement<'_>) -> Self {
        match placement {
            Placement::Host => Self::Host,
            Placement::FleetMissing => Self::FleetMissing,
            Placement::Fleet { fleet, selector, .. } => {
                Self::Fleet { fleet: fleet.into(), selection: Selection::of(selector) }
            }
        }
    }
}

impl From<&Application> for AppEntry {
    fn from(object: &Application) -> Self {
        let spec = &object.spec;
        let name = object.name_any();
        let mut destinations: BTreeMap<Distinct<'_>, Arc<PolicyDestination>> = BTreeMap::new();
        let policies = spec.sync_policies.iter().enumerate().map(|(index, policy)| {
            let placement = destination::placement(spec, policy);
            let destination =
                destinations.entry(Distinct::of(placement)).or_insert_with(|| Arc::new(placement.into()));
            PolicyEntry {
                name: names::policy_name(&name, index, policy).into(),
                delivery: delivery(policy),
                destination: Arc::clone(destination),
                workload: policy.rollout.as_ref().map(|rollout| Box::new((&rollout.workload).into())),
            }
        });
        let policies = policies.collect();
        Self {
            key: ObjectKey::new(object.namespace().unwrap_or_default(), name),
            is_deleted: object.meta().deletion_timestamp.is_some(),
            policies,
        }
    }
}

impl From<&CrossNamespaceObjectReference> for WorkloadKey {
    fn from(reference: &CrossNamespaceObjectReference) -> Self {
        Self {
            namespace: reference.namespace.as_deref().unwrap_or_default().into(),
            kind: reference.kind.as_deref().unwrap_or_default().into(),
            name: reference.name.as_str().into(),
        }
    }
}

fn delivery(policy: &SyncPolicy) -> Delivery {
    if policy.kustomization.is_some() {
        Delivery::Kustomization
    } else if policy.helm.is_some() {
        Delivery::Helm
    } else {
        Delivery::Nothing
    }
}

impl Catalog {
    /// The Application of that name in that namespace.
    #[must_use]
    pub fn application(&self, namespace: &str, name: &str) -> Option<&Arc<AppEntry>> {
        self.applications.get(&ObjectKey::new(namespace, name))
    }

    /// The Applications of a namespace, in alphabetical order.
    pub fn applications<'a, 'b>(
        &'a self,
        namespace: &'b str,
    ) -> impl Iterator<Item = &'a Arc<AppEntry>> + use<'a, 'b> {
        let from = ObjectKey::new(namespace, "");
        let rest = self.applications.range(from..);
        rest.take_while(move |(key, _)| key.namespace == namespace).map(|(_, entry)| entry)
    }

    /// Those Applications of a namespace of which a policy goes to that Fleet,
    /// in alphabetical order, whether the Fleet exists or not.
    pub fn applications_of_fleet<'a, 'b>(
        &'a self,
        namespace: &'b str,
        fleet: &'b str,
    ) -> impl Iterator<Item = &'a Arc<AppEntry>> + use<'a, 'b> {
        self.applications(namespace).filter(move |entry| entry.policies_to(fleet).next().is_some())
    }

    /// Adds or replaces an Application; says whether that changed anything that
    /// the index keeps: a new status does not.
    pub fn insert_application(&mut self, application: &Application) -> bool {
        self.insert_entry(AppEntry::from(application))
    }

    /// The same for an entry that was made already.
    pub fn insert_entry(&mut self, entry: AppEntry) -> bool {
        let known = self.applications.get(&entry.key);
        if known.is_some_and(|known| **known == entry) {
            return false;
        }
        if let Some(known) = known {
            self.child_bases.remove(known);
        }
        self.child_bases.insert(&entry);
        Arc::make_mut(&mut self.applications).insert(entry.key.clone(), Arc::new(entry));
        true
    }

    /// Takes an Application out; says whether it was there.
    pub fn remove_application(&mut self, key: &ObjectKey) -> bool {
        let Some(known) = self.applications.get(key) else { return false };
        self.child_bases.remove(known);
        Arc::make_mut(&mut self.applications).remove(key).is_some()
    }

    /// Keeps only the Applications for which `keep` holds, the end of a resync;
    /// says whether any went.
    pub fn retain_applications(&mut self, mut keep: impl FnMut(&ObjectKey) -> bool) -> bool {
        let going: Vec<ObjectKey> = self.applications.keys().filter(|key| !keep(key)).cloned().collect();
        going.iter().filter(|key| self.remove_application(key)).count() > 0
    }

    /// Whether both are the same snapshot but for the index of Applications: no
    /// destination means anything else in the one than in the other.
    #[must_use]
    pub fn is_same_but_for_applications(&self, other: &Self) -> bool {
        let with_ours = Self { applications: Arc::clone(&self.applications), ..other.clone() };
        self.is_same(&with_ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{Scenario, application, names};
    use serde_json::json;

    fn selector(env: &str) -> serde_json::Value {
        json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": env}}})
    }

    #[test]
    fn an_entry_keeps_what_others_need() {
        let workload =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "api", "namespace": "web"});
        let entry = AppEntry::from(&application(json!({
            "destination": selector("test"),
            "syncPolicies": [
                {"kustomization": {"interval": "5m", "prune": true}},
                {"name": "Web", "helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}},
                {"destination": {"fleet": "other"}, "rollout": {
                    "trafficRoutingProvider": "nginx", "workload": workload, "serviceName": "api", "port": 80, "rolloutPolicy": {},
                }},
            ],
        })));
        assert_eq!(entry.key, ObjectKey::new("default", "shop"));
        let [first, second, third] = &entry.policies[..] else { panic!("{entry:?}") };
        assert_eq!((&*first.name, first.delivery), ("shop-0", Delivery::Kustomization));
        assert_eq!((second.child_name_base().as_str(), second.delivery), ("web", Delivery::Helm));
        assert_eq!(third.delivery, Delivery::Nothing);
        assert!(Arc::ptr_eq(&first.destination, &second.destination));
        assert_eq!(third.destination.fleet(), Some("other"));
        let workload = third.workload.as_ref().expect("a workload");
        assert_eq!((&*workload.namespace, &*workload.kind, &*workload.name), ("web", "Deployment", "api"));
        assert_eq!(entry.policies_to("quickstart").count(), 2);
    }

    #[test]
    fn it_is_found_by_namespace_and_by_fleet() {
        let mut catalog = Catalog::default();
        for (namespace, name, fleet) in
            [("default", "a", "f"), ("default", "b", "g"), ("default-2", "c", "f"), ("a", "d", "f")]
        {
            let mut app = application(json!({"syncPolicies": [{"destination": {"fleet": fleet}}, {}]}));
            app.metadata.namespace = Some(namespace.to_owned());
            app.metadata.name = Some(name.to_owned());
            assert!(catalog.insert_application(&app));
        }
        let names = |found: Vec<&Arc<AppEntry>>| {
            found.into_iter().map(|entry| entry.key.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(catalog.applications("default").collect()), ["a", "b"]);
        assert_eq!(names(catalog.applications_of_fleet("default", "f").collect()), ["a"]);
        assert_eq!(names(catalog.applications("none").collect()), [""; 0]);
        assert!(catalog.application("a", "d").is_some() && catalog.application("a", "c").is_none());
        assert!(catalog.retain_applications(|key| key.name != "b"));
        assert!(catalog.remove_application(&ObjectKey::new("default", "a")));
        assert_eq!(catalog.applications("default").count(), 0);
    }

    #[test]
    fn a_new_status_changes_nothing_and_another_destination_does() {
        let mut app = application(json!({"destination": selector("test"), "syncPolicies": [{}]}));
        let mut catalog = Scenario::new().fleet("quickstart", &[]).catalog();
        assert!(catalog.insert_application(&app));
        let before = catalog.clone();
        app.status = Some(fleetgate_api::ApplicationStatus::default());
        app.metadata.resource_version = Some("2".to_owned());
        assert!(!catalog.insert_application(&app));
        assert!(catalog.is_same(&before));
        app.spec.destination = Some(crate::test_fixtures::destination(selector("dev")));
        assert!(catalog.insert_application(&app));
        assert!(!catalog.is_same(&before) && catalog.is_same_but_for_applications(&before));
        catalog.set_terminating("default", true);
        assert!(!catalog.is_same_but_for_applications(&before));
    }

    #[test]
    fn a_kept_destination_resolves_as_the_placement_does() {
        let catalog = Scenario::new()
            .cluster("m1", &[("env", "test")])
            .cluster("m2", &[("env", "dev")])
            .fleet("quickstart", &["m1", "m2"])
            .catalog();
        let bad = json!({"fleet": "quickstart", "clusterSelector": {"matchExpressions": [{"key": "env", "operator": "Near"}]}});
        for destination in [json!(null), selector("test"), json!({"fleet": "quickstart"}), json!({}), bad] {
            let app = application(json!({"destination": destination, "syncPolicies": [{}]}));
            let placement = destination::placement(&app.spec, &app.spec.sync_policies[0]);
            let kept = AppEntry::from(&app).policies[0].destination.resolve("default", &catalog);
            assert_eq!(kept, destination::resolve(placement, "default", &catalog), "{destination}");
        }
        let app = application(json!({"destination": selector("dev"), "syncPolicies": [{}]}));
        let kept = AppEntry::from(&app).policies[0].destination.resolve("default", &catalog);
        assert_eq!(names(&kept.targets), ["m2"]);
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<PolicyEntry>() <= 40 && size_of::<AppEntry>() <= 72);
        assert!(size_of::<PolicyDestination>() <= 48);
    }
}
