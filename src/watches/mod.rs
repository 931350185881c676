//! Watches → Catalog.
//!
//! One task per kind applies what its watch reports to the one Catalog, and
//! everyone who decides takes a snapshot of it. While a watch is broken or
//! resyncs, the last good state serves.

mod clusters;
mod crds;
mod events;
mod health;
mod healths;
mod listeners;
mod provisioned;
mod tables;
mod unreadable;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetgate_api::{Application, AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Change, ClusterKind, FluxKind, ObjectKey, RenderedKind};
use fleetgate_webhooks::router::Snapshots;
use futures::{Stream, StreamExt};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time;
use tokio_stream::wrappers::UnboundedReceiverStream;

use self::clusters::ClusterTable;
pub(crate) use self::clusters::insert_cluster;
use self::crds::CrdTable;
pub(crate) use self::crds::api as crds;
pub(crate) use self::events::{events, is_not_found};
use self::health::Decoded;
pub(crate) use self::health::Health;
pub(crate) use self::healths::Healths;
pub(crate) use self::listeners::Listeners;
use self::tables::{ApplicationTable, FleetTable, NamespaceTable};
pub(crate) use self::tables::{insert_application, insert_fleet};
pub(crate) use self::unreadable::why;
use crate::client::Clients;

/// How long what is not listed is waited for before it is named, and before reviews do without what they can.
const PATIENCE: Duration = Duration::from_secs(30);

/// The Catalog of a running program, kept up to date by watches.
#[derive(Clone, Debug, Default)]
pub(crate) struct CatalogWatch {
    catalog: Arc<watch::Sender<Catalog>>,
    /// Who is told of every change. They get names and no snapshots: a Catalog
    /// that is held is copied at the next change.
    applications: Listeners,
    fleets: Listeners,
    health: Health,
    /// What has not been listed yet.
    unlisted: Arc<watch::Sender<BTreeSet<String>>>,
}

impl CatalogWatch {
    /// Starts the watches on `tasks`, which fill the `empty` Catalog. Each has a client of its own, so that
    /// none that works hides another of its kind.
    pub(crate) fn start(clients: &Clients, empty: Catalog, tasks: &mut JoinSet<()>) -> Self {
        let this = Self::default();
        this.catalog.send_modify(|catalog| *catalog = empty);
        let fleets = guarded::<Fleet>(clients);
        let clusters = guarded::<AttachedCluster>(clients);
        let applications = guarded::<Application>(clients);
        let namespaces = Api::<PartialObjectMeta<Namespace>>::all(clients.client());
        let namespaces = events(namespaces, watcher::Config::default());
        this.spawn("Fleets", fleets, FleetTable::default(), tasks);
        this.spawn("AttachedClusters", clusters, ClusterTable::of(ClusterKind::AttachedCluster), tasks);
        this.spawn("Applications", applications, ApplicationTable::default(), tasks);
        this.spawn("Namespaces", namespaces, NamespaceTable, tasks);
        for kind in FluxKind::ALL {
            let name = RenderedKind::Flux(kind).crd_name();
            this.spawn(&name, crds::events(&clients.client(), &name), CrdTable::of(kind), tasks);
        }
        for kind in ClusterKind::PROVISIONED {
            this.expect(&kind.crd_name());
            tasks.spawn(this.clone().follow_provisioned(kind, clients.clone()));
        }
        this
    }

    /// Whether every watch has listed all there is.
    pub(crate) fn is_synced(&self) -> bool {
        self.unlisted.borrow().is_empty()
    }

    /// Waits until every watch has listed all there is. One that cannot, since
    /// the rights for it are missing for example, is named.
    pub(crate) async fn synced(&self) {
        self.waits_until(BTreeSet::is_empty).await;
    }

    /// Waits until reviews can be answered. Whether clusters that others provision can be listed is up to the owner of
    /// their CRD, whose conversion webhook may be gone: they are waited for only so long. To a review, one that is not
    /// known is one that is still to come.
    pub(crate) async fn suffices(&self) {
        let start = time::Instant::now();
        let provisioned = ClusterKind::PROVISIONED.map(ClusterKind::crd_name);
        let suffices = |unlisted: &BTreeSet<String>| {
            unlisted.is_empty()
                || start.elapsed() >= PATIENCE && unlisted.iter().all(|what| provisioned.contains(what))
        };
        self.waits_until(suffices).await;
        if !self.is_synced() {
            let names = self.unlisted_names();
            tracing::warn!("{names} cannot be listed: reviews do without, and deliveries wait for it");
        }
    }

    async fn waits_until(&self, suffices: impl Fn(&BTreeSet<String>) -> bool) {
        let mut unlisted = self.unlisted.subscribe();
        // The sender lives as long as `self` does.
        while time::timeout(PATIENCE, unlisted.wait_for(&suffices)).await.is_err() {
            tracing::warn!("waiting for {} to be listed", self.unlisted_names());
        }
    }

    fn unlisted_names(&self) -> String {
        self.unlisted.borrow().iter().cloned().collect::<Vec<_>>().join(", ")
    }

    /// How the watches fare.
    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    /// The Applications that changes from now on concern.
    pub(crate) fn applications_concerned(&self) -> UnboundedReceiverStream<ObjectKey> {
        self.applications.listen()
    }

    /// Is told of every change from now on. What it has borrowed nobody can change.
    pub(crate) fn changes(&self) -> watch::Receiver<Catalog> {
        self.catalog.subscribe()
    }

    /// The Fleets that changes from now on concern.
    pub(crate) fn fleets_concerned(&self) -> UnboundedReceiverStream<ObjectKey> {
        self.fleets.listen()
    }

    fn spawn<K, S, T>(&self, what: &str, events: S, table: T, tasks: &mut JoinSet<()>)
    where
        K: Decoded + Debug + Send + 'static,
        S: Stream<Item = Result<Event<K>, watcher::Error>> + Send + 'static,
        T: Table<K> + Send + 'static,
    {
        self.expect(what);
        self.health.begun(what, Instant::now());
        tasks.spawn(self.clone().follow(what.to_owned(), events, table));
    }

    async fn follow<K, S, T>(self, what: String, events: S, mut table: T)
    where
        K: Decoded + Debug,
        S: Stream<Item = Result<Event<K>, watcher::Error>>,
        T: Table<K>,
    {
        let mut events = pin!(events);
        while let Some(event) = events.next().await {
            self.receive(&what, event, &mut table);
        }
    }

    fn receive<K: Decoded>(
        &self,
        what: &str,
        event: Result<Event<K>, watcher::Error>,
        table: &mut impl Table<K>,
    ) {
        self.health.heard(what, &event, Instant::now());
        if let Ok(event) = event {
            let is_listed = matches!(event, Event::InitDone);
            self.change(|catalog| table.apply(catalog, event));
            self.is_listed(what, is_listed);
        }
    }

    /// Nobody is woken where nothing changed.
    fn change(&self, change: impl FnOnce(&mut Catalog) -> Vec<Change>) {
        self.catalog.send_if_modified(|catalog| {
            let changes = change(catalog);
            for change in &changes {
                self.applications.tell(|| catalog.applications_concerned(change));
                self.fleets.tell(|| catalog.fleets_concerned(change));
            }
            !changes.is_empty()
        });
    }

    fn expect(&self, what: &str) {
        self.unlisted.send_if_modified(|unlisted| unlisted.insert(what.to_owned()));
    }

    fn is_listed(&self, what: &str, is_listed: bool) {
        self.unlisted.send_if_modified(|unlisted| is_listed && unlisted.remove(what));
    }
}

impl Snapshots for CatalogWatch {
    fn current(&self) -> Catalog {
        self.catalog.borrow().clone()
    }

    async fn newer(&self, than: &Catalog, within: Duration) -> Option<Catalog> {
        let mut catalogs = self.catalog.subscribe();
        let newer = catalogs.wait_for(|catalog| !catalog.is_same(than));
        let newer = time::timeout(within, newer).await.ok()?.ok()?;
        Some(newer.clone())
    }
}

/// How many objects are listed at once. Each may be of a megabyte and a half, and is read several times over before
/// its entry of some hundred bytes is all that is left.
const PAGE: u32 = 50;

/// One object that cannot be decoded is skipped, and does not stall the watch.
fn guarded<K>(
    clients: &Clients,
) -> impl Stream<Item = Result<Event<DeserializeGuard<K>>, watcher::Error>> + use<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + 'static,
{
    let pages = watcher::Config::default().page_size(PAGE);
    events(Api::all(clients.client()), pages)
}

/// How one kind's events change the Catalog.
trait Table<K> {
    /// Says what the event changed.
    fn apply(&mut self, catalog: &mut Catalog, event: Event<K>) -> Vec<Change>;
}

#[cfg(test)]
mod tests;
