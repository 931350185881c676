//! The way to the cluster that a command asks.

use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::warnings::Warnings;
use crate::cli::ClientOptions;
use crate::client::{inferred_config, retrying};

/// A cluster that cannot be reached by then is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An answer that takes longer will not come.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A cluster, and the namespace that is meant where none is named.
pub(crate) struct Connection {
    /// For questions.
    pub(crate) client: Client,
    /// For watches, which may hear nothing for long.
    pub(crate) watches: Client,
    pub(crate) namespace: String,
    /// What is said beside the answers to the questions.
    pub(crate) warnings: Warnings,
}

/// Connects as kubectl would with those flags.
///
/// # Errors
///
/// When there is no such kubeconfig or context, or it cannot be used.
pub(crate) async fn connect(options: &ClientOptions) -> anyhow::Result<Connection> {
    let mut config = config(options).await?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    let namespace = options.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let watches = retrying(config.clone())?;
    config.read_timeout = Some(READ_TIMEOUT);
    let warnings = Warnings::default();
    Ok(Connection { client: warnings.of(retrying(config)?), watches, namespace, warnings })
}

async fn config(options: &ClientOptions) -> anyhow::Result<Config> {
    let ClientOptions { kubeconfig, context, .. } = options;
    let selected = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
    // The error's own text says its cause already.
    let unusable = |error: String| anyhow::anyhow!("the kubeconfig cannot be used: {error}");
    if let Some(path) = kubeconfig {
        let kubeconfig = Kubeconfig::read_from(path).map_err(|error| unusable(error.to_string()))?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &selected).await;
        return config.map_err(|error| unusable(error.to_string()));
    }
    if context.is_some() {
        return Config::from_kubeconfig(&selected).await.map_err(|error| unusable(error.to_string()));
    }
    inferred_config("set KUBECONFIG, or name a --kubeconfig").await
}
