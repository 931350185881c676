//! The AttachedCluster controller: can the cluster be reached with its
//! kubeconfig, and what is it?
//!
//! ```text
//! AttachedCluster ─▶ judge ─▶ kubeconfig ─▶ probe ─▶ status, and when to look again
//! its Secret ───────────────────▲
//! ```

mod kubeconfigs;
mod status;

use std::sync::Arc;
use std::time::Duration;

use fleetgate_api::{AttachedCluster, ConditionReason};
use fleetgate_plan::{ClusterKind, ObjectKey};
use fleetgate_webhooks::Kind;
use fleetgate_webhooks::router::Snapshots;
use futures::{Stream, StreamExt, stream};
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Action, Config};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{Controller, Predicate, PredicateConfig, WatchStreamExt, predicates, reflector, watcher};
use kube::{Resource, ResourceExt};

use self::kubeconfigs::Kubeconfigs;
use self::status::{count, status};
use super::backoff::{Backoff, spread};
use super::conditions::Summary;
use super::gone::{forgetting, looked_at};
use super::kubeconfig::Unread;
use super::secrets::Secrets;
use super::{Setup, Statuses, object_ref};
use crate::member::probe;
use crate::metrics::Controlled;
use crate::watches::{CatalogWatch, events};
use fleetgate_webhooks::rejudged::rejudged;

/// How often a cluster that answers is asked whether it still does, more or less.
const PROBE_INTERVAL: Duration = Duration::from_secs(30);

/// Clusters that are asked at the same time. Each takes five seconds at most.
const PROBES_AT_ONCE: u16 = 32;

type Guarded = DeserializeGuard<AttachedCluster>;

struct Context {
    known: Store<Guarded>,
    kubeconfigs: Kubeconfigs,
    catalog: CatalogWatch,
    backoff: Backoff,
    statuses: Statuses,
}

impl Context {
    /// Lets go of what was known of a cluster that is no more.
    fn forget(&self, cluster: &Guarded) {
        self.backoff.succeeded(cluster);
        self.kubeconfigs.forget(&key(cluster));
        self.statuses.forget(cluster);
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
    let Setup { client, statuses, catalog, metrics, health, scope, .. } = setup;
    let (known, writer) = reflector::store();
    let events = events(scope.api::<Guarded>(&client), scope.watched());
    let events = health.noting("AttachedClusters", events).reflect(writer);
    let counted = known.clone();
    metrics.count_clusters(scope.namespace, move || count(&counted));
    let changes = secrets.changes();
    let kubeconfigs = Kubeconfigs::new(client, secrets);
    let backoff = Backoff::default();
    let context = Arc::new(Context { known: known.clone(), kubeconfigs, catalog, statuses, backoff });
    Controller::for_stream(clusters(events, Arc::clone(&context)), known)
        .with_config(Config::default().concurrency(PROBES_AT_ONCE))
        .reconcile_on(with_other_secrets(changes, Arc::clone(&context)))
        .graceful_shutdown_on(stop)
        .run(metrics.timing(Controlled::AttachedCluster, reconcile), retry, Arc::clone(&context))
        .for_each(|_| std::future::ready(()))
        .await;
}

/// The clusters, each when it changes in what a look at it goes by: own writes
/// of its status are none of that.
fn clusters(
    events: impl Stream<Item = watcher::Result<watcher::Event<Guarded>>> + Send,
    context: Arc<Context>,
) -> impl Stream<Item = watcher::Result<Guarded>> + Send {
    let events = forgetting(events, context.known.clone(), move |cluster| context.forget(cluster));
    let of_interest = predicates::generation
        .combine(predicates::labels)
        .combine(predicates::annotations)
        .combine(predicates::finalizers);
    events.applied_objects().predicate_filter(of_interest, PredicateConfig::default())
}

/// The clusters whose Secret is not any more as it was read.
fn with_other_secrets(
    changes: impl Stream<Item = ObjectKey>,
    context: Arc<Context>,
) -> impl Stream<Item = ObjectRef<Guarded>> {
    changes.flat_map(move |secret| {
        let catalog = context.catalog.current();
        let clusters = catalog.clusters_with_secret(&secret);
        let attached = clusters.filter(|cluster| cluster.key.kind == ClusterKind::AttachedCluster);
        let keys =
            attached.map(|cluster| ObjectKey::new(cluster.key.namespace.as_str(), cluster.key.name.as_str()));
        let other: Vec<_> = keys.filter(|key| !context.kubeconfigs.is_read(key, &secret)).collect();
        stream::iter(other.into_iter().map(object_ref))
    })
}

fn retry(object: Arc<Guarded>, error: &Failed, context: Arc<Context>) -> Action {
    tracing::warn!(namespace = object.namespace(), name = object.name_any(), %error, "an AttachedCluster is not reconciled");
    Action::requeue(context.backoff.failed(&*object))
}

async fn reconcile(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Failed> {
    let came_of_it = look_at(&object, &context).await;
    looked_at(&*object, came_of_it, &context.known, |cluster| context.forget(cluster))
}

async fn look_at(object: &Guarded, context: &Context) -> Result<Action, Failed> {
    let Ok(cluster) = &object.0 else {
        // The Catalog's watch has said so already.
        return Ok(Action::await_change());
    };
    // Why one that is being deleted is held, who holds it says.
    if cluster.meta().deletion_timestamp.is_some() {
        context.backoff.succeeded(cluster);
        context.kubeconfigs.forget(&key(cluster));
        return Ok(Action::await_change());
    }
    let seen = match look(cluster, context).await {
        // What was said of it holds until somebody knows better.
        Err(Unread::Unasked(error)) => return Err(Failed(error)),
        Err(Unread::Said(why)) => Err(why),
        Ok(version) => Ok(version),
    };
    let rest = rest(cluster, &seen, &context.backoff);
    let is_going = |reference: &&_| context.kubeconfigs.is_going(&key(cluster), reference);
    let going = cluster.spec.kubeconfig.as_ref().filter(is_going);
    let status = status(cluster, seen, going, Timestamp::now());
    context.statuses.write(cluster, cluster.status.as_ref(), &status).await.map_err(Failed)?;
    Ok(Action::requeue(rest))
}

/// The version of the cluster, or why nothing can be delivered there.
async fn look(cluster: &AttachedCluster, context: &Context) -> Result<String, Unread> {
    let findings = rejudged(Kind::AttachedCluster, cluster, &context.catalog.current());
    if let Some(invalid) = Summary::invalid(&findings) {
        return Err(invalid.into());
    }
    let Some(reference) = &cluster.spec.kubeconfig else {
        let message = "spec.kubeconfig names no Secret";
        return Err(Summary::new(ConditionReason::KubeconfigNotFound, message).into());
    };
    let config = context.kubeconfigs.of(&key(cluster), reference).await?;
    Ok(probe(config).await.map_err(|unreached| Summary::new(unreached.reason, unreached.message))?)
}

fn key(cluster: &impl ResourceExt) -> ObjectKey {
    ObjectKey::new(cluster.namespace().unwrap_or_default(), cluster.name_any())
}

/// When to look again.
fn rest(cluster: &AttachedCluster, seen: &Result<String, Summary>, backoff: &Backoff) -> Duration {
    let interval = spread(PROBE_INTERVAL, (cluster.namespace(), cluster.name_any()));
    match seen {
        Ok(_) => {
            backoff.succeeded(cluster);
            interval
        }
        // A Secret that is not there yet is in no watch.
        Err(summary) if summary.reason == ConditionReason::KubeconfigNotFound => {
            backoff.failed(cluster).min(interval)
        }
        Err(_) => backoff.failed(cluster),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_api::AttachedClusterSpec;

    /// More than a thousand of them are asked in time: those that answer in
    /// their interval, and those that do not in their longest rest.
    #[test]
    fn clusters_are_looked_at_again_in_good_time() {
        let clusters: Vec<AttachedCluster> = (0..1000)
            .map(|number| {
                let mut cluster = AttachedCluster::new(&format!("m{number}"), AttachedClusterSpec::default());
                cluster.metadata.uid = Some(format!("u{number}"));
                cluster
            })
            .collect();
        let of = |reason| Err(Summary::new(reason, ""));
        let table = [
            (Ok("v1.36.3".to_owned()), 24..=36, 24..=36),
            (of(ConditionReason::Unreachable), 0..=1, 240..=360),
            (of(ConditionReason::KubeconfigInvalid), 0..=1, 240..=360),
            (of(ConditionReason::KubeconfigNotFound), 0..=1, 24..=36),
        ];
        for (seen, first, last) in table {
            let mut rests = Vec::new();
            for cluster in &clusters {
                let backoff = Backoff::default();
                let within = |rest: Duration, range: &std::ops::RangeInclusive<u64>| {
                    assert!(range.contains(&rest.as_secs()), "{seen:?}: {rest:?}");
                };
                within(rest(cluster, &seen, &backoff), &first);
                backoff.has_failed(cluster, 20);
                rests.push(rest(cluster, &seen, &backoff));
                within(rests[rests.len() - 1], &last);
            }
            rests.sort();
            rests.dedup();
            assert!(rests.len() > 20, "{seen:?}: they would all come at once");
        }
    }
}
