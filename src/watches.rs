//! Watches → Catalog.
//!
//! One task per kind applies what its watch reports to the one Catalog, and
//! everyone who decides takes a snapshot of it. While a watch is broken or
//! resyncs, the last good state serves.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster, ClusterKey, ClusterKind, FluxKind, ObjectKey, RenderedKind};
use fleetgate_webhooks::router::Snapshots;
use futures::{Stream, StreamExt};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The watches that the Catalog is built from: three kinds, and one CRD each.
const WATCHES: usize = 3 + FluxKind::ALL.len();

/// The Catalog of a running program, kept up to date by watches.
#[derive(Clone, Debug)]
pub(crate) struct CatalogWatch {
    catalog: Arc<watch::Sender<Catalog>>,
    synced: Arc<watch::Sender<usize>>,
}

impl CatalogWatch {
    /// Starts the watches on `tasks`.
    pub(crate) fn start(client: &Client, tasks: &mut JoinSet<()>) -> Self {
        let this = Self { catalog: Arc::default(), synced: Arc::default() };
        let fleets = guarded::<Fleet>(client);
        let clusters = guarded::<AttachedCluster>(client);
        let namespaces = watcher::watcher(
            Api::<PartialObjectMeta<Namespace>>::all(client.clone()),
            watcher::Config::default(),
        );
        tasks.spawn(this.clone().follow("Fleets", fleets, FleetTable::default()));
        tasks.spawn(this.clone().follow("AttachedClusters", clusters, ClusterTable::default()));
        tasks.spawn(this.clone().follow("Namespaces", namespaces, NamespaceTable));
        for kind in FluxKind::ALL.map(RenderedKind::Flux) {
            let table = CrdTable { kind, listed: false };
            tasks.spawn(this.clone().follow(kind.plural(), crd(client, kind), table));
        }
        this
    }

    /// Waits until every watch has listed all there is.
    pub(crate) async fn synced(&self) {
        // The sender lives as long as `self` does.
        drop(self.synced.subscribe().wait_for(|synced| *synced >= WATCHES).await);
    }

    /// A receiver that is told of every change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Catalog> {
        self.catalog.subscribe()
    }

    async fn follow<K, S, T>(self, what: &'static str, events: S, mut table: T)
    where
        K: Debug,
        S: Stream<Item = Result<Event<K>, watcher::Error>>,
        T: Table<K>,
    {
        let mut events = pin!(events.default_backoff());
        let mut is_synced = false;
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    let done = matches!(event, Event::InitDone);
                    // Nobody is woken where nothing changed.
                    self.catalog.send_if_modified(|catalog| table.apply(catalog, event));
                    if done && !is_synced {
                        is_synced = true;
                        self.synced.send_modify(|synced| *synced += 1);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the watch of {what} is broken; the last good state serves");
                }
            }
        }
    }
}

impl Snapshots for CatalogWatch {
    fn current(&self) -> Catalog {
        self.catalog.borrow().clone()
    }

    async fn newer(&self, than: &Catalog, within: Duration) -> Option<Catalog> {
        let mut catalogs = self.catalog.subscribe();
        let newer = catalogs.wait_for(|catalog| !catalog.is_same(than));
        let newer = tokio::time::timeout(within, newer).await.ok()?.ok()?;
        Some(newer.clone())
    }
}

/// One object that cannot be decoded is skipped, and does not stall the watch.
fn guarded<K>(
    client: &Client,
) -> impl Stream<Item = Result<Event<DeserializeGuard<K>>, watcher::Error>> + use<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + 'static,
{
    watcher::watcher(Api::all(client.clone()), watcher::Config::default())
}

/// One CRD by its name: a cluster may have hundreds, and they are large.
fn crd(
    client: &Client,
    kind: RenderedKind,
) -> impl Stream<Item = Result<Event<DeserializeGuard<CustomResourceDefinition>>, watcher::Error>> + use<> {
    let only = watcher::Config::default().fields(&format!("metadata.name={}", kind.crd_name()));
    watcher::watcher(Api::all(client.clone()), only)
}

/// How one kind's events change the Catalog.
trait Table<K> {
    /// Says whether the event changed anything.
    fn apply(&mut self, catalog: &mut Catalog, event: Event<K>) -> bool;
}

#[derive(Debug, Default)]
struct FleetTable {
    listed: BTreeSet<ObjectKey>,
}

impl Table<DeserializeGuard<Fleet>> for FleetTable {
    fn apply(&mut self, catalog: &mut Catalog, event: Event<DeserializeGuard<Fleet>>) -> bool {
        let key = |fleet: &DeserializeGuard<Fleet>| {
            ObjectKey::new(fleet.namespace().unwrap_or_default(), fleet.name_any())
        };
        match event {
            Event::Init => {
                self.listed.clear();
                false
            }
            Event::InitApply(fleet) => {
                self.listed.insert(key(&fleet));
                insert_fleet(catalog, &fleet)
            }
            Event::InitDone => catalog.retain_fleets(|key| self.listed.contains(key)),
            Event::Apply(fleet) => insert_fleet(catalog, &fleet),
            Event::Delete(fleet) => catalog.remove_fleet(&key(&fleet)),
        }
    }
}

fn insert_fleet(catalog: &mut Catalog, fleet: &DeserializeGuard<Fleet>) -> bool {
    match &fleet.0 {
        Ok(fleet) => catalog.insert_fleet(fleet),
        Err(error) => {
            tracing::warn!(name = fleet.name_any(), %error, "a Fleet cannot be read and is passed over");
            false
        }
    }
}

#[derive(Debug, Default)]
struct ClusterTable {
    listed: BTreeSet<ClusterKey>,
}

impl Table<DeserializeGuard<AttachedCluster>> for ClusterTable {
    fn apply(&mut self, catalog: &mut Catalog, event: Event<DeserializeGuard<AttachedCluster>>) -> bool {
        match event {
            Event::Init => {
                self.listed.clear();
                false
            }
            Event::InitApply(cluster) => {
                self.listed.insert(attached_cluster_key(&cluster));
                insert_cluster(catalog, &cluster)
            }
            Event::InitDone => catalog
                .retain_clusters(|key| key.kind != ClusterKind::AttachedCluster || self.listed.contains(key)),
            Event::Apply(cluster) => insert_cluster(catalog, &cluster),
            Event::Delete(cluster) => catalog.remove_cluster(&attached_cluster_key(&cluster)),
        }
    }
}

fn insert_cluster(catalog: &mut Catalog, cluster: &DeserializeGuard<AttachedCluster>) -> bool {
    match &cluster.0 {
        Ok(cluster) => catalog.insert_cluster(Cluster::from(cluster)),
        Err(error) => {
            tracing::warn!(name = cluster.name_any(), %error, "an AttachedCluster cannot be read and is not used");
            let key = attached_cluster_key(cluster);
            // One that was read before stays as it was. Any other is known
            // without credentials: what it was delivered is not taken away.
            let unusable = Cluster { key, labels: cluster.labels().clone(), kubeconfig: None };
            catalog.cluster(&unusable.key).is_none() && catalog.insert_cluster(unusable)
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

/// Only namespaces on their way out are kept, and those come with an event
/// each, so that a resync has nothing to forget but what was deleted meanwhile.
#[derive(Debug)]
struct NamespaceTable;

impl Table<PartialObjectMeta<Namespace>> for NamespaceTable {
    fn apply(&mut self, catalog: &mut Catalog, event: Event<PartialObjectMeta<Namespace>>) -> bool {
        match event {
            Event::Init | Event::InitDone => false,
            Event::InitApply(namespace) | Event::Apply(namespace) => {
                catalog.set_terminating(&namespace.name_any(), namespace.meta().deletion_timestamp.is_some())
            }
            Event::Delete(namespace) => catalog.set_terminating(&namespace.name_any(), false),
        }
    }
}

/// The host's CRD of one kind of Flux, which judges what is rendered.
#[derive(Debug)]
struct CrdTable {
    kind: RenderedKind,
    listed: bool,
}

impl Table<DeserializeGuard<CustomResourceDefinition>> for CrdTable {
    fn apply(
        &mut self,
        catalog: &mut Catalog,
        event: Event<DeserializeGuard<CustomResourceDefinition>>,
    ) -> bool {
        match event {
            Event::Init => {
                self.listed = false;
                false
            }
            Event::InitApply(crd) => {
                self.listed = true;
                insert_crd(catalog, self.kind, &crd)
            }
            Event::InitDone => !self.listed && catalog.remove_crd(self.kind),
            Event::Apply(crd) => insert_crd(catalog, self.kind, &crd),
            Event::Delete(_) => catalog.remove_crd(self.kind),
        }
    }
}

fn insert_crd(
    catalog: &mut Catalog,
    kind: RenderedKind,
    crd: &DeserializeGuard<CustomResourceDefinition>,
) -> bool {
    match &crd.0 {
        Ok(crd) => catalog.insert_crd(crd),
        Err(error) => {
            tracing::warn!(name = crd.name_any(), %error, "a CRD cannot be read; the bundled schema judges");
            catalog.remove_crd(kind)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn crd(version: &str) -> DeserializeGuard<CustomResourceDefinition> {
        let kind = RenderedKind::Flux(FluxKind::Bucket);
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": kind.crd_name()},
            "spec": {
                "group": kind.group(), "scope": "Namespaced",
                "names": {"kind": kind.kind(), "plural": kind.plural()},
                "versions": [{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
            },
        });
        serde_json::from_value(crd).expect("a CRD")
    }

    #[test]
    fn a_crd_is_known_for_as_long_as_it_is_installed() {
        let kind = RenderedKind::Flux(FluxKind::Bucket);
        let mut catalog = Catalog::default();
        let mut table = CrdTable { kind, listed: false };
        let unreadable = serde_json::from_value(json!({"metadata": {"name": kind.crd_name()}, "spec": 5}));
        let steps = [
            (Event::Init, false),
            (Event::InitApply(crd("v1")), true),
            (Event::InitDone, true),
            (Event::Apply(crd("v2")), false),
            (Event::Apply(crd("v1")), true),
            (Event::Apply(unreadable.expect("a guarded CRD")), false),
            (Event::Apply(crd("v1")), true),
            (Event::Delete(crd("v1")), false),
            (Event::Apply(crd("v1")), true),
            // It was deleted while nobody watched.
            (Event::Init, true),
            (Event::InitDone, false),
        ];
        for (index, (event, known)) in steps.into_iter().enumerate() {
            table.apply(&mut catalog, event);
            assert_eq!(catalog.installed_crd(kind).is_some(), known, "step {index}");
        }
    }
}
