//! The Catalog: all that a decision may depend on, as of one moment.
//!
//! **Invariant**: a Catalog that someone holds never changes. Clones share
//! their maps, and a writer copies a map only while a reader still holds it,
//! so that a review works on one consistent state for as long as it lasts.

mod app_entry;
mod applications;
mod change;
mod concern;
mod fleet_entry;
mod fleet_users;
mod policy_index;
mod rollout_entry;
mod shared;
mod sizes;
mod tenancy;
mod wholes;

use std::collections::BTreeSet;
use std::sync::Arc;

use kube::core::DynamicObject;
use kube::core::SelectorExt;

pub use self::app_entry::{AppEntry, Delivery, PolicyDestination, PolicyEntry, WorkloadKey};
use self::applications::Applications;
pub use self::change::{Change, Turn};
pub use self::fleet_entry::{FlaggerPlugin, FleetEntry};
pub use self::rollout_entry::RolloutEntry;
use self::shared::Shared;
pub use self::sizes::Sizes;
pub use self::tenancy::Tenancy;
use self::wholes::Wholes;
use crate::installed::{self, InstalledCrd};
use crate::prune::Guard;
use crate::{Cluster, ClusterKey, ClusterKind, RenderedKind};

/// Namespace and name of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Namespace; empty for a cluster-scoped object.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectKey {
    /// The key of `name` in `namespace`.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// Who belongs to a Fleet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    /// Those that exist: the listed ones first, then those that the Fleet's
    /// own selector finds.
    pub clusters: Vec<Arc<Cluster>>,
    /// Listed ones that do not exist.
    pub missing: Vec<ClusterKey>,
}

/// An immutable snapshot of Fleets, clusters, namespaces, Applications and
/// Flux's CRDs, and how far tenants and accidents may reach; cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    fleets: Shared<ObjectKey, FleetEntry>,
    clusters: Shared<ClusterKey, Cluster>,
    applications: Applications,
    terminating: Arc<BTreeSet<String>>,
    crds: Shared<RenderedKind, InstalledCrd>,
    tenancy: Tenancy,
    guard: Guard,
    wholes: Wholes,
}

impl Catalog {
    /// The Fleet of that name in that namespace.
    #[must_use]
    pub fn fleet(&self, namespace: &str, name: &str) -> Option<&Arc<FleetEntry>> {
        self.fleets.get(&ObjectKey::new(namespace, name))
    }

    /// All Fleets, in the order of their keys.
    pub fn fleets(&self) -> impl Iterator<Item = &Arc<FleetEntry>> {
        self.fleets.values()
    }

    /// The names of a namespace's Fleets, in alphabetical order.
    pub fn fleet_names<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a str> {
        self.fleets.keys().filter(move |key| key.namespace == namespace).map(|key| key.name.as_str())
    }

    /// Whether any Fleet is known at all. `check` without one cannot say what
    /// a reference to a Fleet is worth.
    #[must_use]
    pub fn knows_fleets(&self) -> bool {
        !self.fleets.is_empty()
    }

    /// Whether any cluster is known at all.
    #[must_use]
    pub fn knows_clusters(&self) -> bool {
        !self.clusters.is_empty()
    }

    /// All clusters, in the order of their keys.
    pub fn clusters(&self) -> impl Iterator<Item = &Arc<Cluster>> {
        self.clusters.values()
    }

    /// The cluster of that key.
    #[must_use]
    pub fn cluster(&self, key: &ClusterKey) -> Option<&Arc<Cluster>> {
        self.clusters.get(key)
    }

    /// The names of a namespace's clusters of that kind, in alphabetical order.
    pub fn cluster_names<'a>(
        &'a self,
        namespace: &'a str,
        kind: ClusterKind,
    ) -> impl Iterator<Item = &'a str> {
        let of_kind = move |key: &&ClusterKey| key.namespace == namespace && key.kind == kind;
        self.clusters.keys().filter(of_kind).map(|key| key.name.as_str())
    }

    /// The clusters whose kubeconfig is in that Secret.
    pub fn clusters_with_secret<'a>(
        &'a self,
        secret: &'a ObjectKey,
    ) -> impl Iterator<Item = &'a Arc<Cluster>> {
        self.clusters.values().filter(|cluster| {
            let of = cluster.kubeconfig.as_ref().map(|kubeconfig| &kubeconfig.secret);
            cluster.key.namespace == secret.namespace && of == Some(&secret.name)
        })
    }

    /// Whether the namespace is being deleted.
    #[must_use]
    pub fn is_terminating(&self, namespace: &str) -> bool {
        self.terminating.contains(namespace)
    }

    /// The CRD of that kind on the host, if it is installed in the rendered version.
    #[must_use]
    pub fn installed_crd(&self, kind: RenderedKind) -> Option<&Arc<InstalledCrd>> {
        self.crds.get(&kind)
    }

    /// Who belongs to `fleet`.
    #[must_use]
    pub fn members(&self, fleet: &FleetEntry) -> Members {
        let mut members = Members::default();
        for key in &fleet.listed {
            match self.clusters.get(key) {
                Some(cluster) => members.clusters.push(Arc::clone(cluster)),
                None => members.missing.push(key.clone()),
            }
        }
        if let Some(selector) = &fleet.selector {
            let listed: BTreeSet<&ClusterKey> = fleet.listed.iter().collect();
            let selected = self.clusters.values().filter(|cluster| {
                cluster.key.namespace == fleet.key.namespace
                    && !listed.contains(&cluster.key)
                    && selector.matches(&cluster.labels)
            });
            members.clusters.extend(selected.cloned());
        }
        members
    }

    /// Whether both are the same snapshot, and not merely equal ones.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.fleets, &other.fleets)
            && Arc::ptr_eq(&self.clusters, &other.clusters)
            && self.applications.is_same(&other.applications)
            && Arc::ptr_eq(&self.terminating, &other.terminating)
            && Arc::ptr_eq(&self.crds, &other.crds)
    }

    /// Adds or replaces a Fleet; says what that changed.
    pub fn insert_fleet(&mut self, fleet: impl Into<FleetEntry>) -> Option<Change> {
        let entry = fleet.into();
        let turn = shared::insert(&mut self.fleets, entry.key.clone(), entry);
        self.wholes.forget(turn.map(Change::Fleet))
    }

    /// Takes a Fleet out; says what that changed.
    pub fn remove_fleet(&mut self, key: &ObjectKey) -> Option<Change> {
        let turn = shared::remove(&mut self.fleets, key);
        self.wholes.forget(turn.map(Change::Fleet))
    }

    /// Adds or replaces a cluster; says what that changed.
    pub fn insert_cluster(&mut self, cluster: Cluster) -> Option<Change> {
        let turn = shared::insert(&mut self.clusters, cluster.key.clone(), cluster);
        self.wholes.forget(turn.map(Change::Cluster))
    }

    /// Takes a cluster out; says what that changed.
    pub fn remove_cluster(&mut self, key: &ClusterKey) -> Option<Change> {
        let turn = shared::remove(&mut self.clusters, key);
        self.wholes.forget(turn.map(Change::Cluster))
    }

    /// Says whether a namespace is being deleted; returns what that changed.
    pub fn set_terminating(&mut self, namespace: &str, terminating: bool) -> Option<Change> {
        if terminating == self.terminating.contains(namespace) {
            return None;
        }
        let set = Arc::make_mut(&mut self.terminating);
        if terminating {
            set.insert(namespace.to_owned())
        } else {
            set.remove(namespace)
        };
        Some(Change::Namespace(namespace.to_owned()))
    }

    /// Takes up a CRD of the host, if it is of a kind that is rendered there;
    /// says what that changed. One that does not serve the rendered version
    /// (any more) counts as not installed.
    pub fn insert_crd(&mut self, crd: &DynamicObject) -> Option<Change> {
        let kind = installed::kind_of(crd).filter(|kind| matches!(kind, RenderedKind::Flux(_)))?;
        let Some(installed) = InstalledCrd::of(crd) else { return self.remove_crd(kind) };
        shared::insert(&mut self.crds, kind, installed).map(|_| Change::Crd(kind))
    }

    /// Takes the CRD of that kind out; says what that changed.
    pub fn remove_crd(&mut self, kind: RenderedKind) -> Option<Change> {
        shared::remove(&mut self.crds, &kind).map(|_| Change::Crd(kind))
    }

    /// Keeps only the Fleets for which `keep` holds, the end of a resync; says
    /// which went.
    pub fn retain_fleets(&mut self, keep: impl FnMut(&ObjectKey) -> bool) -> Vec<Change> {
        let going = shared::without(&self.fleets, keep);
        going.iter().filter_map(|key| self.remove_fleet(key)).collect()
    }

    /// Keeps only the clusters for which `keep` holds, the end of a resync;
    /// says which went.
    pub fn retain_clusters(&mut self, keep: impl FnMut(&ClusterKey) -> bool) -> Vec<Change> {
        let going = shared::without(&self.clusters, keep);
        going.iter().filter_map(|key| self.remove_cluster(key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FluxKind;
    use crate::test_fixtures::{Scenario, member_names};

    #[test]
    fn a_held_catalog_does_not_change() {
        let mut catalog = Scenario::new().fleet("quickstart", &["m1"]).catalog();
        let held = catalog.clone();
        catalog.remove_fleet(&ObjectKey::new("default", "quickstart"));
        assert!(held.fleet("default", "quickstart").is_some());
        assert!(catalog.fleet("default", "quickstart").is_none());
    }

    #[test]
    fn what_changes_nothing_is_no_change() {
        let catalog = Scenario::new().cluster("m1", &[]).catalog();
        let mut next = catalog.clone();
        assert_eq!(next.insert_cluster(crate::test_fixtures::cluster("m1", &[])), None);
        assert_eq!(next.remove_fleet(&ObjectKey::new("default", "none")), None);
        assert_eq!(next.set_terminating("default", false), None);
        assert!(next.is_same(&catalog));
        assert!(next.insert_cluster(crate::test_fixtures::cluster("m1", &[("env", "test")])).is_some());
        assert!(!next.is_same(&catalog));
    }

    #[test]
    fn members_are_listed_ones_that_exist_and_selected_ones_once() {
        let scenario = Scenario::new()
            .cluster("m1", &[("env", "test")])
            .cluster("m2", &[("env", "dev")])
            .cluster("m3", &[("env", "test")])
            .fleet_by_label("quickstart", &["m1", "gone"], &[("env", "test")]);
        let catalog = scenario.catalog();
        let fleet = catalog.fleet("default", "quickstart").expect("the fleet");
        let members = catalog.members(fleet);
        assert_eq!(member_names(&members.clusters), ["m1", "m3"]);
        assert_eq!(members.missing.len(), 1);
        assert_eq!(members.missing[0].name, "gone");
    }

    #[test]
    fn crds_come_and_go() {
        let kind = RenderedKind::Flux(FluxKind::Kustomization);
        let crd = |version, field| installed::tests::kustomizations(version, true, field);
        let mut catalog = Catalog::default();
        let before = catalog.clone();
        assert_eq!(catalog.insert_crd(&crd("v1", "path")), Some(Change::Crd(kind)));
        assert_eq!(catalog.insert_crd(&crd("v1", "path")), None);
        assert_eq!(catalog.insert_crd(&crd("v1", "prune")), Some(Change::Crd(kind)));
        assert!(catalog.installed_crd(kind).is_some() && !catalog.is_same(&before));
        assert_eq!(
            catalog.insert_crd(&crd("v2", "path")),
            Some(Change::Crd(kind)),
            "v1 is not served any more"
        );
        assert!(catalog.installed_crd(kind).is_none() && catalog.remove_crd(kind).is_none());

        let mut canaries = crd("v1beta1", "path");
        canaries.data["spec"]["group"] = RenderedKind::Canary.group().into();
        canaries.data["spec"]["names"]["kind"] = RenderedKind::Canary.kind().into();
        assert_eq!(catalog.insert_crd(&canaries), None, "canaries do not live on the host");
    }

    #[test]
    fn a_resync_drops_what_it_did_not_see() {
        let mut catalog = Scenario::new().fleet("a", &[]).fleet("b", &[]).catalog();
        assert_eq!(catalog.retain_fleets(|key| key.name == "b").len(), 1);
        assert_eq!(catalog.fleet_names("default").collect::<Vec<_>>(), ["b"]);
    }
}
