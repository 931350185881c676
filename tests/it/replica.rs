//! A controller of a test's own, beside those that a sandbox runs.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fleetgate_sandbox::Sandbox;
use fleetgate_sandbox::wait::{Probe, until};
use kube::{Client, Config};
use tempfile::NamedTempFile;

use crate::support::{Running, free_port, logged};

/// How long a leader that says nothing is waited for.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

/// A controller that a test starts and ends.
pub(crate) struct Replica {
    pub(crate) process: Running,
    log: NamedTempFile,
    http: Client,
}

impl Replica {
    /// Starts one in the sandbox, with the rights of the controller's service account.
    pub(crate) fn start(sandbox: &Sandbox, flags: &[&str]) -> Self {
        Self::through(sandbox.controller_kubeconfig(), flags)
    }

    /// Starts one that reaches the API server by this kubeconfig.
    pub(crate) fn through(kubeconfig: &Path, flags: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let seconds = LEASE.as_secs().to_string();
        let mut program = Command::new(env!("CARGO_BIN_EXE_fleetgate"));
        program
            .args(["controller", "--metrics-bind", &address, "--lease-seconds", &seconds])
            .args(["--lease-renew-seconds", "6"])
            .args(flags)
            .env("FLEETGATE_LEASE_RETRY_SECONDS", "1")
            .env("KUBECONFIG", kubeconfig);
        let (process, log) = Running::logging(&mut program);
        let config = Config::new(format!("http://{address}").parse().expect("a URL"));
        Self { process, log, http: Client::try_from(config).expect("a client") }
    }

    /// What it answers on the port of its numbers.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<String> {
        Ok(self.http.request_text(http::Request::get(path).body(Vec::new())?).await?)
    }

    /// Waits until its numbers say so.
    pub(crate) async fn says(&self, line: &str, deadline: Duration) {
        self.numbers(line, deadline, |is_said| is_said).await;
    }

    /// Waits until its numbers do not say so any more.
    pub(crate) async fn says_nothing_of(&self, line: &str, deadline: Duration) {
        self.numbers(line, deadline, |is_said| !is_said).await;
    }

    async fn numbers(&self, line: &str, deadline: Duration, are_right: impl Fn(bool) -> bool) {
        let right = until(line, deadline, async || {
            Ok(match self.get("/metrics").await {
                Ok(text) if are_right(text.lines().any(|said| said.starts_with(line))) => Probe::Done(()),
                Ok(text) => Probe::NotYet(text),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        });
        right.await.expect("its numbers");
    }

    /// Waits until its log has that.
    pub(crate) async fn logs(&self, text: &str, deadline: Duration) {
        logged(self.log.path(), text, deadline).await;
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn is_ready(&self, deadline: Duration) {
        let ready = until("it to be ready", deadline, async || {
            Ok(match self.get("/readyz").await {
                Ok(_) => Probe::Done(()),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        });
        ready.await.expect("it is ready");
    }

    /// Whether it has looked at nothing yet.
    pub(crate) async fn is_idle(&self) -> bool {
        !self.get("/metrics").await.expect("its numbers").contains("fleetgate_reconcile_seconds_count")
    }
}
