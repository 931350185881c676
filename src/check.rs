//! `fleetgate check`: the command line's words for what `fleetgate-check` does,
//! and the Catalog of a cluster that runs (`--context`).

use std::io::Write;

use anyhow::Context as _;
use fleetgate_check::{Options, Outcome};
use fleetgate_plan::Catalog;

use crate::cli::{CheckOptions, ClientOptions};
use crate::commands::connect::connect;
use crate::stored::{Scope, Stored, insert_crds};

/// Checks all objects that are asked for, and writes what is to be said about them.
///
/// # Errors
///
/// When the cluster of `--context` cannot be asked, or `out` not be written to.
pub(crate) fn run(options: CheckOptions, coloured: bool, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let cluster = options.context.as_deref().map(catalog).transpose()?;
    let options = Options {
        is_complete: cluster.is_some(),
        catalog: cluster.unwrap_or_default().with_tenancy(options.tenancy.into()),
        paths: options.paths,
        around: options.catalog,
        format: options.output.into(),
        coloured,
        warnings_as_errors: options.warnings_as_errors,
    };
    fleetgate_check::run(options, out).context("cannot print")
}

/// What the cluster of that kubeconfig context knows, in all namespaces.
fn catalog(context: &str) -> anyhow::Result<Catalog> {
    crate::block_on(read(context)).with_context(|| format!("--context {context}"))
}

async fn read(context: &str) -> anyhow::Result<Catalog> {
    let options = ClientOptions { context: Some(context.to_owned()), ..ClientOptions::default() };
    let client = connect(&options).await?.client;
    let mut catalog = Stored::read(&client, &Scope::default()).await?.catalog();
    insert_crds(&client, &mut catalog).await?;
    Ok(catalog)
}
