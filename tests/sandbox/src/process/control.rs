//! Ends single processes on purpose, and starts them again with the command line that they had.

use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;

use super::{Processes, Running, signal_group};
use crate::wait::{self, Probe};

/// How long one that was told to end may take.
const PATIENCE: Duration = Duration::from_mins(1);

impl Processes {
    /// Sends a process the signal and returns when it has ended. That it does not run any more is no
    /// failure of the sandbox from then on.
    pub(crate) async fn end(&self, name: &str, signal: Signal) -> anyhow::Result<()> {
        self.with(name, |process| {
            process.is_ended = true;
            signal_group(&process.child, signal);
        })?;
        wait::until(&format!("{name} to end"), PATIENCE, async || {
            let ended = self.with(name, |process| process.child.try_wait())??;
            Ok(ended.map_or_else(|| Probe::NotYet("it runs".to_owned()), |_| Probe::Done(())))
        })
        .await
    }

    /// Starts a process again that has ended.
    pub(crate) fn revive(&self, name: &str) -> anyhow::Result<()> {
        if self.with(name, |process| process.child.try_wait())??.is_none() {
            bail!("{name} runs already: kill it first");
        }
        let running = self.begin(self.with(name, |process| process.spec.clone())?)?;
        self.with(name, |process| *process = running)
    }

    /// Sends a process a signal that does not end it.
    pub(crate) fn signal(&self, name: &str, signal: Signal) -> anyhow::Result<()> {
        self.with(name, |process| signal_group(&process.child, signal))
    }

    /// The names of all processes that were started and not forgotten.
    pub(crate) fn names(&self) -> Vec<String> {
        self.running().iter().map(|process| process.spec.name.clone()).collect()
    }

    fn with<T>(&self, name: &str, look: impl FnOnce(&mut Running) -> T) -> anyhow::Result<T> {
        let mut running = self.running();
        let found = running.iter_mut().find(|process| process.spec.name == name).map(look);
        drop(running);
        found.with_context(|| format!("no process {name}; there are {}", self.names().join(", ")))
    }
}
