//! Watches → Catalog.
//!
//! One task per kind applies what its watch reports to the one Catalog, and
//! everyone who decides takes a snapshot of it. While a watch is broken or
//! resyncs, the last good state serves.

mod clusters;
mod crds;
mod tables;

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fleetgate_api::{Application, AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, FluxKind, RenderedKind, Tenancy};
use fleetgate_webhooks::router::Snapshots;
use futures::{Stream, StreamExt};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::clusters::ClusterTable;
pub(crate) use self::clusters::insert_cluster;
use self::crds::CrdTable;
use self::tables::{ApplicationTable, FleetTable, NamespaceTable};
pub(crate) use self::tables::{insert_application, insert_fleet};

/// The watches that the Catalog is built from: four kinds, and one CRD each.
const WATCHES: usize = 4 + FluxKind::ALL.len();

/// The Catalog of a running program, kept up to date by watches.
#[derive(Clone, Debug, Default)]
pub(crate) struct CatalogWatch {
    catalog: Arc<watch::Sender<Catalog>>,
    /// Touched when a destination may mean something else. A channel of its own:
    /// who compared snapshots would have to hold one, and a Catalog that is held
    /// is copied at every change.
    destinations: Arc<watch::Sender<()>>,
    synced: Arc<watch::Sender<usize>>,
}

impl CatalogWatch {
    /// Starts the watches on `tasks`, where tenants may reach as far as that.
    pub(crate) fn start(client: &Client, tenancy: Tenancy, tasks: &mut JoinSet<()>) -> Self {
        let this = Self::default();
        this.catalog.send_modify(|catalog| *catalog = Catalog::default().with_tenancy(tenancy));
        let fleets = guarded::<Fleet>(client);
        let clusters = guarded::<AttachedCluster>(client);
        let applications = guarded::<Application>(client);
        let namespaces = watcher::watcher(
            Api::<PartialObjectMeta<Namespace>>::all(client.clone()),
            watcher::Config::default(),
        );
        tasks.spawn(this.clone().follow("Fleets", fleets, FleetTable::default()));
        tasks.spawn(this.clone().follow("AttachedClusters", clusters, ClusterTable::default()));
        tasks.spawn(this.clone().follow("Applications", applications, ApplicationTable::default()));
        tasks.spawn(this.clone().follow("Namespaces", namespaces, NamespaceTable));
        for kind in FluxKind::ALL.map(RenderedKind::Flux) {
            tasks.spawn(this.clone().follow(kind.plural(), crds::events(client, kind), CrdTable::of(kind)));
        }
        this
    }

    /// Waits until every watch has listed all there is.
    pub(crate) async fn synced(&self) {
        // The sender lives as long as `self` does.
        drop(self.synced.subscribe().wait_for(|synced| *synced >= WATCHES).await);
    }

    /// A receiver that is told of every change after which a destination may
    /// mean something else. Applications are none: each write to one, of a
    /// status too, would have all of them reconciled.
    pub(crate) fn destination_changes(&self) -> watch::Receiver<()> {
        self.destinations.subscribe()
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
                    let changed = self.catalog.send_if_modified(|catalog| table.apply(catalog, event));
                    if changed && T::CHANGES_DESTINATIONS {
                        self.destinations.send_replace(());
                    }
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

/// How one kind's events change the Catalog.
trait Table<K> {
    /// Whether a destination may mean something else after a change.
    const CHANGES_DESTINATIONS: bool = true;

    /// Says whether the event changed anything.
    fn apply(&mut self, catalog: &mut Catalog, event: Event<K>) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use serde_json::{Value, json};

    fn guarded<K: DeserializeOwned + Resource>(object: Value) -> DeserializeGuard<K> {
        serde_json::from_value(object).expect("an object")
    }

    fn application(fleet: &str, ready: &str) -> DeserializeGuard<Application> {
        guarded(json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "default"},
            "spec": {"source": {}, "destination": {"fleet": fleet}, "syncPolicies": [{}]},
            "status": {"ready": ready},
        }))
    }

    fn fleet() -> DeserializeGuard<Fleet> {
        guarded(json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
            "metadata": {"name": "quickstart", "namespace": "default"}, "spec": {},
        }))
    }

    async fn feed<K: Debug, T: Table<K>>(watch: &CatalogWatch, table: T, events: Vec<Event<K>>) {
        watch.clone().follow("objects", stream::iter(events.into_iter().map(Ok)), table).await;
    }

    #[tokio::test]
    async fn applications_are_indexed_and_trigger_nothing() {
        let watch = CatalogWatch::default();
        let (mut triggers, mut changes) = (watch.destination_changes(), watch.catalog.subscribe());
        let listed = vec![Event::Init, Event::InitApply(application("a", "0/1")), Event::InitDone];
        feed(&watch, ApplicationTable::default(), listed).await;
        assert!(watch.current().application("default", "shop").is_some());
        assert!(changes.has_changed().expect("a sender"));
        changes.mark_unchanged();

        feed(&watch, ApplicationTable::default(), vec![Event::Apply(application("a", "1/1"))]).await;
        assert!(!changes.has_changed().expect("a sender"), "a status is no change");
        feed(&watch, ApplicationTable::default(), vec![Event::Apply(application("b", "1/1"))]).await;
        assert!(changes.has_changed().expect("a sender"));
        assert!(!triggers.has_changed().expect("a sender"), "no destination means anything else");

        feed(&watch, FleetTable::default(), vec![Event::Apply(fleet())]).await;
        assert!(triggers.has_changed().expect("a sender"));
        triggers.mark_unchanged();
        feed(&watch, FleetTable::default(), vec![Event::Apply(fleet())]).await;
        assert!(!triggers.has_changed().expect("a sender"), "the same Fleet again is no change");

        feed(&watch, ApplicationTable::default(), vec![Event::Init, Event::InitDone]).await;
        assert!(watch.current().application("default", "shop").is_none(), "a resync forgets");
    }

    #[tokio::test]
    async fn an_application_that_cannot_be_read_stays_as_it_was() {
        let watch = CatalogWatch::default();
        let broken = guarded(json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "default"}, "spec": 5,
        }));
        let events = vec![Event::Apply(application("a", "0/1")), Event::Apply(broken)];
        feed(&watch, ApplicationTable::default(), events).await;
        let catalog = watch.current();
        assert_eq!(catalog.applications_of_fleet("default", "a").count(), 1);
        feed(&watch, ApplicationTable::default(), vec![Event::Delete(application("a", ""))]).await;
        assert_eq!(watch.current().applications("default").count(), 0);
    }
}
