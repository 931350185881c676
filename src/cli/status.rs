//! The flags of `fleetgate status`.

use clap::{Args, ValueEnum};

use super::client::ClientOptions;

pub(super) const EXAMPLES: &str = "Examples:
  # One Application, and how each of its clusters fares
  fleetgate status shop

  # All of them, in every namespace, with whole revisions and messages
  fleetgate status --all-namespaces --output wide

  # Until it is there
  fleetgate status shop --watch";

/// What is shown of which Applications.
#[derive(Debug, Args)]
pub(crate) struct StatusOptions {
    /// The Application; without it all of the namespace
    #[arg(value_name = "APPLICATION")]
    pub(crate) application: Option<String>,
    /// The Applications of every namespace
    #[arg(long, short = 'A', conflicts_with_all = ["namespace", "application"])]
    pub(crate) all_namespaces: bool,
    /// How it is shown
    #[arg(long, short, value_enum, default_value_t = StatusFormat::Tree, value_name = "FORMAT")]
    pub(crate) output: StatusFormat,
    /// Show it again whenever something changes
    #[arg(long, short)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// How a status is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    /// A tree, a line each
    Tree,
    /// The tree with whole revisions and messages
    Wide,
    /// For programs
    Json,
    /// The same as YAML
    Yaml,
}
