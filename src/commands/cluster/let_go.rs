//! How a cluster lets go of what was delivered to it, and how it is waited for.

use std::time::Duration;

use anyhow::{Context as _, bail};
use fleetgate_api::names::ANNOTATION_ORPHAN;
use fleetgate_api::{AttachedCluster, FIELD_MANAGER};
use fleetgate_plan::Catalog;
use fleetgate_plan::usage::Place;
use k8s_openapi::NamespaceResourceScope;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::commands::connect::Connection;
use crate::stored::{Child, Scope, all_children, in_words};

/// How long the controller may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often is looked what is left.
const LOOK: Duration = Duration::from_millis(300);

/// How many looks in a row find nothing before nothing is left.
const LOOKS: u32 = 3;

/// Has the controller let go of everything that was delivered to the cluster;
/// returns when nothing of it is left here.
pub(super) async fn let_go(
    connection: &Connection,
    cluster: &AttachedCluster,
    catalog: &Catalog,
) -> anyhow::Result<()> {
    annotate(connection, &cluster.name_any(), true).await?;
    let Some(place) = Place::of(cluster, catalog) else { return Ok(()) };
    let waiting = async {
        // Who had not heard of it yet may have made one of them again.
        let mut looks = 0;
        while looks < LOOKS {
            looks = if left(connection, &place).await?.is_empty() { looks + 1 } else { 0 };
            tokio::time::sleep(LOOK).await;
        }
        anyhow::Ok(())
    };
    if let Ok(waited) = tokio::time::timeout(PATIENCE, waiting).await {
        return waited;
    }
    let left: Vec<String> = left(connection, &place).await?.iter().map(called).collect();
    bail!(
        "{} lets go of what was delivered, and this is still there: {}; is Fleetgate's controller running?",
        cluster.name_any(),
        left.join(", ")
    )
}

/// Has the cluster let go, or be delivered to again.
pub(super) async fn annotate(connection: &Connection, name: &str, lets_go: bool) -> anyhow::Result<()> {
    let clusters: Api<AttachedCluster> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let patch = json!({"metadata": {"annotations": {ANNOTATION_ORPHAN: lets_go.then_some("true")}}});
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let annotated = clusters.patch(name, &parameters, &Patch::Merge(patch)).await.map_err(in_words);
    annotated.map(drop).with_context(|| format!("AttachedCluster {name} cannot be annotated"))
}

/// What is there of the Flux objects that were made for a cluster.
pub(super) async fn left(connection: &Connection, place: &Place) -> anyhow::Result<Vec<Child>> {
    let scope = Scope { namespace: Some(connection.namespace.clone()), application: None };
    let mut children = all_children(&connection.client, &scope).await?;
    children.retain(|child| place.has(&child.object.name_any(), child.purpose(), child.secret()));
    Ok(children)
}

/// What a Flux object is called in a message.
pub(super) fn called(child: &Child) -> String {
    format!("{} {}", child.kind.kind(), child.object.name_any())
}

/// Deletes exactly this object; returns when it is gone.
pub(super) async fn delete<K>(connection: &Connection, object: &K) -> anyhow::Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + 'static,
{
    let api = |client: &Client| Api::<K>::namespaced(client.clone(), &connection.namespace);
    let (name, uid) = (object.name_any(), object.uid().unwrap_or_default());
    let what = format!("{} {}/{name}", K::kind(&()), connection.namespace);
    let preconditions = Some(Preconditions { uid: Some(uid.clone()), ..Preconditions::default() });
    let parameters = DeleteParams { preconditions, ..DeleteParams::default() };
    let deleted = api(&connection.client).delete(&name, &parameters).await.map_err(in_words);
    deleted.with_context(|| format!("{what} cannot be deleted"))?;
    let gone = await_condition(api(&connection.watches), &name, conditions::is_deleted(&uid));
    let gone = tokio::time::timeout(PATIENCE, gone).await;
    let gone = gone.with_context(|| {
        format!("{what} is being deleted, and something still needs it: `kubectl describe` says what, if Fleetgate's controller runs")
    })?;
    gone.map(drop).with_context(|| format!("{what} cannot be watched"))
}
