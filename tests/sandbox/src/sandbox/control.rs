//! Faults on purpose: any process of the sandbox is killed, paused, or started again. By name, for
//! instance `fleetgate-controller`, `kustomize-controller`, `host-kube-apiserver` or
//! `kurator-member1-kube-apiserver`, which is the member itself to everybody outside.

use std::path::Path;

use anyhow::bail;
use nix::sys::signal::Signal;

use super::{FLEETGATE, Sandbox};
use crate::Proxy;

impl Sandbox {
    /// The names of all processes.
    #[must_use]
    pub fn process_names(&self) -> Vec<String> {
        self.processes.names()
    }

    /// Kills a process as the kernel does when memory is short; returns when it is gone.
    ///
    /// # Errors
    /// When there is none of that name; the error says which there are.
    pub async fn kill(&self, process: &str) -> anyhow::Result<()> {
        self.processes.end(process, Signal::SIGKILL).await
    }

    /// Asks a process to end, as Kubernetes does; returns when it has ended.
    ///
    /// # Errors
    /// When there is none of that name, or it does not end.
    pub async fn terminate(&self, process: &str) -> anyhow::Result<()> {
        self.processes.end(process, Signal::SIGTERM).await
    }

    /// Starts a process again that was killed or has ended, with the same command line. An API server
    /// is waited for until it answers.
    ///
    /// # Errors
    /// When there is none of that name, it runs, or it does not come up.
    pub async fn revive(&self, process: &str) -> anyhow::Result<()> {
        self.processes.revive(process)?;
        let planes = std::iter::once(&self.host).chain(&self.members);
        for plane in planes.filter(|plane| plane.apiserver() == process) {
            plane.wait_for_apiserver(&self.processes).await?;
        }
        Ok(())
    }

    /// Kills a process and starts it again.
    ///
    /// # Errors
    /// As for [`Sandbox::kill`] and [`Sandbox::revive`].
    pub async fn restart(&self, process: &str) -> anyhow::Result<()> {
        self.kill(process).await?;
        self.revive(process).await
    }

    /// Freezes a process: it keeps its port and its connections, and says nothing.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn pause(&self, process: &str) -> anyhow::Result<()> {
        self.processes.signal(process, Signal::SIGSTOP)
    }

    /// Lets a process that was paused go on.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn resume(&self, process: &str) -> anyhow::Result<()> {
        self.processes.signal(process, Signal::SIGCONT)
    }

    /// Starts one more controller as process `fleetgate-NAME`, with these arguments after `controller`.
    ///
    /// # Errors
    /// When there is one of that name already, or it cannot be started.
    pub fn run_controller(&self, name: &str, kubeconfig: &Path, args: &[&str]) -> anyhow::Result<()> {
        let name = format!("{FLEETGATE}{name}");
        if self.processes.names().contains(&name) {
            bail!("there is a process {name} already: revive it, or choose another name");
        }
        self.fleetgate.start_another(&name, args, kubeconfig, &self.processes)
    }

    /// A proxy to the host's API server that counts requests and breaks those that it is told to.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn proxy(&self) -> anyhow::Result<Proxy> {
        Proxy::start(self.host.config().clone(), self.host.server(), self.work_dir.path()).await
    }
}
