//! The flags of what listens.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, value_parser};

use crate::manifests::GRACE_SECONDS;

/// What follows the drain takes so long: ten seconds until nothing is asked any more, ten for what is under way, and some more.
const AFTERWARDS_SECONDS: u8 = 25;

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
    /// The most connections at a time, a quarter of them for clients that have not shaken hands yet; for one more, one is closed that was never asked anything on, or else the one that was idle the longest
    #[arg(long, env = "FLEETGATE_MAX_CONNECTIONS", default_value_t = 1000, value_parser = value_parser!(u32).range(2..), value_name = "N")]
    max_connections: u32,
    /// How long reviews are still taken on after the program was asked to stop: others have to hear of it
    #[arg(long, env = "FLEETGATE_DRAIN_SECONDS", default_value_t = 5, value_parser = drain_seconds, value_name = "SECONDS")]
    drain_seconds: u8,
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

/// A drain after which there is time for the rest, before the pod is killed.
fn drain_seconds(text: &str) -> Result<u8, String> {
    const MOST: u8 = GRACE_SECONDS - AFTERWARDS_SECONDS;
    let seconds: u64 = text.parse().map_err(|_| "not a whole number of seconds".to_owned())?;
    u8::try_from(seconds).ok().filter(|seconds| *seconds <= MOST).ok_or_else(|| {
        format!(
            "at most {MOST}: a pod has {GRACE_SECONDS} s to stop, and up to {AFTERWARDS_SECONDS} of them are for what is under way after the drain; killed in it, it would leave reviews without an answer"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_leaves_time_to_end() {
        for (text, expected) in [("0", Some(0)), ("5", Some(5)), ("20", Some(20))] {
            assert_eq!(drain_seconds(text).ok(), expected, "{text}");
        }
        for text in ["21", "256", "65536", "99999999999"] {
            let refusal = drain_seconds(text).expect_err(text);
            assert!(refusal.starts_with("at most 20: a pod has 45 s to stop"), "{refusal}");
        }
        for text in ["", "-1", "5s", "1.5"] {
            assert_eq!(drain_seconds(text), Err("not a whole number of seconds".to_owned()), "{text}");
        }
    }
}
