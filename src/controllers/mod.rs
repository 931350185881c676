//! The controllers: what was admitted becomes Flux objects, and what became of
//! those becomes status.
//!
//! **Invariant**: controllers decide nothing by themselves. They take a
//! snapshot of the Catalog, ask the same functions that admission asked, and
//! write the difference; one writer per kind of object.

mod application;
mod attached_cluster;
mod backoff;
mod conditions;
mod events;
mod finalizers;
mod fleet;
mod gone;
mod kubeconfig;
mod scope;
mod secrets;
mod turns;
mod version;
mod write_status;

use std::time::Duration;

use fleetgate_plan::ObjectKey;
use kube::runtime::reflector::ObjectRef;
use kube::{Client, Resource};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use self::scope::Scope;
use self::secrets::Secrets;
use self::turns::patience;
use self::write_status::Statuses;
use crate::cli::ControllerOptions;
use crate::client::Clients;
use crate::metrics::Metrics;
use crate::watches::{CatalogWatch, Health};

/// How long a reconcile that is under way may take once the program is to stop.
const GRACE: Duration = Duration::from_secs(5);

/// What every controller is given. One set of them runs for each scope.
#[derive(Clone)]
pub(crate) struct Setup {
    client: Client,
    statuses: Statuses,
    catalog: CatalogWatch,
    metrics: Metrics,
    /// Of the watches.
    health: Health,
    scope: Scope,
    /// Applications that are reconciled at the same time.
    concurrency: u16,
    /// How long others wait for what is not answered.
    patience: Duration,
}

impl Setup {
    /// For controllers that write and watch with a client of these.
    pub(crate) fn new(
        clients: &Clients,
        catalog: &CatalogWatch,
        metrics: &Metrics,
        scope: Scope,
        options: &ControllerOptions,
    ) -> Self {
        let (client, catalog, metrics) = (clients.client(), catalog.clone(), metrics.clone());
        let (concurrency, patience) = (options.concurrency, patience(options.writes_per_second));
        let (statuses, health) = (Statuses::new(client.clone(), patience), metrics.health_of_controllers());
        Self { client, statuses, catalog, metrics, health, scope, concurrency, patience }
    }
}

/// Starts every controller on `tasks`; they run until `stop` is set.
pub(crate) fn start(setup: Setup, stop: &watch::Receiver<bool>, tasks: &mut JoinSet<()>) {
    let stop = || stopped(stop.clone());
    let secrets = Secrets::watch(&setup.client, &setup.scope, &setup.health, stop(), tasks);
    tasks.spawn(until(stop(), application::run(setup.clone(), secrets.clone(), stop())));
    tasks.spawn(until(stop(), attached_cluster::run(setup.clone(), secrets.clone(), stop())));
    tasks.spawn(until(stop(), fleet::run(setup, secrets, stop())));
}

/// The object of that key, as a controller's queue names it.
fn object_ref<K: Resource<DynamicType = ()>>(key: ObjectKey) -> ObjectRef<K> {
    ObjectRef::new(&key.name).within(&key.namespace)
}

/// Runs a controller to its end, which it may take [`GRACE`] for once it is
/// asked to stop: one that is stopped before its first list never ends by itself.
async fn until(stop: impl Future<Output = ()>, controller: impl Future<Output = ()>) {
    let too_late = async {
        stop.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = controller => {}
        () = too_late => tracing::debug!("a controller was still at work when the program ended"),
    }
}

/// Done when `stop` is set, or whoever could set it is gone.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
