//! What has to be done so that what is needed stays, and what is not may go:
//! decided on what is known at one moment. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fleetgate_api::names::FINALIZER_IN_USE;
use fleetgate_api::{AttachedCluster, ConditionReason, FINALIZER_FLEET};
use fleetgate_plan::usage::{self, Place};
use fleetgate_plan::{Catalog, Cluster, ClusterKey, ClusterKind, ObjectKey, Purpose, lets_go, names};
use kube::{Resource, ResourceExt};

use super::{GuardedCluster, GuardedFleet};
use crate::controllers::application::children::{Child, Children, SecretKey};
use crate::controllers::application::leaving::let_go_of;
use crate::controllers::application::summary::listed;
use crate::controllers::conditions::Summary;
use crate::controllers::finalizers;
use crate::controllers::secrets::SecretMeta;
use crate::controllers::version::Version;

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Pass {
    pub(super) fleets: Vec<(Arc<GuardedFleet>, Step)>,
    pub(super) clusters: Vec<(Arc<GuardedCluster>, Option<Place>, Step)>,
    /// Secrets that the API server has without the finalizer, as of that version.
    pub(super) lost: Vec<(SecretKey, Version)>,
    /// Secrets that children name, and that lack the finalizer.
    pub(super) hold: Vec<SecretKey>,
    /// Secrets that nobody seems to need.
    pub(super) release: Vec<SecretKey>,
    /// Children of clusters that let go of what was delivered.
    pub(super) let_go: Vec<Arc<Child>>,
}

/// What is to be done with an object's finalizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Add,
    /// Once the API server says that it is not needed, too.
    Remove,
    /// It is being deleted, and needed for what is said.
    Wait(Summary),
}

impl Pass {
    /// Decides on what there is of our kinds, of children, and of Secrets.
    pub(super) fn of(
        catalog: &Catalog,
        children: &Children,
        fleets: &[Arc<GuardedFleet>],
        clusters: &[Arc<GuardedCluster>],
        secrets: &[Arc<SecretMeta>],
    ) -> Self {
        let mut pass = Self::default();
        for object in fleets {
            let key = ObjectKey::new(object.namespace().unwrap_or_default(), object.name_any());
            let users = || usage::of_fleet(&key.namespace, &key.name, catalog);
            let names = || users().map(|entry| entry.key.name.clone()).collect::<Vec<_>>();
            let is_needed = users().next().is_some();
            let step = step(&**object, FINALIZER_FLEET, is_needed, || why_fleet(&names()));
            pass.fleets.extend(step.map(|step| (Arc::clone(object), step)));
        }
        for object in clusters {
            pass.decide_on_cluster(object, catalog, children);
        }
        pass.decide_on_secrets(secrets, catalog, children);
        pass
    }

    fn decide_on_cluster(&mut self, object: &Arc<GuardedCluster>, catalog: &Catalog, children: &Children) {
        let Ok(cluster) = &object.0 else {
            self.decide_on_unreadable(object, catalog, children);
            return;
        };
        let is_delivered_to = is_delivered_to(cluster, catalog);
        let is_going = cluster.metadata.deletion_timestamp.is_some();
        if is_delivered_to && !is_going {
            // Of very many clusters most are these, and nothing more need be known of them.
            let step = (!finalizers::has(cluster, FINALIZER_IN_USE)).then_some(Step::Add);
            self.clusters.extend(step.map(|step| (Arc::clone(object), None, step)));
            return;
        }
        let place = Place::of(cluster, catalog);
        let left = place.as_ref().map(|place| among(children, place)).unwrap_or_default();
        let is_needed = is_delivered_to || !left.is_empty();
        let step = step(cluster, FINALIZER_IN_USE, is_needed, || why_cluster(cluster, &left, catalog));
        self.clusters.extend(step.map(|step| (Arc::clone(object), place, step)));
        if is_let_go(cluster, catalog) {
            let is_held = |child: &Arc<Child>| !(child.facts.is_going && child.facts.state.suspended);
            self.let_go.extend(left.into_iter().filter(is_held));
        }
    }

    /// Of one that cannot be read nobody knows the Secret: names tell what was
    /// delivered to it. It is let go when it is to go, and nothing else.
    fn decide_on_unreadable(&mut self, object: &Arc<GuardedCluster>, catalog: &Catalog, children: &Children) {
        if object.meta().deletion_timestamp.is_none() || !finalizers::has(&**object, FINALIZER_IN_USE) {
            return;
        }
        let known = catalog.cluster(&key(object)).filter(|_| !lets_go(&**object));
        let is_delivered_to = known.is_some_and(|known| usage::is_cluster_used(known, catalog));
        let secrets = children.secrets();
        let mut named = secrets.iter().flat_map(|secret| children.naming(secret));
        if !is_delivered_to && !named.any(|child| is_named_for(object, &child)) {
            self.clusters.push((Arc::clone(object), None, Step::Remove));
        }
    }

    fn decide_on_secrets(&mut self, secrets: &[Arc<SecretMeta>], catalog: &Catalog, children: &Children) {
        let mut of_secret: BTreeMap<SecretKey, Vec<&Cluster>> = BTreeMap::new();
        for cluster in catalog.clusters() {
            let secret = cluster.kubeconfig.as_ref().map(|kubeconfig| kubeconfig.secret.as_str());
            let key = secret.map(|secret| (cluster.key.namespace.as_str().into(), secret.into()));
            if let Some(key) = key {
                of_secret.entry(key).or_default().push(cluster);
            }
        }
        let is_used = |key: &SecretKey| {
            let mut clusters = of_secret.get(key).into_iter().flatten();
            clusters.any(|cluster| usage::is_cluster_used(cluster, catalog))
        };
        let mut named: BTreeSet<SecretKey> = children.secrets();
        for secret in secrets {
            let key: SecretKey = (secret.namespace().unwrap_or_default().into(), secret.name_any().into());
            let is_named = named.contains(&key);
            if finalizers::has(&**secret, FINALIZER_IN_USE) {
                named.remove(&key);
                if !is_named && !is_used(&key) {
                    self.release.push(key);
                }
            } else {
                // Nobody may begin to keep what is on its way out.
                if secret.meta().deletion_timestamp.is_some() {
                    named.remove(&key);
                }
                let version = Version::new(&secret.resource_version().unwrap_or_default());
                self.lost.push((key, version));
            }
        }
        self.hold.extend(named);
    }
}

/// What to do with the finalizer of an object, which it has while it is needed.
fn step(
    object: &impl Resource,
    finalizer: &str,
    is_needed: bool,
    why: impl FnOnce() -> Summary,
) -> Option<Step> {
    let is_going = object.meta().deletion_timestamp.is_some();
    match (finalizers::has(object, finalizer), is_needed) {
        // Nobody may begin to keep what is on its way out.
        (false, true) if !is_going => Some(Step::Add),
        (true, false) => Some(Step::Remove),
        (true, true) if is_going => Some(Step::Wait(why())),
        _ => None,
    }
}

/// What is there of the cluster's children.
fn among(children: &Children, place: &Place) -> Vec<Arc<Child>> {
    let mut all = children.naming(&(place.namespace.as_str().into(), place.secret.as_str().into()));
    all.retain(|child| is_at(place, child));
    all
}

/// Whether the child was made for the cluster.
pub(super) fn is_at(place: &Place, child: &Child) -> bool {
    place.has(&child.name, child.purpose(), child.facts.secret.as_deref())
}

/// Whether the child was made for the cluster, as far as its name tells.
pub(super) fn is_named_for(object: &GuardedCluster, child: &Child) -> bool {
    let Purpose::Policy { name: policy, .. } = child.purpose() else { return false };
    let key = key(object);
    *child.namespace == *key.namespace && names::is_child_of(&child.name, policy, &key)
}

fn key(object: &GuardedCluster) -> ClusterKey {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    ClusterKey { namespace, kind: ClusterKind::AttachedCluster, name }
}

/// Whether the cluster is to let go, and everybody knows: who did not would make
/// again what goes.
fn is_let_go(cluster: &AttachedCluster, catalog: &Catalog) -> bool {
    let known = catalog.cluster(&Cluster::from(cluster).key);
    lets_go(cluster) && known.is_none_or(|known| known.kubeconfig.is_none())
}

fn is_delivered_to(cluster: &AttachedCluster, catalog: &Catalog) -> bool {
    !lets_go(cluster) && usage::is_cluster_used(&Cluster::from(cluster), catalog)
}

/// Why a Fleet that is being deleted is still there.
pub(super) fn why_fleet(users: &[String]) -> Summary {
    let message = format!(
        "is being deleted, and stays while Applications deliver to it: {}; delete them, or give them another destination",
        listed(users)
    );
    Summary::new(ConditionReason::InUse, message)
}

/// Why a cluster that is being deleted is still there.
fn why_cluster(cluster: &AttachedCluster, left: &[Arc<Child>], catalog: &Catalog) -> Summary {
    if is_delivered_to(cluster, catalog) {
        let known = Cluster::from(cluster);
        let uses = usage::of_cluster(&known, catalog);
        let uses =
            uses.iter().map(|usage| format!("{} (by Fleet {})", usage.applications.join(", "), usage.fleet));
        let uses: Vec<String> = uses.collect();
        let message = format!(
            "is being deleted, and stays while Applications deliver to it: {}; take it out of the Fleet, or delete the Applications",
            listed(&uses)
        );
        return Summary::new(ConditionReason::InUse, message);
    }
    let mut left: Vec<String> =
        left.iter().map(|child| format!("{} {}", child.kind.kind(), child.name)).collect();
    left.sort();
    let message = format!(
        "is needed to take away what was delivered: {}; if it is gone for good: {}",
        listed(&left),
        let_go_of(
            &ClusterKind::AttachedCluster.crd_name(),
            &cluster.name_any(),
            &cluster.namespace().unwrap_or_default()
        ),
    );
    Summary::new(ConditionReason::Deleting, message)
}

#[cfg(test)]
mod tests;
