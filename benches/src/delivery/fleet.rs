//! What is delivered, and where to.

use fleetgate_api::{Application, AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster};
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::Size;
use super::members::Members;

const FLEET: &str = "members";

/// The label that every policy selects its clusters by, and its value.
pub(super) const TIER: (&str, &str) = ("tier", "prod");

/// The name of a cluster.
pub(super) fn cluster_name(index: usize) -> String {
    format!("member-{index}")
}

/// The clusters and the Fleet of all of them.
fn objects(namespace: &str, clusters: usize) -> (Vec<Value>, Value) {
    let (label, value) = TIER;
    let cluster = |index| {
        json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": cluster_name(index), "namespace": namespace, "labels": {label: value}},
            "spec": {"kubeconfig": {"name": cluster_name(index), "key": "value"}},
        })
    };
    let listed: Vec<Value> =
        (0..clusters).map(|index| json!({"kind": "AttachedCluster", "name": cluster_name(index)})).collect();
    let fleet = json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": FLEET, "namespace": namespace}, "spec": {"clusters": listed},
    });
    ((0..clusters).map(cluster).collect(), fleet)
}

/// The same as the controllers know it.
pub(super) fn catalog(namespace: &str, clusters: usize) -> anyhow::Result<Catalog> {
    let mut catalog = Catalog::default();
    let (clusters, fleet) = objects(namespace, clusters);
    for cluster in clusters {
        catalog.insert_cluster(Cluster::from(&serde_json::from_value::<AttachedCluster>(cluster)?));
    }
    catalog.insert_fleet(&serde_json::from_value::<Fleet>(fleet)?);
    Ok(catalog)
}

/// Creates a namespace with clusters, each of which answers, and their Fleet.
pub(super) async fn install(
    client: &Client,
    namespace: &str,
    size: Size,
    members: &Members,
) -> anyhow::Result<()> {
    create_namespace(client, namespace).await?;
    let (clusters, fleet) = objects(namespace, size.clusters);
    let secrets = (0..size.clusters).map(|index| members.secret(namespace, &cluster_name(index)));
    for object in secrets.chain(clusters).chain([fleet]) {
        create(client, namespace, object).await?;
    }
    Ok(())
}

pub(super) async fn create_namespace(client: &Client, name: &str) -> anyhow::Result<()> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    create(client, "", namespace).await
}

async fn create(client: &Client, namespace: &str, object: Value) -> anyhow::Result<()> {
    let object: DynamicObject = serde_json::from_value(object)?;
    let types = object.types.clone().unwrap_or_default();
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types)?);
    let api: Api<DynamicObject> = if namespace.is_empty() {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, &resource)
    };
    api.create(&PostParams::default(), &object).await?;
    Ok(())
}

/// An Application of two policies, each to all clusters of the tier.
pub(super) fn application(namespace: &str, number: usize) -> anyhow::Result<Application> {
    let policy = |part: &str| {
        json!({
            "name": format!("app-{number}-{part}"),
            "kustomization": {"interval": "5m", "path": format!("./deploy/{part}"), "prune": true, "timeout": "2m"},
        })
    };
    let (label, value) = TIER;
    Ok(serde_json::from_value(json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": format!("app-{number}"), "namespace": namespace},
        "spec": {
            "source": {"gitRepository": {
                "url": format!("https://example.com/team/app-{number}"), "interval": "3m", "ref": {"branch": "main"},
            }},
            "destination": {"fleet": FLEET, "clusterSelector": {"matchLabels": {label: value}}},
            "syncPolicies": [policy("backend"), policy("frontend")],
        },
    }))?)
}
