//! The Application controller.
//!
//! ```text
//! Application, Catalog ─▶ judge ─▶ Plan ─▶ difference to the children ─▶ apply, prune ─▶ status
//!                           │                               ▲   answers      │           ▲
//!                           │                               └────────────────┘           │
//!                           └──▶ references: Secrets and ServiceAccounts, each by name ──┘
//! ```

mod adopt;
mod apply;
mod children;
mod damping;
mod difference;
mod finalize;
mod leaving;
mod observed;
mod protection;
mod prune;
mod reconcile;
mod references;
mod status;
mod summary;
mod triggers;
mod unreadable;
mod write;

use std::sync::Arc;
use std::time::Duration;

use fleetgate_api::Application;
use fleetgate_webhooks::router::Snapshots;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::Controller;
use kube::runtime::controller::{Action, Config, Error};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{Predicate, PredicateConfig, WatchStreamExt, predicates, reflector, watcher};
use kube::{Client, ResourceExt};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::children::Children;
use self::damping::Damping;
use self::protection::Holds;
use self::prune::{Pending, Pruner};
use self::reconcile::reconcile;
use self::references::References;
use self::triggers::{Triggers, that_waited};
use self::write::Writer;
use super::backoff::Backoff;
use super::gone::forgetting;
use super::{Secrets, Setup, Statuses, object_ref};
use crate::metrics::{Controlled, Queue};
use crate::watches::{CatalogWatch, events};

type Guarded = DeserializeGuard<Application>;

struct Context {
    known: Store<Guarded>,
    client: Client,
    statuses: Statuses,
    catalog: CatalogWatch,
    children: Children,
    writer: Writer,
    holds: Holds,
    secrets: Secrets,
    pruner: Pruner,
    references: References,
    damping: Damping,
    backoff: Backoff,
    queue: Queue,
    /// How long others wait for what is not answered.
    patience: Duration,
}

impl Context {
    /// Lets go of what was known of an Application that is no more.
    fn forget(&self, application: &Guarded) {
        self.pruner.forget(application);
        self.references.forget(application);
        self.damping.forget(application);
        self.backoff.succeeded(application);
        self.statuses.forget(application);
    }
}

/// A reconcile that is to be tried again.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct Failed(#[from] anyhow::Error);

/// Runs the controller until `stop` is done.
pub(super) async fn run(
    setup: Setup,
    secrets: Secrets,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let Setup { client, statuses, catalog, metrics, health, scope, concurrency, patience } = setup;
    let mut tasks = JoinSet::new();
    let released = Arc::new(Notify::new());
    let (triggers, triggered) = Triggers::new(Arc::clone(&released));
    let children = Children::watch(&client, &scope, &triggers, &catalog, &health, &mut tasks);
    let stop = stop.shared();
    tokio::select! {
        () = children.synced() => {}
        () = stop.clone() => return,
    }
    let queue = metrics.queue(scope.namespace.clone());
    let pending = Arc::new(Pending::default());
    metrics.count_held(scope.namespace.clone(), {
        let pending = Arc::clone(&pending);
        move || pending.held()
    });
    let concerned = catalog.applications_concerned().map(object_ref);
    let pruner = Pruner::new(client.clone(), catalog.current().emptied(), pending);
    let crds_changed = children.crds_changed();
    let (known, writer) = reflector::store();
    let context = Arc::new(Context {
        known: known.clone(),
        statuses,
        catalog,
        children,
        writer: Writer::new(client.clone(), patience),
        pruner,
        holds: Holds::new(client.clone()),
        secrets,
        references: References::default(),
        damping: Damping::default(),
        backoff: Backoff::default(),
        queue: queue.clone(),
        patience,
        client,
    });
    let events = events(scope.api::<Guarded>(&context.client), scope.watched());
    let events = health.noting("Applications", events);
    let applications = applications(events.reflect(writer), Arc::clone(&context));
    let protection = protection::run(&context, &scope, &health, &released);
    let controller = Controller::for_stream(applications, known)
        .with_config(Config::default().concurrency(concurrency))
        .reconcile_on(queue.naming(triggered))
        .reconcile_on(queue.naming(concerned))
        .reconcile_on(queue.naming(that_waited(context.holds.found(), context.catalog.clone())))
        .reconcile_all_on(crds_changed)
        .graceful_shutdown_on(stop)
        .run(metrics.timing(Controlled::Application, reconcile), retry, Arc::clone(&context))
        .for_each(|result| {
            if let Err(error) = result {
                tracing::debug!(%error, "a reconcile did not run");
                if let Error::ObjectNotFound(object) = error {
                    queue.take_up(&object);
                }
            }
            std::future::ready(())
        });
    tokio::select! {
        () = controller => {}
        () = protection => {}
    }
}

/// The Applications, each when it changes in what a reconcile goes by: own
/// writes of its status are none of that.
fn applications(
    events: impl Stream<Item = watcher::Result<watcher::Event<Guarded>>> + Send,
    context: Arc<Context>,
) -> impl Stream<Item = watcher::Result<Guarded>> + Send {
    let (known, queue) = (context.known.clone(), context.queue.clone());
    let events = forgetting(events, known, move |application| context.forget(application));
    let of_interest = predicates::generation
        .combine(predicates::labels)
        .combine(predicates::annotations)
        .combine(predicates::finalizers);
    let changed = events.applied_objects().predicate_filter(of_interest, PredicateConfig::default());
    changed.inspect_ok(move |application| queue.name(&ObjectRef::from_obj(application)))
}

fn retry(object: Arc<Guarded>, error: &Failed, context: Arc<Context>) -> Action {
    tracing::warn!(namespace = object.namespace(), name = object.name_any(), %error, "an Application is not reconciled");
    let (rest, quiet) = (context.backoff.failed(&*object), context.backoff.left_alone(&*object));
    Action::requeue(quiet.map_or(rest, |quiet| quiet.max(rest)))
}
