//! `fleetgate cluster detach`.

use anyhow::{Context as _, bail};
use fleetgate_api::AttachedCluster;
use fleetgate_api::names::LABEL_JOINED;
use fleetgate_plan::usage::{self, Place};
use fleetgate_plan::{Catalog, Cluster};
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::{Api, ResourceExt};

use super::let_go::{called, delete, left, let_go};
use super::{find, fleets};
use crate::commands::connect::Connection;
use crate::stored::{Scope, Stored, in_words};

/// Lets a cluster go to which nothing is delivered, or by force any, and says so.
pub(super) async fn detach(connection: &Connection, name: &str, force: bool) -> anyhow::Result<String> {
    let Connection { client, namespace, .. } = connection;
    let stored =
        Stored::read(client, &Scope { namespace: Some(namespace.clone()), application: None }).await?;
    let cluster = find(&stored, connection, name)?;
    let catalog = stored.catalog();
    if force {
        let_go(connection, cluster, &catalog).await?;
    } else {
        refuse_if_used(connection, cluster, &catalog).await?;
    }
    for fleet in stored.fleets.iter().filter_map(|fleet| fleet.0.as_ref().ok()) {
        if fleets::lists(fleet, name) {
            fleets::remove(client, namespace, &fleet.name_any(), name).await?;
        }
    }
    delete(connection, cluster).await?;
    if let Some(place) = Place::of(cluster, &catalog).filter(|place| !place.is_shared()) {
        delete_if_joined(connection, &place.secret).await?;
    }
    Ok(format!("AttachedCluster {namespace}/{name} detached\n"))
}

/// Says which Applications deliver there, and what is left of those that did.
async fn refuse_if_used(
    connection: &Connection,
    cluster: &AttachedCluster,
    catalog: &Catalog,
) -> anyhow::Result<()> {
    let known = Cluster::from(cluster);
    let uses = usage::of_cluster(&known, catalog);
    if !uses.is_empty() {
        let uses = uses.iter().map(|usage| {
            let applications = usage.applications.join(", ");
            format!("{applications} (by Fleet {})", usage.fleet)
        });
        let uses: Vec<String> = uses.collect();
        let (name, uses) = (cluster.name_any(), uses.join("; "));
        bail!(
            "Applications deliver to {name}: {uses}; take it out of the Fleet first, or delete the Applications; \
             if the cluster is gone for good: --force"
        );
    }
    let Some(place) = Place::of(cluster, catalog) else { return Ok(()) };
    let left: Vec<String> = left(connection, &place).await?.iter().map(called).collect();
    if !left.is_empty() {
        bail!(
            "{} is needed to take away what was delivered: {}; wait until that is gone, or confirm its removal where it \
             is held (fleetgate status shows how); if the cluster is gone for good: --force",
            cluster.name_any(),
            left.join(", ")
        );
    }
    Ok(())
}

/// A Secret that someone else made is not ours to delete.
async fn delete_if_joined(connection: &Connection, name: &str) -> anyhow::Result<()> {
    let secrets: Api<PartialObjectMeta<Secret>> =
        Api::namespaced(connection.client.clone(), &connection.namespace);
    let secret = secrets.get_opt(name).await.map_err(in_words);
    let secret = secret.with_context(|| format!("Secret {name} cannot be read"))?;
    match secret.filter(|secret| secret.labels().contains_key(LABEL_JOINED)) {
        Some(secret) => delete(connection, &secret).await,
        None => Ok(()),
    }
}
