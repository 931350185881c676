//! The AttachedCluster controller: can the cluster be reached with its
//! kubeconfig, and what is it?

mod probe;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fleetgate_api::{AttachedCluster, AttachedClusterStatus, ConditionReason};
use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::Controller;
use kube::runtime::controller::Action;
use kube::runtime::reflector::Store;
use kube::{Client, Resource, ResourceExt};

use self::probe::probe;
use super::backoff::Backoff;
use super::conditions::Summary;
use super::{Setup, Statuses};
use crate::metrics::Controlled;

/// How often a cluster is asked whether it is still there.
const PROBE_INTERVAL: Duration = Duration::from_secs(30);

type Guarded = DeserializeGuard<AttachedCluster>;

struct Context {
    client: Client,
    backoff: Backoff,
    statuses: Statuses,
}

#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct Failed(#[from] anyhow::Error);

/// Runs the controller until `stop` is done.
pub(super) async fn run(setup: Setup, stop: impl Future<Output = ()> + Send + Sync + 'static) {
    let Setup { client, statuses, metrics, scope, .. } = setup;
    let controller =
        Controller::new(scope.api::<Guarded>(&client), scope.watched()).graceful_shutdown_on(stop);
    let clusters = controller.store();
    metrics.count_clusters(scope.namespace, move || count(&clusters));
    controller
        .run(
            metrics.timing(Controlled::AttachedCluster, reconcile),
            retry,
            Arc::new(Context { client, statuses, backoff: Backoff::default() }),
        )
        .for_each(|_| std::future::ready(()))
        .await;
}

/// How many clusters are ready, and how many are not.
fn count(clusters: &Store<Guarded>) -> BTreeMap<&'static str, u32> {
    let mut counts = BTreeMap::new();
    for cluster in clusters.state() {
        let status = cluster.0.as_ref().ok().and_then(|cluster| cluster.status.as_ref());
        let state = match status.and_then(|status| status.ready) {
            Some(true) => "ready",
            Some(false) => "not-ready",
            None => "unknown",
        };
        *counts.entry(state).or_default() += 1;
    }
    counts
}

fn retry(object: Arc<Guarded>, error: &Failed, context: Arc<Context>) -> Action {
    tracing::warn!(namespace = object.namespace(), name = object.name_any(), %error, "an AttachedCluster is not reconciled");
    Action::requeue(context.backoff.failed(&*object))
}

async fn reconcile(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Failed> {
    let Ok(cluster) = &object.0 else {
        // The Catalog's watch has said so already.
        return Ok(Action::await_change());
    };
    // As for Fleets: why it is still there is said by who takes its finalizer off.
    if cluster.meta().deletion_timestamp.is_none() {
        let probed = probe(cluster, &context.client).await;
        report(cluster, &context.statuses, probed).await.map_err(Failed)?;
    }
    context.backoff.succeeded(cluster);
    Ok(Action::requeue(PROBE_INTERVAL))
}

async fn report(
    cluster: &AttachedCluster,
    statuses: &Statuses,
    probed: Result<String, Summary>,
) -> anyhow::Result<()> {
    let before = cluster.status.clone().unwrap_or_default();
    let (version, summary) = match probed {
        Ok(version) => {
            let summary = Summary::new(
                ConditionReason::Succeeded,
                format!("the cluster answers: Kubernetes {version}"),
            );
            (Some(version), summary)
        }
        // What it was stays known while it is away.
        Err(summary) => (before.version.clone(), summary),
    };
    let generation = cluster.metadata.generation;
    let status = AttachedClusterStatus {
        observed_generation: generation,
        conditions: summary.conditions(generation, &before.conditions, Timestamp::now()),
        ready: Some(summary.reason == ConditionReason::Succeeded),
        version,
    };
    statuses.write(cluster, cluster.status.as_ref(), &status).await
}
