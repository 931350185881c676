//! `fleetgate cluster list`.

use fleetgate_api::attached_cluster::KubeconfigReference;
use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster};
use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::{Api, Client, ResourceExt};

use super::kubeconfig::current;
use crate::commands::age::age;
use crate::commands::connect::Connection;
use crate::commands::paint::plain;
use crate::stored::{Scope, Stored};

/// How many Secrets are asked for at the same time.
const AT_ONCE: usize = 8;

const COLUMNS: [&str; 9] =
    ["NAMESPACE", "NAME", "KIND", "ENDPOINT", "VERSION", "READY", "FLEETS", "LABELS", "AGE"];

/// The clusters of the namespace, or of all, as a table.
pub(super) async fn list(connection: &Connection, all_namespaces: bool) -> anyhow::Result<String> {
    let scope =
        Scope { namespace: (!all_namespaces).then(|| connection.namespace.clone()), application: None };
    let stored = Stored::read(&connection.client, &scope).await?;
    let catalog = stored.catalog();
    let fleets: Vec<&Fleet> = stored.fleets.iter().filter_map(|fleet| fleet.0.as_ref().ok()).collect();
    let clusters = stored.clusters.iter().filter_map(|cluster| cluster.0.as_ref().ok());
    let now = Timestamp::now();
    let rows = stream::iter(clusters).map(|cluster| {
        let row = row(cluster, &fleets, &catalog, now);
        async move {
            let mut row = row;
            row[3] = endpoint(&connection.client, cluster).await.unwrap_or_else(|| "-".to_owned());
            row
        }
    });
    let rows: Vec<[String; 9]> = rows.buffered(AT_ONCE).collect().await;
    Ok(table(&rows))
}

/// What is said of a cluster, but for its endpoint.
fn row(cluster: &AttachedCluster, fleets: &[&Fleet], catalog: &Catalog, now: Timestamp) -> [String; 9] {
    let known = Cluster::from(cluster);
    let namespace = cluster.namespace().unwrap_or_default();
    let of_fleet = |fleet: &&&Fleet| {
        let entry = catalog.fleet(&namespace, &fleet.name_any());
        fleet.namespace().as_ref() == Some(&namespace) && entry.is_some_and(|entry| entry.has(&known))
    };
    let fleets: Vec<String> = fleets.iter().filter(of_fleet).map(|fleet| fleet.name_any()).collect();
    let status = cluster.status.clone().unwrap_or_default();
    let ready = status.ready.map_or("Unknown", |ready| if ready { "True" } else { "False" });
    let since = cluster.creation_timestamp().map(|created| age(created.0, now));
    [
        namespace.clone(),
        cluster.name_any(),
        "AttachedCluster".to_owned(),
        String::new(),
        status.version.unwrap_or_else(|| "-".to_owned()),
        ready.to_owned(),
        or_dash(fleets.join(",")),
        labels(cluster.labels()),
        since.unwrap_or_default(),
    ]
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

/// Labels as kubectl shows them.
pub(super) fn labels<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let labels: Vec<String> = labels.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    or_dash(labels.join(","))
}

/// Where the cluster is, for who may read its Secret.
async fn endpoint(client: &Client, cluster: &AttachedCluster) -> Option<String> {
    let KubeconfigReference { name, key } = cluster.spec.kubeconfig.as_ref()?;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &cluster.namespace()?);
    let content = secrets.get_opt(name).await.ok()??.data?.remove(key)?;
    // It names no file: those are refused.
    let kubeconfig = current(std::str::from_utf8(&content.0).ok()?, "".as_ref()).ok()?;
    Some(kubeconfig.server)
}

fn table(rows: &[[String; 9]]) -> String {
    let heading = COLUMNS.map(str::to_owned);
    let all = || std::iter::once(&heading).chain(rows);
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let line = |row: &[String; 9]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{:width$}", plain(cell)));
        format!("{}\n", cells.collect::<Vec<_>>().join("   ").trim_end())
    };
    all().map(line).collect()
}
