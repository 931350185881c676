//! The Fleet controller: which clusters belong to a Fleet, and are they ready?
//!
//! ```text
//! Fleet ─▶ judge, members ─▶ which are ready ─▶ status
//! Catalog, readiness of clusters, Secrets ─▶ the Fleets that have the cluster
//! ```

mod readiness;
mod status;

use std::sync::Arc;
use std::time::Duration;

use fleetgate_api::{FINALIZER_FLEET, Fleet};
use fleetgate_plan::{FleetEntry, Members};
use fleetgate_webhooks::Kind;
use fleetgate_webhooks::router::Snapshots;
use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::runtime::reflector::Store;
use kube::runtime::{Controller, WatchStreamExt, reflector};
use kube::{Resource, ResourceExt};

use self::readiness::Readiness;
use self::status::{Standing, status};
use super::backoff::Backoff;
use super::gone::{forgetting, looked_at};
use super::secrets::Secrets;
use super::{Setup, Statuses, finalizers, object_ref};
use crate::metrics::Controlled;
use crate::watches::{CatalogWatch, events};
use fleetgate_webhooks::rejudged::rejudged;

/// How often a Secret that somebody else is to make is looked for: until it is
/// there, no watch has it.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

type Guarded = DeserializeGuard<Fleet>;

struct Context {
    known: Store<Guarded>,
    statuses: Statuses,
    catalog: CatalogWatch,
    readiness: Readiness,
    backoff: Backoff,
}

impl Context {
    /// Lets go of what was known of a Fleet that is no more.
    fn forget(&self, fleet: &Guarded) {
        self.backoff.succeeded(fleet);
        self.statuses.forget(fleet);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct Failed(#[from] anyhow::Error);

/// Runs the controller until `stop` is done.
pub(super) async fn run(
    setup: Setup,
    secrets: Secrets,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let Setup { client, statuses, catalog, health, metrics, scope, .. } = setup;
    let concerned = catalog.fleets_concerned().map(object_ref);
    let (readiness, turned) = Readiness::watch(&client, &scope, secrets, &catalog, &health);
    let (known, writer) = reflector::store();
    let backoff = Backoff::default();
    let context = Arc::new(Context { known: known.clone(), statuses, catalog, readiness, backoff });
    let events = events(scope.api::<Guarded>(&client), scope.watched());
    let events = health.noting("Fleets", events).reflect(writer);
    let of_gone = Arc::clone(&context);
    let fleets = forgetting(events, known.clone(), move |fleet| of_gone.forget(fleet)).applied_objects();
    Controller::for_stream(fleets, known)
        .reconcile_on(concerned)
        .reconcile_on(turned.map(object_ref))
        .graceful_shutdown_on(stop)
        .run(metrics.timing(Controlled::Fleet, reconcile), retry, context)
        .for_each(|_| std::future::ready(()))
        .await;
}

fn retry(object: Arc<Guarded>, error: &Failed, context: Arc<Context>) -> Action {
    tracing::warn!(namespace = object.namespace(), name = object.name_any(), %error, "a Fleet is not reconciled");
    Action::requeue(context.backoff.failed(&*object))
}

async fn reconcile(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Failed> {
    let came_of_it = look_at(&object, &context).await;
    looked_at(&*object, came_of_it, &context.known, |fleet| context.forget(fleet))
}

async fn look_at(object: &Guarded, context: &Context) -> Result<Action, Failed> {
    let mut next = Action::await_change();
    // Why one that is held is still there is said by who holds it: one writer of a status.
    let is_held = object.meta().deletion_timestamp.is_some() && finalizers::has(object, FINALIZER_FLEET);
    if let Ok(fleet) = &object.0
        && !is_held
    {
        let standing = standing(fleet, context).await.map_err(Failed)?;
        let status = status(fleet, &standing, Timestamp::now());
        context.statuses.write(fleet, fleet.status.as_ref(), &status).await.map_err(Failed)?;
        if standing.awaits_secret {
            next = Action::requeue(LOOK_AGAIN);
        }
    }
    context.backoff.succeeded(object);
    Ok(next)
}

/// How the Fleet stands now.
async fn standing(fleet: &Fleet, context: &Context) -> anyhow::Result<Standing> {
    let catalog = context.catalog.current();
    let entry = FleetEntry::from(fleet);
    let Members { clusters: members, missing } = catalog.members(&entry);
    let count = members.len();
    let not_ready = context.readiness.not_ready(members).await?;
    Ok(Standing {
        is_deleting: fleet.meta().deletion_timestamp.is_some(),
        findings: rejudged(Kind::Fleet, fleet, &catalog),
        members: count,
        awaits_secret: not_ready.iter().any(|cluster| Readiness::is_by_secret(cluster)),
        not_ready: not_ready.iter().map(|cluster| cluster.key.name.clone()).collect(),
        missing: missing.iter().map(ToString::to_string).collect(),
    })
}
