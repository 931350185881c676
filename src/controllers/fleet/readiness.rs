//! Which clusters are ready: an AttachedCluster by its own status, one that
//! others provision as soon as they have put its kubeconfig into a Secret.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use fleetgate_api::AttachedCluster;
use fleetgate_plan::{Catalog, Change, Cluster, ClusterKey, ClusterKind, ObjectKey, Turn};
use fleetgate_webhooks::router::Snapshots;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{PredicateConfig, WatchStreamExt, reflector, watcher};
use kube::{Client, ResourceExt};

use crate::controllers::Scope;
use crate::controllers::secrets::Secrets;
use crate::watches::{CatalogWatch, Health, events};

type Guarded = DeserializeGuard<AttachedCluster>;

/// Secrets that are asked for at the same time.
const CONCURRENCY: usize = 8;

pub(super) struct Readiness {
    attached: Store<Guarded>,
    secrets: Secrets,
}

impl Readiness {
    /// Watches the clusters; the stream has the Fleets of those that may have
    /// become ready, or not ready.
    pub(super) fn watch(
        client: &Client,
        scope: &Scope,
        secrets: Secrets,
        catalog: &CatalogWatch,
        health: &Health,
    ) -> (Self, impl Stream<Item = ObjectKey> + use<>) {
        let (attached, writer) = reflector::store();
        let events = events(scope.api::<Guarded>(client), watcher::Config::default());
        let events = health.noting("AttachedClusters of Fleets", events).reflect(writer).applied_objects();
        let turned = |cluster: &Guarded| Some(answers(cluster).into());
        let turned = events.predicate_filter(turned, PredicateConfig::default());
        let turned = turned.filter_map(|cluster| std::future::ready(cluster.ok()));
        let catalogs = catalog.clone();
        let of_attached = turned.flat_map(move |cluster| {
            let catalog = catalogs.current();
            stream::iter(
                catalog.cluster(&key(&cluster)).map(|cluster| fleets(&catalog, cluster)).unwrap_or_default(),
            )
        });
        let catalogs = catalog.clone();
        let of_provisioned = secrets.changes().flat_map(move |secret| {
            let catalog = catalogs.current();
            let clusters = catalog.clusters_with_secret(&secret);
            let provisioned = clusters.filter(|cluster| Self::is_by_secret(cluster));
            let fleets: BTreeSet<ObjectKey> =
                provisioned.flat_map(|cluster| fleets(&catalog, cluster)).collect();
            stream::iter(fleets)
        });
        (Self { attached, secrets }, stream::select(of_attached, of_provisioned))
    }

    /// Those of `members` that are not ready.
    pub(super) async fn not_ready(&self, members: Vec<Arc<Cluster>>) -> anyhow::Result<Vec<Arc<Cluster>>> {
        // Before the clusters are listed none would be ready, and a restart would say so of every Fleet.
        self.attached.wait_until_ready().await.context("the watch of AttachedClusters has ended")?;
        let looked = stream::iter(members).map(|member| self.unready(member)).buffered(CONCURRENCY);
        looked.try_filter_map(|member| std::future::ready(Ok(member))).try_collect().await
    }

    /// Whether its Secret alone says so.
    pub(super) fn is_by_secret(cluster: &Cluster) -> bool {
        cluster.key.kind != ClusterKind::AttachedCluster
    }

    async fn unready(&self, member: Arc<Cluster>) -> anyhow::Result<Option<Arc<Cluster>>> {
        let is_ready = self.is_ready(&member).await?;
        Ok((!is_ready).then_some(member))
    }

    async fn is_ready(&self, member: &Cluster) -> anyhow::Result<bool> {
        let ClusterKey { namespace, name, .. } = &member.key;
        let Some(kubeconfig) = &member.kubeconfig else { return Ok(false) };
        if Self::is_by_secret(member) {
            let secret = ObjectKey::new(namespace.as_str(), kubeconfig.secret.as_str());
            let exists = self.secrets.exists(&secret).await;
            return exists.with_context(|| format!("Secret {} cannot be looked for", secret.name));
        }
        let object = self.attached.get(&ObjectRef::new(name).within(namespace));
        Ok(object.is_some_and(|object| answers(&object)))
    }
}

fn answers(cluster: &Guarded) -> bool {
    let status = cluster.0.as_ref().ok().and_then(|cluster| cluster.status.as_ref());
    status.is_some_and(|status| status.ready == Some(true))
}

fn key(cluster: &Guarded) -> ClusterKey {
    ClusterKey {
        namespace: cluster.namespace().unwrap_or_default(),
        kind: ClusterKind::AttachedCluster,
        name: cluster.name_any(),
    }
}

/// The Fleets that have the cluster.
fn fleets(catalog: &Catalog, cluster: &Arc<Cluster>) -> BTreeSet<ObjectKey> {
    let same = || Some(Arc::clone(cluster));
    catalog.fleets_concerned(&Change::Cluster(Turn { before: same(), after: same() }))
}
