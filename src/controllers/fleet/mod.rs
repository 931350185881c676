//! The Fleet controller: which clusters belong to a Fleet, and are they ready?

mod status;

use std::sync::Arc;

use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Cluster, ClusterKind, FleetEntry, Members};
use fleetgate_webhooks::router::Snapshots;
use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{Controller, WatchStreamExt, reflector, watcher};
use kube::{Resource, ResourceExt};

use self::status::status;
use super::backoff::Backoff;
use super::{Setup, Statuses, object_ref};
use crate::metrics::Controlled;
use crate::watches::CatalogWatch;

type Guarded = DeserializeGuard<Fleet>;
type GuardedCluster = DeserializeGuard<AttachedCluster>;

struct Context {
    statuses: Statuses,
    catalog: CatalogWatch,
    clusters: Store<GuardedCluster>,
    backoff: Backoff,
}

#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct Failed(#[from] anyhow::Error);

/// Runs the controller until `stop` is done.
pub(super) async fn run(setup: Setup, stop: impl Future<Output = ()> + Send + Sync + 'static) {
    let Setup { client, statuses, catalog, metrics, scope, .. } = setup;
    let (clusters, writer) = reflector::store();
    let events = watcher(scope.api::<GuardedCluster>(&client), watcher::Config::default()).default_backoff();
    let cluster_changes = reflector(writer, events)
        .touched_objects()
        .filter_map(|event| std::future::ready(event.ok().map(|_| ())));
    let concerned = catalog.fleets_concerned().map(object_ref);
    let context = Arc::new(Context { statuses, catalog, clusters, backoff: Backoff::default() });
    Controller::new(scope.api::<Guarded>(&client), scope.watched())
        .reconcile_on(concerned)
        .reconcile_all_on(cluster_changes)
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
    // Why one that is being deleted is still there, the Applications' controller
    // says, which takes its finalizer off: one writer of a status.
    if let Ok(fleet) = &object.0
        && fleet.meta().deletion_timestamp.is_none()
    {
        let entry = FleetEntry::from(fleet);
        let Members { clusters: members, missing } = context.catalog.current().members(&entry);
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        let not_ready: Vec<&str> = members
            .iter()
            .filter(|member| !is_ready(member, &context.clusters))
            .map(|member| member.key.name.as_str())
            .collect();
        let status = status(fleet, members.len(), &not_ready, &missing, Timestamp::now());
        context.statuses.write(fleet, fleet.status.as_ref(), &status).await.map_err(Failed)?;
    }
    context.backoff.succeeded(&*object);
    Ok(Action::await_change())
}

fn is_ready(member: &Cluster, clusters: &Store<GuardedCluster>) -> bool {
    // Of one that others provision it is known whether its kubeconfig is named.
    if member.key.kind != ClusterKind::AttachedCluster {
        return member.kubeconfig.is_some();
    }
    let key = ObjectRef::new(&member.key.name).within(&member.key.namespace);
    let object = clusters.get(&key);
    let status = object.as_ref().and_then(|object| object.0.as_ref().ok()?.status.as_ref());
    status.is_some_and(|status| status.ready == Some(true))
}
