//! The controllers: what was admitted becomes Flux objects, and what became of
//! those becomes status.
//!
//! **Invariant**: controllers decide nothing by themselves. They take a
//! snapshot of the Catalog, ask the same functions that admission asked, and
//! write the difference; one writer per kind of object.

mod application;
mod attached_cluster;
mod conditions;
mod fleet;
mod kubeconfig;
mod write_status;

use std::time::Duration;

use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::watches::CatalogWatch;

/// How long a failed reconcile rests before it is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Starts every controller on `tasks`; they run until `stop` is set.
pub(crate) fn start(
    client: &Client,
    catalog: &CatalogWatch,
    stop: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) {
    tasks.spawn(application::run(client.clone(), catalog.clone(), stopped(stop.clone())));
    tasks.spawn(attached_cluster::run(client.clone(), stopped(stop.clone())));
    tasks.spawn(fleet::run(client.clone(), catalog.clone(), stopped(stop.clone())));
}

/// Done when `stop` is set, or whoever could set it is gone.
async fn stopped(mut stop: watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
