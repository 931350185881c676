//! `--context`: the Catalog of a cluster that runs.

use anyhow::Context as _;
use fleetgate_plan::Catalog;

use crate::cli::ClientOptions;
use crate::commands::connect::connect;
use crate::stored::{Scope, Stored, insert_crds};

/// What the cluster of that kubeconfig context knows, in all namespaces.
///
/// # Errors
///
/// When there is no such context, or the cluster does not answer, or its
/// objects may not be listed.
pub(super) fn catalog(context: &str) -> anyhow::Result<Catalog> {
    crate::block_on(read(context)).with_context(|| format!("--context {context}"))
}

async fn read(context: &str) -> anyhow::Result<Catalog> {
    let options = ClientOptions { context: Some(context.to_owned()), ..ClientOptions::default() };
    let client = connect(&options).await?.client;
    let mut catalog = Stored::read(&client, &Scope::default()).await?.catalog();
    insert_crds(&client, &mut catalog).await?;
    Ok(catalog)
}
