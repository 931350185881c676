//! The source stand-in: plays Flux's source-controller, whose contract with the other controllers is small.
//!
//! ```text
//! GitRepository ─watch─► address (known here?) ─► mirror (git fetch) ─► reference ─► artifact (tar.gz)
//!                                                                                      │
//! kustomize-controller ◄── HTTP on loopback (serve) ◄──────────────────────────────────┤
//! GitRepository.status ◄── status (only when something changed) ◄──────────────────────┘
//! ```
//!
//! It never contacts a host: an address resolves to a repository of the sandbox or to a local file.
//! One file per kind of source plays that kind; what serves artifacts knows nothing of kinds.

mod address;
mod artifact;
mod git_repository;
mod mirror;
mod reference;
mod serve;
mod status;

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use anyhow::{Context as _, anyhow};
use kube::{Client, Config};
use tokio::sync::oneshot;

use artifact::Artifacts;
use mirror::Mirrors;

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
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        let folder = home.join("source");
        files::private_folder(&folder)?;
        let artifacts = Artifacts::new(folder.join("artifacts"), format!("http://127.0.0.1:{port}"));
        let mirrors = Mirrors::new(folder.join("mirrors"), addresses);
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = oneshot::channel();
        let progress = progress.clone();
        let thread = std::thread::Builder::new()
            .name("source-stand-in".to_owned())
            .spawn(move || {
                if let Err(error) = run(host, artifacts, mirrors, port, ready, stopped) {
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
    artifacts: Artifacts,
    mirrors: Mirrors,
    port: u16,
    ready: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(async {
        let client = Client::try_from(host).context("cannot make a client for the host")?;
        let server = serve::bind(port).await?;
        let _nobody_waits_any_more = ready.send(());
        tokio::select! {
            result = serve::serve(server, artifacts.folder().to_owned()) => result,
            () = git_repository::play(client, artifacts, mirrors) => Ok(()),
            _ = stopped => Ok(()),
        }
    });
    runtime.shutdown_background();
    outcome
}
