//! The flags of what listens.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, value_parser};

/// Where the program says how it is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Health")]
pub(crate) struct HealthOptions {
    /// Where /metrics, /livez and /readyz are served, in plain HTTP; without it they are not
    #[arg(long, env = "FLEETGATE_METRICS_BIND", value_name = "ADDRESS:PORT")]
    pub(crate) metrics_bind: Option<SocketAddr>,
}

/// How much the webhook takes on, and how it stops.
#[derive(Debug, Args)]
pub(crate) struct LimitOptions {
    /// The most connections at a time; for one more, one is closed that was never asked anything on, or else the one that was idle the longest
    #[arg(long, env = "FLEETGATE_MAX_CONNECTIONS", default_value_t = 1000, value_parser = value_parser!(u32).range(1..), value_name = "N")]
    max_connections: u32,
    /// How long reviews are still taken on after the program was asked to stop: others have to hear of it
    #[arg(long, env = "FLEETGATE_DRAIN_SECONDS", default_value_t = 5, value_name = "SECONDS")]
    drain_seconds: u16,
}

impl LimitOptions {
    /// The most connections at a time.
    pub(crate) fn connections(&self) -> usize {
        usize::try_from(self.max_connections).unwrap_or(usize::MAX)
    }

    /// How long reviews are still taken on.
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds.into())
    }
}
