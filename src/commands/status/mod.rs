//! `fleetgate status`: how Applications fare, from the source to every Flux object.
//!
//! ```text
//! Applications, Fleets, clusters, Flux objects ─▶ tree ─▶ text, JSON, YAML
//! ```
//!
//! **Invariant**: where a policy goes is what the plan says, and how an object
//! fares is what the controller reads out of it. The Application's own line is
//! what its status says.

mod node;
mod text;
mod tree;
mod watch;

#[cfg(test)]
mod tests;

use std::io::Write;

use anyhow::{Context as _, bail};
use fleetgate_api::{AttachedCluster, ConditionType};
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::{Client, ResourceExt};
use serde_json::json;

use self::node::{Health, Node};
use self::text::Look;
use self::tree::{Troubles, tree};
use self::watch::Changes;
use super::connect::connect;
use crate::cli::{StatusFormat, StatusOptions};
use crate::stored::{Scope, Stored, labelled_children};

/// What a status comes to, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every Application is ready.
    Ready = 0,
    /// At least one is not.
    NotReady = 1,
}

/// Shows the Applications that are asked for on `out`; with `--watch` until
/// nobody reads it any more.
///
/// # Errors
///
/// When the cluster cannot be asked, does not have the Application, or `out`
/// cannot be written to.
pub(crate) async fn run(
    options: StatusOptions,
    coloured: bool,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let connection = connect(&options.client).await?;
    let scope = Scope {
        namespace: (!options.all_namespaces).then_some(connection.namespace),
        application: options.application,
    };
    let client = connection.client;
    let mut changes = options.watch.then(|| Changes::of(&connection.watches, &scope));
    let mut shown = Vec::new();
    loop {
        let trees = trees(&client, &scope).await?;
        // What is the same but for its ages is not shown again.
        if trees != shown || changes.is_none() {
            let text = written(&trees, &scope, options.output, coloured)?;
            if changes.is_some() && coloured {
                // A terminal shows the present state alone.
                write!(out, "\x1b[2J\x1b[H")?;
            }
            out.write_all(text.as_bytes())?;
            out.flush()?;
            shown = trees;
        }
        match &mut changes {
            Some(changes) => changes.next().await,
            None => return Ok(outcome(&shown)),
        }
    }
}

fn outcome(trees: &[Node]) -> Outcome {
    let all_ready = trees.iter().all(|tree| tree.state == Health::Ready);
    if all_ready { Outcome::Ready } else { Outcome::NotReady }
}

/// The tree of every Application in `scope`.
async fn trees(client: &Client, scope: &Scope) -> anyhow::Result<Vec<Node>> {
    let stored = Stored::read(client, scope).await?;
    if let (Some(name), true) = (&scope.application, stored.applications.is_empty()) {
        let namespace = scope.namespace.as_deref().unwrap_or_default();
        bail!("there is no Application {name:?} in namespace {namespace:?}");
    }
    let children = labelled_children(client, scope).await?;
    let catalog = stored.catalog();
    let troubles: Troubles = stored.clusters.iter().filter_map(trouble).collect();
    let trees = stored.applications.iter().map(|application| match &application.0 {
        Ok(application) => tree(application, &catalog, &children, &troubles),
        Err(error) => Node {
            namespace: application.namespace(),
            message: Some(format!("cannot be read: {error}")),
            ..Node::new("Application", application.name_any(), Health::Failed)
        },
    });
    Ok(trees.collect())
}

/// What a cluster object says of itself if it is not ready.
fn trouble(cluster: &DeserializeGuard<AttachedCluster>) -> Option<((String, String, String), String)> {
    let cluster = cluster.0.as_ref().ok()?;
    let status = cluster.status.as_ref()?;
    let is_trouble = |type_: &str, status: &str| type_ == ConditionType::Ready.as_str() && status == "False";
    let ready = status.conditions.iter().find(|condition| is_trouble(&condition.type_, &condition.status))?;
    let key = (cluster.namespace().unwrap_or_default(), "AttachedCluster".to_owned(), cluster.name_any());
    Some((key, format!("{}: {}", ready.reason, ready.message)))
}

fn written(trees: &[Node], scope: &Scope, format: StatusFormat, coloured: bool) -> anyhow::Result<String> {
    let document = || match (trees, &scope.application) {
        ([tree], Some(_)) => json!(tree),
        _ => json!({ "items": trees }),
    };
    match format {
        StatusFormat::Tree | StatusFormat::Wide if trees.is_empty() => {
            Ok(scope.namespace.as_ref().map_or_else(
                || "there is no Application\n".to_owned(),
                |namespace| format!("there is no Application in namespace {namespace:?}\n"),
            ))
        }
        StatusFormat::Tree | StatusFormat::Wide => {
            let look = Look { wide: format == StatusFormat::Wide, coloured, now: Timestamp::now() };
            Ok(text::text(trees, look))
        }
        StatusFormat::Json => {
            let text = serde_json::to_string_pretty(&document()).context("a status is no JSON")?;
            Ok(format!("{text}\n"))
        }
        StatusFormat::Yaml => serde_saphyr::to_string(&document()).context("a status is no YAML"),
    }
}
