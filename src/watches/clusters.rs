//! How the events of clusters change the Catalog.

use std::collections::BTreeSet;

use fleetgate_api::AttachedCluster;
use fleetgate_plan::{Catalog, Change, Cluster, ClusterKey, ClusterKind};
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;

use super::Table;

#[derive(Debug, Default)]
pub(super) struct ClusterTable {
    listed: BTreeSet<ClusterKey>,
}

impl Table<DeserializeGuard<AttachedCluster>> for ClusterTable {
    fn apply(
        &mut self,
        catalog: &mut Catalog,
        event: Event<DeserializeGuard<AttachedCluster>>,
    ) -> Vec<Change> {
        match event {
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(cluster) => {
                self.listed.insert(attached_cluster_key(&cluster));
                insert_cluster(catalog, &cluster).into_iter().collect()
            }
            Event::InitDone => catalog
                .retain_clusters(|key| key.kind != ClusterKind::AttachedCluster || self.listed.contains(key)),
            Event::Apply(cluster) => insert_cluster(catalog, &cluster).into_iter().collect(),
            Event::Delete(cluster) => {
                catalog.remove_cluster(&attached_cluster_key(&cluster)).into_iter().collect()
            }
        }
    }
}

/// Puts a cluster into the Catalog; says what that changed.
pub(crate) fn insert_cluster(
    catalog: &mut Catalog,
    cluster: &DeserializeGuard<AttachedCluster>,
) -> Option<Change> {
    match &cluster.0 {
        Ok(cluster) => catalog.insert_cluster(Cluster::from(cluster)),
        Err(error) => {
            tracing::warn!(name = cluster.name_any(), %error, "an AttachedCluster cannot be read and is not used");
            let key = attached_cluster_key(cluster);
            // One that was read before stays as it was. Any other is known
            // without credentials: what it was delivered is not taken away.
            let unusable = Cluster { key, labels: cluster.labels().clone(), kubeconfig: None };
            if catalog.cluster(&unusable.key).is_some() { None } else { catalog.insert_cluster(unusable) }
        }
    }
}

fn attached_cluster_key(cluster: &impl ResourceExt) -> ClusterKey {
    ClusterKey {
        namespace: cluster.namespace().unwrap_or_default(),
        kind: ClusterKind::AttachedCluster,
        name: cluster.name_any(),
    }
}
