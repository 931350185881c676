//! Which cluster a command asks, with the flags that kubectl has for it.

use std::path::PathBuf;

use clap::Args;

/// Which cluster is asked, and where in it.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClientOptions {
    /// The kubeconfig; without it that of KUBECONFIG, of ~/.kube/config, or of the pod
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig, in place of its current one
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The namespace, in place of the context's
    #[arg(long, short, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
}
