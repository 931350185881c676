//! `fleetgate cluster detach`.

use anyhow::{Context as _, bail};
use fleetgate_api::AttachedCluster;
use fleetgate_api::names::LABEL_JOINED;
use fleetgate_plan::{Cluster, usage};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Preconditions};
use kube::{Api, ResourceExt};

use super::fleets;
use crate::commands::connect::Connection;
use crate::stored::{Child, Scope, Stored, all_children, in_words};

/// Lets a cluster go to which nothing is delivered, and says so.
pub(super) async fn detach(connection: &Connection, name: &str) -> anyhow::Result<String> {
    let Connection { client, namespace, .. } = connection;
    let scope = Scope { namespace: Some(namespace.clone()), application: None };
    let stored = Stored::read(client, &scope).await?;
    let mut clusters = stored.clusters.iter().filter_map(|cluster| cluster.0.as_ref().ok());
    let cluster = clusters.find(|cluster| cluster.name_any() == name);
    let cluster = cluster
        .with_context(|| format!("there is no AttachedCluster {name:?} in namespace {namespace:?}"))?;
    let secret = cluster.spec.kubeconfig.as_ref().map(|reference| reference.name.as_str());
    refuse_if_used(cluster, secret, &stored, &all_children(client, &scope).await?)?;
    for fleet in stored.fleets.iter().filter_map(|fleet| fleet.0.as_ref().ok()) {
        if fleets::lists(fleet, name) {
            fleets::remove(client, namespace, &fleet.name_any(), name).await?;
        }
    }
    let api: Api<AttachedCluster> = Api::namespaced(client.clone(), namespace);
    let deleted = api.delete(name, &exactly(cluster.uid())).await.map_err(in_words);
    deleted.with_context(|| format!("AttachedCluster {namespace}/{name} cannot be deleted"))?;
    if let Some(secret) = secret {
        delete_if_joined(connection, secret).await?;
    }
    Ok(format!("AttachedCluster {namespace}/{name} detached\n"))
}

/// Says which Applications deliver there, and what is left of those that did.
fn refuse_if_used(
    cluster: &AttachedCluster,
    secret: Option<&str>,
    stored: &Stored,
    children: &[Child],
) -> anyhow::Result<()> {
    let catalog = stored.catalog();
    let known = Cluster::from(cluster);
    let uses = usage::of_cluster(&known, &catalog);
    if !uses.is_empty() {
        let uses = uses.iter().map(|usage| {
            let applications = usage.applications.join(", ");
            format!("{applications} (by Fleet {})", usage.fleet)
        });
        let uses: Vec<String> = uses.collect();
        let (name, uses) = (cluster.name_any(), uses.join("; "));
        bail!(
            "Applications deliver to {name}: {uses}; take it out of the Fleet first, or delete the Applications"
        );
    }
    let reaches = |child: &&Child| {
        let reached = child.object.data.pointer("/spec/kubeConfig/secretRef/name");
        secret.is_some() && reached.and_then(serde_json::Value::as_str) == secret
    };
    let left: Vec<String> = children
        .iter()
        .filter(reaches)
        .map(|child| format!("{} {}", child.kind.kind(), child.object.name_any()))
        .collect();
    if !left.is_empty() {
        bail!("{} is needed to take away what was delivered: {}", cluster.name_any(), left.join(", "));
    }
    Ok(())
}

fn exactly(uid: Option<String>) -> DeleteParams {
    let preconditions = Some(Preconditions { uid, ..Preconditions::default() });
    DeleteParams { preconditions, ..DeleteParams::default() }
}

/// A Secret that someone else made is not ours to delete.
async fn delete_if_joined(connection: &Connection, name: &str) -> anyhow::Result<()> {
    let secrets: Api<Secret> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let what = || format!("Secret {name} cannot be deleted");
    let secret = secrets.get_metadata_opt(name).await.map_err(in_words).with_context(what)?;
    if let Some(secret) = secret.filter(|secret| secret.labels().contains_key(LABEL_JOINED)) {
        secrets.delete(name, &exactly(secret.uid())).await.map_err(in_words).with_context(what)?;
    }
    Ok(())
}
