//! The Application controller.
//!
//! ```text
//! Application, Catalog ─▶ judge ─▶ Plan ─▶ difference to the children ─▶ apply, prune ─▶ status
//!                           └──▶ references: Secrets and ServiceAccounts, each by name ──┘
//! ```

mod children;
mod observed;
mod references;
mod status;
mod summary;
mod write;

use std::sync::Arc;

use anyhow::Context as _;
use fleetgate_api::{Application, FINALIZER_APPLICATION};
use fleetgate_plan::Plan;
use fleetgate_webhooks::router::Snapshots;
use fleetgate_webhooks::{Kind, judge};
use futures::{FutureExt, StreamExt};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Action, Config};
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::{UnboundedReceiverStream, WatchStream};

use self::children::Children;
use self::observed::Observed;
use self::references::{LOOK_AGAIN, References};
use super::RETRY;
use super::write_status::write_status;
use crate::watches::CatalogWatch;

/// Applications that are reconciled at the same time.
const CONCURRENCY: u16 = 16;

type Guarded = DeserializeGuard<Application>;

struct Context {
    client: Client,
    catalog: CatalogWatch,
    children: Children,
    references: References,
}

/// A reconcile that is to be tried again.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct Failed(#[from] anyhow::Error);

/// Runs the controller until `stop` is done.
pub(super) async fn run(
    client: Client,
    catalog: CatalogWatch,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let mut tasks = JoinSet::new();
    let (triggers, triggered) = mpsc::unbounded_channel();
    let children = Children::watch(&client, &triggers, &mut tasks);
    let stop = stop.shared();
    tokio::select! {
        () = children.synced() => {}
        () = stop.clone() => return,
    }
    // A change of a Fleet or of a cluster may concern any Application; to look
    // costs no write where nothing changes.
    let catalog_changes = WatchStream::from_changes(catalog.destination_changes());
    let references = References::default();
    let context = Arc::new(Context { client: client.clone(), catalog, children, references });
    Controller::new(Api::<Guarded>::all(client), watcher::Config::default())
        .with_config(Config::default().concurrency(CONCURRENCY))
        .reconcile_on(UnboundedReceiverStream::new(triggered))
        .reconcile_all_on(catalog_changes)
        .graceful_shutdown_on(stop)
        .run(reconcile, retry, context)
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

async fn reconcile(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Failed> {
    match &object.0 {
        Ok(application) => reconcile_application(application, &context).await.map_err(Failed),
        // It was stored before the CRD had its schema. Nothing can be said in
        // its status without reading it; the log says which one it is.
        Err(error) => {
            tracing::warn!(namespace = object.namespace(), name = object.name_any(), %error, "an Application cannot be read and is passed over");
            Ok(Action::await_change())
        }
    }
}

async fn reconcile_application(application: &Application, context: &Context) -> anyhow::Result<Action> {
    let namespace = application.namespace().unwrap_or_default();
    let api: Api<Application> = Api::namespaced(context.client.clone(), &namespace);
    if application.meta().deletion_timestamp.is_some() {
        return finalize(application, &api, context).await;
    }
    if !application.finalizers().iter().any(|name| name == FINALIZER_APPLICATION) {
        set_finalizers(application, &api, &with_finalizer(application)).await?;
        // The change comes back as an event.
        return Ok(Action::await_change());
    }
    let catalog = context.catalog.current();
    let object = serde_json::to_value(application).context("an Application cannot be rendered")?;
    let verdict = judge(Kind::Application, object, None, &catalog);
    // What was judged is what is planned: an early name that was stored without
    // its new one would otherwise plan as nothing.
    let judged = serde_json::from_value(verdict.object.clone()).unwrap_or_else(|_| application.clone());
    let plan = Plan::of(&judged, &catalog);
    let mut observed = Observed { findings: verdict.findings, ..Observed::default() };
    context.children.observe(&plan, &mut observed);
    if observed.is_valid() {
        let outcome = write::apply(application, &plan, &context.children, &context.client).await;
        observed.failures = outcome.failures;
        observed.states.retain(|key, _| !outcome.written.contains(key));
    }
    observed.missing = context.references.missing(&judged, &verdict.object, &context.client).await;
    let status = status::of(&judged, &plan, &observed, Timestamp::now());
    write_status(&context.client, application, application.status.as_ref(), &status).await?;
    Ok(next(&observed))
}

/// When to look again at what no event will tell of.
fn next(observed: &Observed) -> Action {
    if !observed.failures.is_empty() {
        Action::requeue(RETRY)
    } else if !observed.missing.is_empty() {
        Action::requeue(LOOK_AGAIN)
    } else {
        Action::await_change()
    }
}

/// Takes everything away, policies before their source, and then lets go.
async fn finalize(
    application: &Application,
    api: &Api<Application>,
    context: &Context,
) -> anyhow::Result<Action> {
    if !application.finalizers().iter().any(|name| name == FINALIZER_APPLICATION) {
        return Ok(Action::await_change());
    }
    let left = write::remove_all(application, &context.children, &context.client).await?;
    if left.is_empty() {
        let finalizers: Vec<&str> = application
            .finalizers()
            .iter()
            .map(String::as_str)
            .filter(|name| *name != FINALIZER_APPLICATION)
            .collect();
        set_finalizers(application, api, &finalizers).await?;
        context.references.forget(application);
        return Ok(Action::await_change());
    }
    let status = status::deleting(application, &left, Timestamp::now());
    write_status(&context.client, application, application.status.as_ref(), &status).await?;
    // Every child that goes comes back as an event; one that is not watched does not.
    Ok(Action::requeue(RETRY))
}

fn with_finalizer(application: &Application) -> Vec<&str> {
    let others = application.finalizers().iter().map(String::as_str);
    others.chain([FINALIZER_APPLICATION]).collect()
}

/// Replaces the finalizers, unless someone else changed the object meanwhile.
async fn set_finalizers(
    application: &Application,
    api: &Api<Application>,
    finalizers: &[&str],
) -> anyhow::Result<()> {
    let patch =
        json!({"metadata": {"finalizers": finalizers, "resourceVersion": application.resource_version()}});
    let patched =
        api.patch_metadata(&application.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await;
    match patched {
        Ok(_) => Ok(()),
        // Gone, or changed: the event is on its way.
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        Err(error) => Err(error).context("the finalizers cannot be written"),
    }
}
