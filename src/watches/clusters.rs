//! How the events of clusters change the Catalog.

use std::collections::BTreeSet;

use fleetgate_api::AttachedCluster;
use fleetgate_plan::{Catalog, Change, Cluster, ClusterKey, ClusterKind, lets_go};
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;

use super::{Table, why};
use fleetgate_webhooks::rejudged;

/// The clusters of one kind.
#[derive(Debug)]
pub(super) struct ClusterTable {
    kind: ClusterKind,
    listed: BTreeSet<ClusterKey>,
}

impl ClusterTable {
    pub(super) const fn of(kind: ClusterKind) -> Self {
        Self { kind, listed: BTreeSet::new() }
    }

    /// They cannot be listed any more.
    pub(super) fn forget(&self, catalog: &mut Catalog) -> Vec<Change> {
        catalog.retain_clusters(|key| key.kind != self.kind)
    }

    fn take_up<K: ResourceExt>(
        &mut self,
        catalog: &mut Catalog,
        event: Event<K>,
        insert: impl Fn(&mut Catalog, &K) -> Option<Change>,
    ) -> Vec<Change> {
        match event {
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(cluster) => {
                self.listed.insert(key(self.kind, &cluster));
                insert(catalog, &cluster).into_iter().collect()
            }
            Event::InitDone => {
                catalog.retain_clusters(|key| key.kind != self.kind || self.listed.contains(key))
            }
            Event::Apply(cluster) => insert(catalog, &cluster).into_iter().collect(),
            Event::Delete(cluster) => catalog.remove_cluster(&key(self.kind, &cluster)).into_iter().collect(),
        }
    }
}

impl Table<DeserializeGuard<AttachedCluster>> for ClusterTable {
    fn apply(
        &mut self,
        catalog: &mut Catalog,
        event: Event<DeserializeGuard<AttachedCluster>>,
    ) -> Vec<Change> {
        self.take_up(catalog, event, insert_cluster)
    }
}

impl Table<DynamicObject> for ClusterTable {
    fn apply(&mut self, catalog: &mut Catalog, event: Event<DynamicObject>) -> Vec<Change> {
        let kind = self.kind;
        self.take_up(catalog, event, |catalog, object| {
            catalog.insert_cluster(Cluster::provisioned(kind, object))
        })
    }
}

/// Puts a cluster into the Catalog; says what that changed.
pub(crate) fn insert_cluster(
    catalog: &mut Catalog,
    cluster: &DeserializeGuard<AttachedCluster>,
) -> Option<Change> {
    match &cluster.0 {
        Ok(cluster) => catalog.insert_cluster(rejudged::cluster(cluster)),
        Err(error) => {
            tracing::warn!(
                namespace = cluster.namespace(),
                name = cluster.name_any(),
                error = why(error),
                "an AttachedCluster cannot be read and is not used"
            );
            let key = key(ClusterKind::AttachedCluster, cluster);
            // One that was read before stays as it was. Any other is known
            // without credentials: what it was delivered is not taken away.
            let (labels, lets_go) = (cluster.labels().clone(), lets_go(cluster));
            let unusable = Cluster { key, labels, kubeconfig: None, lets_go };
            if catalog.cluster(&unusable.key).is_some() { None } else { catalog.insert_cluster(unusable) }
        }
    }
}

fn key(kind: ClusterKind, cluster: &impl ResourceExt) -> ClusterKey {
    ClusterKey { namespace: cluster.namespace().unwrap_or_default(), kind, name: cluster.name_any() }
}
