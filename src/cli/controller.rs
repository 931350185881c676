//! The flags of whatever runs the controllers.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, value_parser};
use fleetgate_plan::names::digest;
use k8s_openapi::jiff::Timestamp;

use crate::controllers::Scope;
use crate::leader::{Election, KURATOR_NAMESPACE};
use crate::manifests::{CONTROLLER, NAMESPACE};

/// Hexadecimal digits of the digest in a Lease's name.
const LEASE_DIGITS: usize = 8;

/// How the controllers work.
#[derive(Debug, Args)]
pub(crate) struct ControllerOptions {
    /// How many Applications are looked at at the same time
    #[arg(long, env = "FLEETGATE_CONCURRENCY", default_value_t = 16, value_parser = value_parser!(u16).range(1..), value_name = "N")]
    pub(crate) concurrency: u16,
    /// The most writes to the API server in a second; without it there is no limit
    #[arg(long, env = "FLEETGATE_WRITES_PER_SECOND", value_parser = value_parser!(u32).range(1..), value_name = "N")]
    pub(crate) writes_per_second: Option<u32>,
    /// Look after what is in these namespaces alone; without it, after all
    #[arg(long, env = "FLEETGATE_WATCH_NAMESPACES", value_delimiter = ',', value_name = "NAME,...")]
    watch_namespaces: Vec<String>,
    /// Look after what has such labels alone, as in kubectl's --selector
    #[arg(long, env = "FLEETGATE_WATCH_LABEL_SELECTOR", value_name = "SELECTOR")]
    watch_label_selector: Option<String>,
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
        self.election.election(lease_of(&self.scopes()))
    }

    /// What is looked after.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        // What is empty is as good as none: of a selector the API server says so, too.
        let is_some = |text: &&String| !text.trim().is_empty();
        let namespaces: BTreeSet<&String> = self.watch_namespaces.iter().filter(is_some).collect();
        let labels = self.watch_label_selector.as_ref().filter(is_some);
        let scope =
            |namespace: Option<&String>| Scope { namespace: namespace.cloned(), labels: labels.cloned() };
        if namespaces.is_empty() {
            return vec![scope(None)];
        }
        namespaces.into_iter().map(|namespace| scope(Some(namespace))).collect()
    }
}

/// The Lease of those who look after the same. Who looks after something else
/// works at the same time.
fn lease_of(scopes: &[Scope]) -> String {
    if scopes == [Scope::default()] {
        return CONTROLLER.to_owned();
    }
    let namespaces = scopes.iter().filter_map(|scope| scope.namespace.as_deref());
    let labels = scopes.first().and_then(|scope| scope.labels.as_deref());
    // No name and no selector has a line break.
    let parts: Vec<&str> = labels.into_iter().chain(["in"]).chain(namespaces).collect();
    format!("{CONTROLLER}-{}", digest(parts.join("\n").as_bytes(), LEASE_DIGITS))
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
    /// The namespace of Kurator's controller, beside which no replica works
    #[arg(long, env = "FLEETGATE_KURATOR_NAMESPACE", default_value = KURATOR_NAMESPACE, value_name = "NAME")]
    kurator_namespace: String,
}

impl ElectionOptions {
    fn election(&self, lease: String) -> anyhow::Result<Option<Election>> {
        let seconds = [self.lease_seconds, self.lease_renew_seconds, self.lease_retry_seconds];
        anyhow::ensure!(
            seconds.is_sorted_by(|longer, shorter| longer > shorter),
            "--lease-seconds must be more than --lease-renew-seconds, and that more than --lease-retry-seconds"
        );
        let [duration, renew, retry] = seconds.map(|seconds| Duration::from_secs(seconds.into()));
        let election = Election {
            namespace: self.lease_namespace.clone(),
            lease,
            identity: identity(),
            duration,
            renew,
            retry,
            kurator: self.kurator_namespace.clone(),
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
    use clap::Parser;

    #[test]
    fn a_leader_falls_silent_before_others_take_over() {
        for (lease, renew, retry, works) in [(15, 10, 2, true), (10, 10, 2, false), (15, 2, 2, false)] {
            let options = ElectionOptions {
                no_leader_election: false,
                lease_namespace: NAMESPACE.to_owned(),
                lease_seconds: lease,
                lease_renew_seconds: renew,
                lease_retry_seconds: retry,
                kurator_namespace: KURATOR_NAMESPACE.to_owned(),
            };
            assert_eq!(options.election("a".to_owned()).is_ok(), works, "{lease}/{renew}/{retry}");
        }
    }

    /// What the flags come to, or why nothing.
    fn parsed(flags: &str) -> clap::error::Result<ControllerOptions> {
        #[derive(clap::Parser)]
        struct Flags {
            #[command(flatten)]
            controller: ControllerOptions,
        }
        let flags = std::iter::once("fleetgate").chain(flags.split_whitespace());
        Flags::try_parse_from(flags).map(|flags| flags.controller)
    }

    #[test]
    fn how_much_is_done_at_a_time_is_a_number_and_not_none() {
        let table = [
            ("", Some((16, None))),
            ("--concurrency 1 --writes-per-second 1", Some((1, Some(1)))),
            ("--concurrency=65535 --writes-per-second=100000", Some((65_535, Some(100_000)))),
            ("--concurrency 0", None),
            ("--concurrency 65536", None),
            ("--concurrency -1", None),
            ("--concurrency many", None),
            ("--writes-per-second 0", None),
            ("--writes-per-second 0.5", None),
        ];
        for (flags, expected) in table {
            let options = parsed(flags).ok();
            let told = options.map(|options| (options.concurrency, options.writes_per_second));
            assert_eq!(told, expected, "{flags}");
        }
    }

    /// What is looked after with these flags, and by which Lease.
    fn told(flags: &str) -> (Vec<Option<String>>, String) {
        let scopes = parsed(flags).expect("flags").scopes();
        let lease = lease_of(&scopes);
        (scopes.into_iter().map(|scope| scope.namespace).collect(), lease)
    }

    #[test]
    fn who_looks_after_the_same_shares_a_lease() {
        assert_eq!(told(""), (vec![None], CONTROLLER.to_owned()));
        let shop = told("--watch-namespaces b,a");
        assert_eq!(shop.0, [Some("a".to_owned()), Some("b".to_owned())]);
        assert_eq!(shop, told("--watch-namespaces a --watch-namespaces b,a"));
        assert_eq!(shop, told("--watch-namespaces a,,b,"));
        assert_eq!(told("--watch-namespaces= --watch-label-selector="), told(""));
        let others = [
            "",
            "--watch-namespaces a",
            "--watch-namespaces b,a --watch-label-selector c",
            "--watch-label-selector c",
        ];
        let leases: BTreeSet<String> = others.iter().map(|flags| told(flags).1).chain([shop.1]).collect();
        assert_eq!(leases.len(), 5, "{leases:?}");
    }
}
