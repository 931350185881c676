//! The flags of whatever runs the controllers.

use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, value_parser};
use k8s_openapi::jiff::Timestamp;

use crate::leader::Election;
use crate::manifests::{CONTROLLER, NAMESPACE};

/// How the controllers work.
#[derive(Debug, Args)]
pub(crate) struct ControllerOptions {
    /// How many Applications are looked at at the same time
    #[arg(long, env = "FLEETGATE_CONCURRENCY", default_value_t = 16, value_parser = value_parser!(u16).range(1..), value_name = "N")]
    pub(crate) concurrency: u16,
    /// The most writes to the API server in a second; without it there is no limit
    #[arg(long, env = "FLEETGATE_WRITES_PER_SECOND", value_parser = value_parser!(u32).range(1..), value_name = "N")]
    pub(crate) writes_per_second: Option<u32>,
    /// Where /metrics, /livez and /readyz are served, in plain HTTP; without it they are not
    #[arg(long, env = "FLEETGATE_METRICS_BIND", value_name = "ADDRESS:PORT")]
    pub(crate) metrics_bind: Option<SocketAddr>,
    #[command(flatten)]
    election: ElectionOptions,
}

impl ControllerOptions {
    /// The election that this process stands in, if there is one.
    ///
    /// # Errors
    ///
    /// When there could be two leaders at a time, or none for long.
    pub(crate) fn election(&self) -> anyhow::Result<Option<Election>> {
        self.election.election()
    }
}

/// How several replicas agree on the one that works.
#[derive(Debug, Args)]
struct ElectionOptions {
    /// Work without asking whether another replica does
    #[arg(long, env = "FLEETGATE_NO_LEADER_ELECTION", value_parser = BoolishValueParser::new())]
    no_leader_election: bool,
    /// The namespace of the Lease
    #[arg(long, env = "FLEETGATE_LEASE_NAMESPACE", default_value = NAMESPACE, value_name = "NAME")]
    lease_namespace: String,
    /// How long others wait for a sign of life of the leader before they take over
    #[arg(long, env = "FLEETGATE_LEASE_SECONDS", default_value_t = 15, value_name = "SECONDS")]
    lease_seconds: u16,
    /// How long the leader goes on without having renewed the Lease
    #[arg(long, env = "FLEETGATE_LEASE_RENEW_SECONDS", default_value_t = 10, value_name = "SECONDS")]
    lease_renew_seconds: u16,
    /// How often the Lease is renewed, and looked at by those who wait
    #[arg(long, env = "FLEETGATE_LEASE_RETRY_SECONDS", default_value_t = 2, value_parser = value_parser!(u16).range(1..), value_name = "SECONDS")]
    lease_retry_seconds: u16,
}

impl ElectionOptions {
    fn election(&self) -> anyhow::Result<Option<Election>> {
        let seconds = [self.lease_seconds, self.lease_renew_seconds, self.lease_retry_seconds];
        anyhow::ensure!(
            seconds.is_sorted_by(|longer, shorter| longer > shorter),
            "--lease-seconds must be more than --lease-renew-seconds, and that more than --lease-retry-seconds"
        );
        let [duration, renew, retry] = seconds.map(|seconds| Duration::from_secs(seconds.into()));
        let election = Election {
            namespace: self.lease_namespace.clone(),
            lease: CONTROLLER.to_owned(),
            identity: identity(),
            duration,
            renew,
            retry,
        };
        Ok((!self.no_leader_election).then_some(election))
    }
}

/// Another one in each process, so that none takes a Lease for its own that the
/// one before it held.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| CONTROLLER.to_owned());
    format!("{host}_{}_{:x}", std::process::id(), Timestamp::now().as_nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_falls_silent_before_others_take_over() {
        for (lease, renew, retry, works) in [(15, 10, 2, true), (10, 10, 2, false), (15, 2, 2, false)] {
            let options = ElectionOptions {
                no_leader_election: false,
                lease_namespace: NAMESPACE.to_owned(),
                lease_seconds: lease,
                lease_renew_seconds: renew,
                lease_retry_seconds: retry,
            };
            assert_eq!(options.election().is_ok(), works, "{lease}/{renew}/{retry}");
        }
    }
}
