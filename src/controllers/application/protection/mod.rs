//! What is needed to take away what was delivered stays for as long: Fleets,
//! clusters and the Secrets with their kubeconfigs, by finalizers.
//!
//! ```text
//! Catalog, children ─▶ Pass ─▶ Acts ─▶ finalizers on and off, statuses of what waits
//!        create, update ─▶ Secrets ─▶ a Secret's finalizer, before the first child names it
//! ```
//!
//! **Invariant**: no finalizer is taken off by what the watches say alone: the
//! API server is asked what there is. Those of others are never touched.

mod acts;
mod holds;
mod pass;
mod release;

use std::fmt::Debug;
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;

use fleetgate_api::names::FINALIZER_IN_USE;
use fleetgate_api::{AttachedCluster, AttachedClusterStatus, FINALIZER_FLEET, Fleet, FleetStatus};
use fleetgate_plan::ObjectKey;
use fleetgate_webhooks::router::Snapshots;
use futures::{Stream, StreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio_stream::wrappers::WatchStream;

use self::acts::{About, Acts, Why};
pub(super) use self::holds::{Hold, Holds};
use self::pass::{Pass, Step};
use super::Context;
use super::children::{Child, SecretKey};
use super::write::Failure;
use crate::controllers::conditions::Summary;
use crate::controllers::{Scope, finalizers};
use crate::watches::{Health, events};

/// So many Secrets may be asked for, and not answered for, before it is not heard any more what becomes of the others.
const UNANSWERED: usize = 256;

/// Kurator's word for a Fleet that is being deleted.
const TERMINATING: &str = "Terminating";

type GuardedFleet = DeserializeGuard<Fleet>;
type GuardedCluster = DeserializeGuard<AttachedCluster>;

/// What there is to be kept, as the watches know it.
struct Known {
    fleets: Store<GuardedFleet>,
    clusters: Store<GuardedCluster>,
}

/// Keeps what is needed, and lets go of the rest, whenever something changes or
/// `released` is told that it might.
pub(super) async fn run(context: &Arc<Context>, scope: &Scope, health: &Health, released: &Notify) {
    let client = &context.client;
    let fleets = events(scope.api::<GuardedFleet>(client), scope.watched());
    let (fleets, of_fleets) = known(health.noting("Fleets that are kept", fleets));
    let clusters = events(scope.api::<GuardedCluster>(client), scope.watched());
    let (clusters, of_clusters) = known(health.noting("AttachedClusters that are kept", clusters));
    let of_secrets = context.secrets.changes().map(async |secret| {
        let is_there = context.secrets.version(&secret).is_some();
        let key = (secret.namespace.into(), secret.name.into());
        if is_there {
            context.holds.seen(&key).await;
        } else {
            context.holds.left(&key).await;
        }
    });
    let of_secrets = of_secrets.buffer_unordered(UNANSWERED);
    let events = stream::select_all([of_fleets.boxed(), of_clusters.boxed(), of_secrets.boxed()]);
    let follow = events.for_each(|()| {
        released.notify_one();
        std::future::ready(())
    });
    let known = Known { fleets, clusters };
    tokio::join!(follow, keep(context, &known, released));
}

/// What there is of a kind, and its changes.
fn known<K>(events: impl Stream<Item = watcher::Result<Event<K>>>) -> (Store<K>, impl Stream<Item = ()>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    let (known, writer) = reflector::store();
    let events = events.modify(|object| object.managed_fields_mut().clear()).reflect(writer);
    let changes = events.touched_objects().filter_map(|event| std::future::ready(event.ok().map(drop)));
    (known, changes)
}

async fn keep(context: &Arc<Context>, known: &Known, released: &Notify) {
    let listed = tokio::join!(
        known.fleets.wait_until_ready(),
        known.clusters.wait_until_ready(),
        context.secrets.listed()
    );
    if !matches!(listed, (Ok(()), Ok(()), Ok(()))) {
        return;
    }
    let changes = WatchStream::from_changes(context.catalog.changes()).map(drop);
    let released = stream::unfold((), async |()| Some((released.notified().await, ())));
    let news = pin!(stream::select(changes, released));
    Acts::new(context.patience).run(news, |acts, why| begin(context, known, acts, why)).await;
}

/// Begins what is to be done now: says whether all that is known was heard.
fn begin(context: &Arc<Context>, known: &Known, acts: &mut Acts, why: Why) -> bool {
    let pass = {
        // Not held while anything is waited for: a Catalog that is held is copied at the next change.
        let catalog = context.catalog.current();
        let (fleets, clusters) = (known.fleets.state(), known.clusters.state());
        Pass::of(&catalog, &context.children, &fleets, &clusters, &context.secrets.all())
    };
    let is_heard = pass.lost.iter().map(|(secret, version)| context.holds.lost(secret, version));
    let is_heard = is_heard.fold(true, |all, is_heard| all & is_heard);
    context.holds.tidy();
    let here = || Arc::clone(context);
    for (namespace, due) in release::due(&pass) {
        acts.begin(About::Namespace(namespace.clone()), why, release::release(namespace, due, here()));
    }
    for secret in pass.hold {
        acts.begin(About::Secret(secret.clone()), why, hold(secret, here()));
    }
    for child in pass.let_go {
        acts.begin(About::Child(child.kind.kind(), child.key()), why, let_go(child, here()));
    }
    for (fleet, step) in pass.fleets {
        acts.begin(About::Fleet(key(&*fleet)), why, keep_fleet(fleet, step, here()));
    }
    // Those that are not needed any more are let go together with the Secrets.
    for (cluster, _, step) in pass.clusters.into_iter().filter(|(_, _, step)| *step != Step::Remove) {
        acts.begin(About::Cluster(key(&*cluster)), why, keep_cluster(cluster, step, here()));
    }
    is_heard
}

fn key(object: &impl ResourceExt) -> ObjectKey {
    ObjectKey::new(object.namespace().unwrap_or_default(), object.name_any())
}

async fn hold(secret: SecretKey, context: Arc<Context>) -> anyhow::Result<bool> {
    Ok(context.holds.keep(&secret).await)
}

async fn let_go(child: Arc<Child>, context: Arc<Context>) -> anyhow::Result<bool> {
    let left = context.writer.take_away(&child, true).await;
    let said = |failure: Failure| failure.summary("let go of", child.kind, &child.name).message;
    context.children.answered(left.map_err(|failure| anyhow::anyhow!(said(failure)))?);
    Ok(true)
}

async fn keep_fleet(object: Arc<GuardedFleet>, step: Step, context: Arc<Context>) -> anyhow::Result<bool> {
    match (step, &object.0) {
        (Step::Add, _) => finalizers::add(&context.client, &*object, FINALIZER_FLEET).await,
        (Step::Remove, decoded) => {
            let Some(why) = release::fleet(&object, &context).await? else { return Ok(true) };
            match decoded {
                Ok(fleet) if fleet.metadata.deletion_timestamp.is_some() => {
                    say(fleet, &why, &context).await?;
                }
                // Nobody waits for it.
                _ => {}
            }
            Ok(false)
        }
        (Step::Wait(why), Ok(fleet)) => say(fleet, &why, &context).await.map(|()| true),
        (Step::Wait(_), Err(_)) => Ok(true),
    }
}

/// Says why a Fleet that is being deleted is still there.
async fn say(fleet: &Fleet, why: &Summary, context: &Context) -> anyhow::Result<()> {
    let before = fleet.status.clone().unwrap_or_default();
    let status = FleetStatus {
        conditions: waiting(fleet, why, &before.conditions),
        observed_generation: fleet.metadata.generation,
        phase: Some(TERMINATING.to_owned()),
        reason: Some(why.reason.as_str().to_owned()),
        ..before
    };
    context.statuses.write(fleet, fleet.status.as_ref(), &status).await
}

async fn keep_cluster(
    object: Arc<GuardedCluster>,
    step: Step,
    context: Arc<Context>,
) -> anyhow::Result<bool> {
    match (step, &object.0) {
        (Step::Add, _) => finalizers::add(&context.client, &*object, FINALIZER_IN_USE).await,
        (Step::Wait(why), Ok(cluster)) => {
            let before = cluster.status.clone().unwrap_or_default();
            let status = AttachedClusterStatus {
                conditions: waiting(cluster, &why, &before.conditions),
                observed_generation: cluster.metadata.generation,
                ..before
            };
            context.statuses.write(cluster, cluster.status.as_ref(), &status).await.map(|()| true)
        }
        (Step::Remove, _) | (Step::Wait(_), Err(_)) => Ok(true),
    }
}

/// The conditions of what is being deleted and waits.
fn waiting(object: &impl Resource, why: &Summary, before: &[Condition]) -> Vec<Condition> {
    why.conditions(object.meta().generation, before, Timestamp::now())
}
