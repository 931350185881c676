//! The source stand-in: plays Flux's source-controller, whose contract with the other controllers is small.
//!
//! ```text
//! GitRepository ─────────► mirror (git fetch) ─► reference ──┐
//! OCIRepository, Bucket ─► stock (newest commit, or a chart) ┤
//! HelmRepository ────────► charts (helm: index) ─────────────┼─► artifact (tar.gz, index.yaml, tgz)
//! HelmChart ─────────────► charts (helm: pull or package) ───┘        │
//!    ▲ watch (round)                                                  │
//! <kind>.status ◄── status (only when something changed) ◄────────────┤
//! kustomize-controller, helm-controller ◄── HTTP on loopback (serve)
//! ```
//!
//! It never contacts a host: an address resolves to something of the sandbox (address) or to a local
//! file. One file per kind of source plays that kind (kind); what they share is in stock.

mod address;
mod artifact;
mod bucket;
mod charts;
mod git_repository;
mod helm_chart;
mod helm_repository;
mod kind;
mod mirror;
mod oci_repository;
mod reference;
mod round;
mod serve;
mod status;
mod stock;

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use anyhow::{Context as _, anyhow};
use kube::{Client, Config};
use tokio::sync::oneshot;

use artifact::Artifacts;
use charts::Charts;
use mirror::Mirrors;
use stock::Stock;

use crate::helm::Helm;
use crate::{Progress, files};

/// A running stand-in, in a thread and a runtime of its own: it outlives the runtime of the test that
/// happened to start the sandbox. Stops when dropped.
#[derive(Debug)]
pub(crate) struct StandIn {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Starts to play for a host plane; returns when it serves.
    pub(crate) async fn start(
        host: Config,
        home: &Path,
        port: u16,
        addresses: Vec<(String, PathBuf)>,
        helm: PathBuf,
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        let folder = home.join("source");
        files::private_folder(&folder)?;
        let (served, base_url) = (folder.join("artifacts"), format!("http://127.0.0.1:{port}"));
        let stock = Stock {
            charts: Charts::new(Helm::new(helm, home), folder.join("charts"), &served, &base_url),
            mirrors: Mirrors::new(folder.join("mirrors"), addresses),
            artifacts: Artifacts::new(served, base_url),
        };
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = oneshot::channel();
        let progress = progress.clone();
        let thread = std::thread::Builder::new()
            .name("source-stand-in".to_owned())
            .spawn(move || {
                if let Err(error) = run(host, stock, port, ready, stopped) {
                    progress.say(format!("the source stand-in has ended: {error:#}"));
                }
            })
            .context("cannot start the source stand-in")?;
        let stand_in = Self { stop: Some(stop), thread: Some(thread) };
        started.await.map_err(|_| anyhow!("the source stand-in ended before it served"))?;
        Ok(stand_in)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // Dropping the sender is the signal.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended_either_way = thread.join();
        }
    }
}

fn run(
    host: Config,
    stock: Stock,
    port: u16,
    ready: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(async {
        let client = Client::try_from(host).context("cannot make a client for the host")?;
        let server = serve::bind(port).await?;
        // In a task of its own: helm reads from it while the round waits for helm.
        let serving = tokio::spawn(serve::serve(server, stock.artifacts.folder().to_owned()));
        let _nobody_waits_any_more = ready.send(());
        tokio::select! {
            result = serving => result.context("the source stand-in's server has ended")?,
            () = round::play(client, stock) => Ok(()),
            _ = stopped => Ok(()),
        }
    });
    runtime.shutdown_background();
    outcome
}

/// An error as a sentence for the Ready condition.
#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
fn words(error: anyhow::Error) -> String {
    format!("{error:#}")
}
