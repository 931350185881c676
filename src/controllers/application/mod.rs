//! The Application controller.
//!
//! ```text
//! Application, Catalog ─▶ judge ─▶ Plan ─▶ difference to the children ─▶ apply, prune ─▶ status
//!                           └──▶ references: Secrets and ServiceAccounts, each by name ──┘
//! ```

mod children;
mod finalize;
mod observed;
mod prune;
mod reconcile;
mod references;
mod status;
mod summary;
mod triggers;
mod write;

use std::sync::Arc;

use fleetgate_api::Application;
use futures::{FutureExt, StreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Action, Config};
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::task::JoinSet;

use self::children::Children;
use self::reconcile::reconcile;
use self::references::References;
use self::triggers::Triggers;
use super::{RETRY, Setup, Statuses, object_ref};
use crate::metrics::Controlled;
use crate::watches::CatalogWatch;

type Guarded = DeserializeGuard<Application>;

struct Context {
    client: Client,
    statuses: Statuses,
    catalog: CatalogWatch,
    children: Children,
    references: References,
}

/// A reconcile that is to be tried again.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct Failed(#[from] anyhow::Error);

/// Runs the controller until `stop` is done.
pub(super) async fn run(setup: Setup, stop: impl Future<Output = ()> + Send + Sync + 'static) {
    let Setup { client, statuses, catalog, metrics, concurrency } = setup;
    let mut tasks = JoinSet::new();
    let (triggers, triggered) = Triggers::new();
    let children = Children::watch(&client, &triggers, &mut tasks);
    let stop = stop.shared();
    tokio::select! {
        () = children.synced() => {}
        () = stop.clone() => return,
    }
    let concerned = catalog.applications_concerned().map(object_ref);
    let references = References::default();
    let context = Arc::new(Context { client: client.clone(), statuses, catalog, children, references });
    Controller::new(Api::<Guarded>::all(client), watcher::Config::default())
        .with_config(Config::default().concurrency(concurrency))
        .reconcile_on(triggered)
        .reconcile_on(concerned)
        .graceful_shutdown_on(stop)
        .run(metrics.timing(Controlled::Application, reconcile), retry, context)
        .for_each(|result| async move {
            if let Err(error) = result {
                tracing::debug!(%error, "a reconcile did not run");
            }
        })
        .await;
}

fn retry(object: Arc<Guarded>, error: &Failed, _: Arc<Context>) -> Action {
    tracing::warn!(namespace = object.namespace(), name = object.name_any(), %error, "an Application is not reconciled");
    Action::requeue(RETRY)
}
