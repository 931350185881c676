//! `fleetgate cluster`: how a cluster comes, what it is called by selectors, and how it goes.
//!
//! **Invariant**: everything is looked at before anything is written, and what
//! is written before something fails is taken back. Kubeconfigs are never printed.

mod detach;
mod fleets;
mod join;
mod kubeconfig;
mod labels;
mod let_go;
mod list;
mod rename;
mod same;

use anyhow::Context as _;
use fleetgate_api::{AttachedCluster, FIELD_MANAGER};
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::connect::{Connection, connect};
use crate::cli::{ClusterCommand, LabelsOptions};
use crate::stored::{Stored, in_words};

/// Does what is asked for, and says what was done.
///
/// # Errors
///
/// When it cannot be done; then it is not done by half.
pub(crate) async fn run(command: ClusterCommand) -> anyhow::Result<String> {
    let connection = connect(command.client()).await?;
    let done = match &command {
        ClusterCommand::Join(options) => join::join(&connection, options).await,
        ClusterCommand::List(options) => return list::list(&connection, options).await,
        ClusterCommand::Labels(options) => label(&connection, options).await,
        ClusterCommand::Detach(options) => detach::detach(&connection, &options.name, options.force).await,
        ClusterCommand::Rename(options) => rename::rename(&connection, options).await,
    };
    // What was said of the first steps may be why a later one failed.
    let warnings = connection.warnings.lines();
    match done {
        Ok(done) => Ok(warnings + &done),
        Err(error) if warnings.is_empty() => Err(error),
        Err(error) => Err(anyhow::anyhow!("{error:#}\n{}", warnings.trim_end())),
    }
}

/// The cluster of that name.
fn find<'a>(stored: &'a Stored, connection: &Connection, name: &str) -> anyhow::Result<&'a AttachedCluster> {
    let mut clusters = stored.clusters.iter().filter_map(|cluster| cluster.0.as_ref().ok());
    let found = clusters.find(|cluster| cluster.name_any() == name);
    found.with_context(|| {
        format!("there is no AttachedCluster {name:?} in namespace {:?}", connection.namespace)
    })
}

async fn label(connection: &Connection, options: &LabelsOptions) -> anyhow::Result<String> {
    let labels = labels::parse(&options.labels, true)?;
    let Connection { client, namespace, .. } = connection;
    let api: Api<AttachedCluster> = Api::namespaced(client.clone(), namespace);
    let patch = Patch::Merge(json!({"metadata": {"labels": labels}}));
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let labelled = api.patch(&options.name, &parameters, &patch).await.map_err(in_words);
    let labelled = labelled.with_context(|| format!("{namespace}/{} cannot be labelled", options.name))?;
    let labels = labels::in_one(labelled.metadata.labels.iter().flatten());
    let labels = if labels.is_empty() { "no labels" } else { &labels };
    Ok(format!("AttachedCluster {namespace}/{}: {labels}\n", options.name))
}
