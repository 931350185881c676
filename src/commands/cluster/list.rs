//! `fleetgate cluster list`.

mod row;
mod text;

use std::collections::BTreeMap;

use anyhow::Context as _;
use fleetgate_api::Fleet;
use fleetgate_plan::{Catalog, Cluster, ClusterKind};
use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use self::row::Row;
use super::kubeconfig::current;
use crate::cli::{ListFormat, ListOptions};
use crate::commands::connect::Connection;
use crate::stored::{Scope, Stored};

/// How many Secrets are asked for at the same time.
const AT_ONCE: usize = 8;

/// The clusters of the namespace, or of all, in the format that is asked for.
pub(super) async fn list(connection: &Connection, options: &ListOptions) -> anyhow::Result<String> {
    let namespace = (!options.all_namespaces).then(|| connection.namespace.clone());
    let stored =
        Stored::read(&connection.client, &Scope { namespace: namespace.clone(), application: None }).await?;
    let mut rows = rows(&stored);
    if options.output != ListFormat::Name {
        let looked = stream::iter(rows).map(|row| look(&connection.client, row)).buffered(AT_ONCE);
        rows = looked.collect().await;
    }
    let document = || json!({ "items": rows });
    Ok(match options.output {
        ListFormat::Table | ListFormat::Wide if rows.is_empty() => text::none(namespace.as_deref()),
        ListFormat::Table | ListFormat::Wide => text::table(&rows, options.output == ListFormat::Wide),
        ListFormat::Name => rows.iter().map(|row| row.resource() + "\n").collect(),
        ListFormat::Json => serde_json::to_string_pretty(&document()).context("a list is no JSON")? + "\n",
        ListFormat::Yaml => serde_saphyr::to_string(&document()).context("a list is no YAML")?,
    })
}

/// Every cluster, by namespace, kind and name.
fn rows(stored: &Stored) -> Vec<Row> {
    let catalog = stored.catalog();
    let fleets: Vec<&Fleet> = stored.fleets.iter().filter_map(|fleet| fleet.0.as_ref().ok()).collect();
    let attached = stored.clusters.iter().filter_map(|cluster| cluster.0.as_ref().ok()).map(Row::attached);
    let provisioned = stored.provisioned.iter().map(Row::provisioned);
    let rows = attached.chain(provisioned).map(|row| {
        let fleets = fleets_of(&row.cluster, &fleets, &catalog);
        (row.cluster.key.clone(), Row { fleets, ..row })
    });
    rows.collect::<BTreeMap<_, _>>().into_values().collect()
}

fn fleets_of(cluster: &Cluster, fleets: &[&Fleet], catalog: &Catalog) -> Vec<String> {
    let has = |fleet: &&&Fleet| {
        let namespace = fleet.namespace().unwrap_or_default();
        catalog.fleet(&namespace, &fleet.name_any()).is_some_and(|entry| entry.has(cluster))
    };
    fleets.iter().filter(has).map(|fleet| fleet.name_any()).collect()
}

/// Completes what its Secret says of a cluster, for who may read that.
async fn look(client: &Client, row: Row) -> Row {
    let Some(kubeconfig) = &row.cluster.kubeconfig else { return row };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &row.cluster.key.namespace);
    let Ok(secret) = secrets.get_opt(&kubeconfig.secret).await else { return row };
    let ready = match row.cluster.key.kind {
        ClusterKind::AttachedCluster => row.ready,
        // As its Fleets count it.
        _ => Some(secret.is_some()),
    };
    let content = secret.and_then(|secret| secret.data?.remove(&kubeconfig.key));
    // It names no file: those are refused.
    let endpoint = content
        .and_then(|content| Some(current(std::str::from_utf8(&content.0).ok()?, "".as_ref()).ok()?.server));
    Row { endpoint, ready, ..row }
}
