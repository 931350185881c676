//! The command line: every command with its flags.

mod certificate;
mod client;
mod cluster;
mod controller;
mod diff;
mod guard;
mod log;
mod server;
mod status;
mod stdin;
mod traces;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use fleetgate_check::Format;
use fleetgate_plan::Tenancy;
use fleetgate_webhooks::names;

pub(crate) use self::certificate::CertificateOptions;
pub(crate) use self::client::ClientOptions;
pub(crate) use self::cluster::{
    ClusterCommand, JoinOptions, LabelsOptions, ListFormat, ListOptions, RenameOptions,
};
pub(crate) use self::controller::ControllerOptions;
pub(crate) use self::diff::DiffOptions;
pub(crate) use self::guard::GuardOptions;
pub(crate) use self::log::{LogFormat, LogOptions};
pub(crate) use self::server::{HealthOptions, LimitOptions};
pub(crate) use self::status::{StatusFormat, StatusOptions};
pub(crate) use self::traces::TraceOptions;

/// The gate in front of a fleet of Kubernetes clusters: checks every
/// Application at admission, and delivers it through Flux.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) log: LogOptions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer admission reviews
    Webhook {
        #[command(flatten)]
        webhook: WebhookOptions,
        #[command(flatten)]
        health: HealthOptions,
        #[command(flatten)]
        tenancy: TenancyOptions,
        #[command(flatten)]
        guard: GuardOptions,
        #[command(flatten)]
        traces: TraceOptions,
    },
    /// Deliver Applications: write Flux objects and status
    Controller {
        #[command(flatten)]
        controller: ControllerOptions,
        #[command(flatten)]
        health: HealthOptions,
        #[command(flatten)]
        tenancy: TenancyOptions,
        #[command(flatten)]
        guard: GuardOptions,
        #[command(flatten)]
        traces: TraceOptions,
    },
    /// Answer admission reviews and deliver Applications, in one process
    Serve {
        #[command(flatten)]
        controller: ControllerOptions,
        #[command(flatten)]
        webhook: WebhookOptions,
        #[command(flatten)]
        health: HealthOptions,
        #[command(flatten)]
        tenancy: TenancyOptions,
        #[command(flatten)]
        guard: GuardOptions,
        #[command(flatten)]
        traces: TraceOptions,
    },
    /// Check manifests as admission would, without a cluster
    ///
    /// Prints every finding with file, line and column. Fleets and clusters
    /// among the files are what the Applications are checked against.
    /// Exit code: 0 if every object would be admitted, 1 if one would be
    /// refused, 2 if something could not be read.
    Check(CheckOptions),
    /// Print the Flux and Flagger objects that Applications become, without a cluster
    ///
    /// A stream of YAML documents for reading and comparing: Flux's objects,
    /// which stand on the host, one for each cluster, and the objects of rollouts,
    /// which stand in the clusters themselves. The comment above each says whose
    /// it is and where. What is to be said about them goes to standard error.
    /// Exit code: 0 if everything was rendered, 1 if an Application would be
    /// refused, 2 if something could not be read.
    Render(RenderOptions),
    /// Show how Applications fare: source, policies, clusters, and the Flux object in each
    ///
    /// Exit code: 0 if all of them are ready, 1 if one is not, 2 if that cannot be told.
    #[command(after_help = status::EXAMPLES)]
    Status(StatusOptions),
    /// Say what applying manifests would change, and on which clusters
    ///
    /// The manifests are judged as admission would, against what the cluster has
    /// stored; what they become is compared with the Flux objects that exist.
    /// Nothing is written. Exit code: 0 if nothing would change, 1 if something
    /// would, 2 if an object would be refused or something could not be read.
    #[command(after_help = diff::EXAMPLES)]
    Diff(DiffOptions),
    /// Join clusters, list them, label and rename them, and let them go
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Explain a rule: what it finds, why, and how it is put right
    Explain {
        /// The code at the end of a finding, such as source/url; without it every rule is listed
        code: Option<String>,
    },
    /// Print everything that is installed on a cluster
    Manifests(OutputOptions),
    /// Print the CRDs
    Crds(OutputOptions),
    /// Print a shell's script that completes this command line
    ///
    /// Of `kubectl fleetgate` it is the one for kubectl-fleetgate.
    #[command(after_help = COMPLETION_EXAMPLES)]
    Completion {
        /// The shell
        shell: Shell,
    },
    /// Write manual pages: one for the program, and one for each command
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// The folder to write them into
        #[arg(long, short, value_name = "DIR")]
        output: PathBuf,
    },
}

impl Command {
    /// The name of a command that serves, as its pods have it, and where its spans go; nothing of one that ends by itself.
    pub(crate) fn service(&self) -> Option<(&'static str, &TraceOptions)> {
        match self {
            Self::Webhook { traces, .. } => Some(("fleetgate-webhook", traces)),
            Self::Controller { traces, .. } => Some(("fleetgate-controller", traces)),
            Self::Serve { traces, .. } => Some(("fleetgate", traces)),
            _ => None,
        }
    }
}

const COMPLETION_EXAMPLES: &str = "Examples:
  # In this shell
  source <(fleetgate completion bash)

  # In every one
  fleetgate completion fish > ~/.config/fish/completions/fleetgate.fish";

const MAN_EXAMPLES: &str = "Examples:
  fleetgate man --output ~/.local/share/man/man1
  man fleetgate-check";

/// What is rendered.
#[derive(Debug, Args)]
pub(crate) struct RenderOptions {
    /// Files with Applications, folders (their .yaml, .yml and .json files, recursively), or - for standard input
    #[arg(long = "file", short, required = true, num_args = 1.., value_name = "FILE|DIR|-")]
    pub(crate) files: Vec<PathBuf>,
    /// Further files with the Fleets and clusters that the Applications name
    #[arg(long, num_args = 1.., value_name = "FILE|DIR|-")]
    pub(crate) catalog: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) tenancy: TenancyOptions,
}

/// What is checked, against what, and how that is told.
#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    /// Files, folders (their .yaml, .yml and .json files, recursively), or - for standard input
    #[arg(required = true, value_name = "FILE|DIR|-")]
    pub(crate) paths: Vec<PathBuf>,
    /// How the findings are written
    #[arg(long, short, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT")]
    pub(crate) output: OutputFormat,
    /// End with code 1 if there are warnings, too
    #[arg(long)]
    pub(crate) warnings_as_errors: bool,
    /// More files whose Fleets and clusters the Applications are checked against; they are not checked themselves
    #[arg(long, value_name = "FILE|DIR|-")]
    pub(crate) catalog: Vec<PathBuf>,
    /// A context of the kubeconfig: the Fleets and clusters of that cluster count, too
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    #[command(flatten)]
    pub(crate) tenancy: TenancyOptions,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people: the lines, and what is wrong in them
    Text,
    /// For programs
    Json,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// For test reports: the XML of JUnit
    Junit,
    /// For annotations in GitHub: workflow commands
    Github,
}

impl From<OutputFormat> for Format {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Text => Self::Text,
            OutputFormat::Json => Self::Json,
            OutputFormat::Sarif => Self::Sarif,
            OutputFormat::Junit => Self::Junit,
            OutputFormat::Github => Self::Github,
        }
    }
}

/// How far tenants may reach. An installation has one answer: its webhook, its
/// controller and the checks before it are given the same.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tenants")]
pub(crate) struct TenancyOptions {
    /// Refuse references out of an Application's namespace, which are warned of otherwise
    #[arg(long, env = "FLEETGATE_NO_CROSS_NAMESPACE_REFS", value_parser = BoolishValueParser::new())]
    no_cross_namespace_refs: bool,
    /// Refuse policies without a destination, which go to the host cluster otherwise
    #[arg(long, env = "FLEETGATE_NO_HOST_DESTINATION", value_parser = BoolishValueParser::new())]
    no_host_destination: bool,
    /// Have Flux act as this ServiceAccount, in the cluster that it delivers to, where a policy names none
    #[arg(long, env = "FLEETGATE_DEFAULT_SERVICE_ACCOUNT", value_parser = object_name, value_name = "NAME")]
    default_service_account: Option<String>,
}

fn object_name(name: &str) -> Result<String, &'static str> {
    let is_name = names::is_dns_subdomain(name);
    is_name.then(|| name.to_owned()).ok_or("no object can have that name")
}

impl From<TenancyOptions> for Tenancy {
    fn from(options: TenancyOptions) -> Self {
        let TenancyOptions { no_cross_namespace_refs, no_host_destination, default_service_account } =
            options;
        Self { no_cross_namespace_refs, no_host_destination, default_service_account }
    }
}

/// Where the webhook listens.
#[derive(Debug, Args)]
pub(crate) struct WebhookOptions {
    /// Address and port to listen on
    #[arg(long, default_value = "0.0.0.0:9443", value_name = "ADDRESS:PORT")]
    pub(crate) bind: SocketAddr,
    #[command(flatten)]
    pub(crate) limits: LimitOptions,
    // Last: its heading counts for all that follows.
    #[command(flatten)]
    pub(crate) certificate: CertificateOptions,
}

/// Where generated files go.
#[derive(Debug, Args)]
pub(crate) struct OutputOptions {
    /// Write one file each below this folder instead of printing
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

#[cfg(test)]
mod tests;
