//! `fleetgate cluster rename`.
//!
//! The names of Flux objects have the cluster's in them, so that others take
//! their place. The old ones go first, without taking anything along; only then
//! do the Fleets change, so that nobody removes for real what leaves them.

use anyhow::{Context as _, bail};
use fleetgate_api::{AttachedCluster, FIELD_MANAGER};
use fleetgate_plan::FluxKind;
use fleetgate_plan::usage::Place;
use kube::api::PostParams;
use kube::{Api, ResourceExt};
use serde_json::json;

use super::let_go::{annotate, called, delete, left, let_go};
use super::{find, fleets};
use crate::cli::RenameOptions;
use crate::commands::connect::Connection;
use crate::stored::{Child, Scope, Stored, in_words};

/// Annotations that are of the old object alone begin so.
const NOT_KEPT: [&str; 2] = ["fleetgate.dev/", "kubectl.kubernetes.io/"];

/// Gives a cluster another name, and says so.
pub(super) async fn rename(connection: &Connection, options: &RenameOptions) -> anyhow::Result<String> {
    let RenameOptions { old, new, force, .. } = options;
    let Connection { client, namespace, .. } = connection;
    let stored =
        Stored::read(client, &Scope { namespace: Some(namespace.clone()), application: None }).await?;
    let cluster = find(&stored, connection, old)?;
    let catalog = stored.catalog();
    let renamed = renamed(cluster, new)?;
    let clusters: Api<AttachedCluster> = Api::namespaced(client.clone(), namespace);
    if !*force && let Some(place) = Place::of(cluster, &catalog) {
        refuse_if_installed_anew(old, &left(connection, &place).await?)?;
    }
    create(&clusters, &renamed, true).await?;
    let_go(connection, cluster, &catalog).await?;
    if let Err(error) = create(&clusters, &renamed, false).await {
        annotate(connection, old, false).await?;
        return Err(error);
    }
    let mut of_fleets = Vec::new();
    for fleet in stored.fleets.iter().filter_map(|fleet| fleet.0.as_ref().ok()) {
        if fleets::lists(fleet, old) {
            let exchanged = fleets::exchange(client, namespace, &fleet.name_any(), (old, new)).await;
            exchanged.with_context(|| format!("put {new} in the place of {old} there, and delete {old}"))?;
            of_fleets.push(fleet.name_any());
        }
    }
    delete(connection, cluster).await?;
    let fleets =
        if of_fleets.is_empty() { String::new() } else { format!(", in Fleet {}", of_fleets.join(", ")) };
    Ok(format!("AttachedCluster {namespace}/{old} is {new} now{fleets}\n"))
}

/// Another release would be installed beside the one that is there.
fn refuse_if_installed_anew(name: &str, children: &[Child]) -> anyhow::Result<()> {
    let is_called_by_it = |child: &&Child| {
        child.kind == FluxKind::HelmRelease && child.object.data.pointer("/spec/releaseName").is_none()
    };
    let releases: Vec<String> = children.iter().filter(is_called_by_it).map(called).collect();
    if !releases.is_empty() {
        bail!(
            "Helm releases are called by the name of {name}, and would be installed anew: {}; set helm.releaseName in their \
             policies to what `helm list` shows, or give --force",
            releases.join(", ")
        );
    }
    Ok(())
}

/// The same cluster under another name.
fn renamed(cluster: &AttachedCluster, name: &str) -> anyhow::Result<AttachedCluster> {
    let is_kept = |key: &String| !NOT_KEPT.iter().any(|prefix| key.starts_with(prefix));
    let annotations: serde_json::Map<_, _> = cluster
        .annotations()
        .iter()
        .filter(|(key, _)| is_kept(key))
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    let renamed = serde_json::from_value(json!({
        "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
        "metadata": {"name": name, "labels": cluster.labels(), "annotations": annotations},
        "spec": cluster.spec,
    }));
    renamed.context("the cluster cannot be copied")
}

/// Makes the cluster, or only says whether it could be made.
async fn create(
    clusters: &Api<AttachedCluster>,
    cluster: &AttachedCluster,
    dry_run: bool,
) -> anyhow::Result<()> {
    let parameters = PostParams { dry_run, field_manager: Some(FIELD_MANAGER.to_owned()) };
    let created = clusters.create(&parameters, cluster).await.map_err(in_words);
    created.map(drop).with_context(|| format!("AttachedCluster {} cannot be made", cluster.name_any()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_the_cluster_goes_along() {
        let cluster = serde_json::from_value(json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {
                "name": "old", "namespace": "default", "uid": "u", "labels": {"env": "test"}, "finalizers": ["fleetgate.dev/in-use"],
                "annotations": {
                    "note": "kept", "fleetgate.dev/orphan": "true", "kubectl.kubernetes.io/last-applied-configuration": "{}",
                },
            },
            "spec": {"kubeconfig": {"name": "old-kubeconfig", "key": "value"}},
            "status": {"ready": true},
        }));
        let renamed = renamed(&cluster.expect("an AttachedCluster"), "new").expect("a copy");
        let expected = json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": "new", "labels": {"env": "test"}, "annotations": {"note": "kept"}},
            "spec": {"kubeconfig": {"name": "old-kubeconfig", "key": "value"}},
        });
        assert_eq!(serde_json::to_value(renamed).expect("JSON"), expected);
    }
}
