//! The controller as a process of its own, and what it tells of itself.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::http::Request;
use fleetgate_plan::FluxKind;
use fleetgate_sandbox::Sandbox;
use fleetgate_sandbox::wait::{Probe, until};
use kube::{Client, Config};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::server_process::{Resident, cpu_time_of};

/// How long it may take to start, or to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often it is asked how far it is: the less, the more it has before it, as to answer takes time that it would
/// write in. That is at the most so much for each write that is left, a tenth of what one takes.
const STEP: Duration = Duration::from_millis(10);
const STEP_EACH: Duration = Duration::from_micros(100);

/// How long a delivery may take.
const DELIVERY: Duration = Duration::from_mins(10);

/// A running controller; killed when dropped.
pub(super) struct Controller {
    process: Child,
    http: Client,
}

impl Controller {
    /// Starts one with the rights of its service account; returns when it leads.
    pub(super) async fn start(fleetgate: &Path, sandbox: &Sandbox) -> anyhow::Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let log = File::options().create(true).append(true).open(sandbox.log("measured-controller"))?;
        let process = Command::new(fleetgate)
            .args(["controller", "--metrics-bind", &address.to_string()])
            .env("KUBECONFIG", sandbox.controller_kubeconfig())
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} cannot be started", fleetgate.display()))?;
        let http = Client::try_from(Config::new(format!("http://{address}").parse()?))?;
        let mut this = Self { process, http };
        until("the controller to lead", PATIENCE, async || {
            anyhow::ensure!(this.process.try_wait()?.is_none(), "the controller has ended");
            Ok(match this.sum("fleetgate_leader").await {
                Ok(1) => Probe::Done(()),
                Ok(_) => Probe::NotYet("it does not".to_owned()),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        })
        .await?;
        Ok(this)
    }

    /// The sum of those of its numbers whose line begins so.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    pub(super) async fn sum(&self, begin: &str) -> anyhow::Result<u64> {
        let numbers = self.http.request_text(Request::get("/metrics").body(Vec::new())?).await?;
        let lines = numbers.lines().filter(|line| line.starts_with(begin));
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        Ok(values.sum::<f64>() as u64)
    }

    /// How many Applications it has looked at.
    pub(super) async fn looks(&self) -> anyhow::Result<u64> {
        self.sum("fleetgate_reconcile_seconds_count{controller=\"application\"").await
    }

    /// How many objects of policies it has written so, each with success. To ask
    /// itself costs the API server nothing, as counting what is there would.
    pub(super) async fn written(&self, verb: &str) -> anyhow::Result<u64> {
        let kind = FluxKind::Kustomization.kind();
        let line = format!("fleetgate_writes_total{{verb=\"{verb}\",kind=\"{kind}\",outcome=\"succeeded\"}}");
        self.sum(&line).await
    }

    /// Waits until it has written so many more than `before`.
    pub(super) async fn writes(&self, verb: &str, before: u64, more: usize) -> anyhow::Result<()> {
        let end = Instant::now() + DELIVERY;
        let expected = before + u64::try_from(more)?;
        loop {
            let written = self.written(verb).await?;
            if written >= expected {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < end, "waited for {expected} writes by {verb}, it is {written}");
            let left = u32::try_from(expected - written)?;
            tokio::time::sleep(STEP.max(STEP_EACH * left)).await;
        }
    }

    /// Its resident memory, in MiB.
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    pub(super) fn resident_mib(&self) -> anyhow::Result<f64> {
        Ok(Resident::of(self.process.id())?.kib as f64 / 1024.0)
    }

    /// Its CPU time so far.
    pub(super) fn cpu_time(&self) -> anyhow::Result<Duration> {
        cpu_time_of(self.process.id())
    }

    /// Asks it to end, as Kubernetes does, and waits for it.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        kill(Pid::from_raw(self.process.id().try_into()?), Signal::SIGTERM)?;
        until("the controller to end", PATIENCE, async || {
            let ended = self.process.try_wait()?;
            Ok(ended.map_or_else(|| Probe::NotYet("it runs".to_owned()), |_| Probe::Done(())))
        })
        .await
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended_already = self.process.kill();
        let _ended_already = self.process.wait();
    }
}
