//! The flags of `fleetgate diff`.

use std::path::PathBuf;

use clap::Args;

use super::client::ClientOptions;
use super::{GuardOptions, TenancyOptions};

pub(super) const EXAMPLES: &str = "Examples:
  # What would kubectl apply of this file bring about, and where?
  fleetgate diff -f app.yaml

  # A Fleet, too: what becomes of the Applications that are delivered to it?
  fleetgate diff -f fleet.yaml -f app.yaml";

/// What is compared with which cluster.
#[derive(Debug, Args)]
pub(crate) struct DiffOptions {
    /// Files with Applications, Fleets and clusters, folders (their .yaml, .yml and .json files, recursively), or - for standard input
    #[arg(long = "file", short, required = true, num_args = 1.., value_name = "FILE|DIR|-")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) client: ClientOptions,
    #[command(flatten)]
    pub(crate) tenancy: TenancyOptions,
    #[command(flatten)]
    pub(crate) guard: GuardOptions,
}
