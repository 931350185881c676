//! The flags of `fleetgate cluster`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::client::ClientOptions;

const JOIN_EXAMPLES: &str = "Examples:
  # A cluster, as its kubeconfig calls it
  fleetgate cluster join member.kubeconfig

  # Under another name, into a Fleet, with labels for selectors
  fleetgate cluster join member.kubeconfig --name berlin --fleet production --labels env=prod,region=eu";

/// What is done with clusters.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Join a cluster by its kubeconfig
    ///
    /// Of the kubeconfig only the cluster and the user of its current context are
    /// stored, with the files that they name. Before anything is written the
    /// cluster is asked whether it works, what its version is, whether the user may do
    /// everything there, and whether it is the host or joined already.
    #[command(after_help = JOIN_EXAMPLES)]
    Join(JoinOptions),
    /// List clusters: where they are, what they are, and in which Fleets
    List(ListOptions),
    /// Set and remove labels of a cluster, by which selectors find it
    Labels(LabelsOptions),
    /// Take a cluster out of its Fleets, and delete it and the Secret that it was joined with
    ///
    /// Refused while an Application delivers there, or something is left of one that did.
    Detach(DetachOptions),
    /// Give a cluster another name, and keep what runs there
    ///
    /// A cluster of the new name with the same Secret takes its place in every Fleet
    /// that lists it. What was delivered is let go of and taken up again.
    Rename(RenameOptions),
}

impl ClusterCommand {
    /// Which host is meant, whatever is done.
    pub(crate) const fn client(&self) -> &ClientOptions {
        match self {
            Self::Join(JoinOptions { client, .. })
            | Self::List(ListOptions { client, .. })
            | Self::Labels(LabelsOptions { client, .. })
            | Self::Detach(DetachOptions { client, .. })
            | Self::Rename(RenameOptions { client, .. }) => client,
        }
    }
}

/// Which cluster is joined, and as what.
#[derive(Debug, Args)]
pub(crate) struct JoinOptions {
    /// The cluster's kubeconfig
    pub(crate) file: PathBuf,
    /// Its name here; without it what the kubeconfig's current context calls the cluster
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// A Fleet that is to have it
    #[arg(long, value_name = "FLEET")]
    pub(crate) fleet: Option<String>,
    /// Its labels
    #[arg(long, value_delimiter = ',', value_name = "KEY=VALUE,...")]
    pub(crate) labels: Vec<String>,
    /// Join it even if its user may not do everything there
    #[arg(long)]
    pub(crate) limited: bool,
    /// Join it even if it is the host, or one of the namespace's clusters already
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// Which clusters are listed.
#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// The clusters of every namespace
    #[arg(long, short = 'A', conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
    /// How they are shown
    #[arg(long, short, value_enum, default_value_t = ListFormat::Table, value_name = "FORMAT")]
    pub(crate) output: ListFormat,
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// How clusters are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A line each
    Table,
    /// The same with the Secret, and why a cluster is ready or not
    Wide,
    /// For programs
    Json,
    /// The same as YAML
    Yaml,
    /// KIND.GROUP/NAME, as kubectl takes it
    Name,
}

/// Which labels a cluster gets.
#[derive(Debug, Args)]
pub(crate) struct LabelsOptions {
    /// The cluster
    pub(crate) name: String,
    /// The labels; KEY- removes one
    #[arg(required = true, value_name = "KEY=VALUE|KEY-")]
    pub(crate) labels: Vec<String>,
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// Which cluster is let go.
#[derive(Debug, Args)]
pub(crate) struct DetachOptions {
    /// The cluster
    pub(crate) name: String,
    /// Let go of what was delivered there, and leave it: for a cluster that is gone
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// Which cluster gets which name.
#[derive(Debug, Args)]
pub(crate) struct RenameOptions {
    /// The cluster
    pub(crate) old: String,
    /// Its name from now on
    pub(crate) new: String,
    /// Even if Helm releases are called by the name, and are installed anew
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}
