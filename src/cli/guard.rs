//! The flags of the prune guard.

use clap::{Args, value_parser};
use fleetgate_plan::prune::Guard;

/// How much may go at once by nobody's decision. An installation has one answer:
/// its webhook, its controller and whoever asks beforehand are given the same.
#[derive(Debug, Args)]
#[command(next_help_heading = "How much may go at once")]
pub(crate) struct GuardOptions {
    /// A policy on at least so many clusters may not lose most of them at once because a label, a Fleet or a cluster changed
    #[arg(long, env = "FLEETGATE_PRUNE_GUARD_CLUSTERS", default_value_t = Guard::default().clusters, value_name = "N")]
    prune_guard_clusters: usize,
    /// More than so many of a hundred are most of them; with 100 the last one is guarded alone
    #[arg(long, env = "FLEETGATE_PRUNE_GUARD_PERCENT", default_value_t = Guard::default().percent, value_parser = value_parser!(u8).range(..=100), value_name = "N")]
    prune_guard_percent: u8,
}

impl From<GuardOptions> for Guard {
    fn from(options: GuardOptions) -> Self {
        let GuardOptions { prune_guard_clusters: clusters, prune_guard_percent: percent } = options;
        Self { clusters, percent }
    }
}
