//! Builds one tool under a lock, so that two processes at once build it once; can be given up at any moment.

use std::fs::File;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;

use super::{Tool, go};
use crate::{Progress, files, process, wait};

/// How often a person hears that a long build is still alive.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Far longer than any build takes, so that a hanging one ends.
const DEADLINE: Duration = Duration::from_hours(1);

/// Tells a build on another thread that nobody waits for it any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Cancels when the returned guard is dropped, as it is when a future is.
    pub(crate) fn on_drop(&self) -> impl Drop + use<> {
        struct Guard(Cancel);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.0.store(true, Ordering::Relaxed);
            }
        }
        Guard(self.clone())
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) fn build(tool: Tool, binary: &Path, progress: &Progress, cancel: &Cancel) -> anyhow::Result<()> {
    let home = binary.parent().context("a tool's binary has no folder")?;
    files::private_folder(home)?;
    let _lock = lock(tool, &home.join("lock"), progress, cancel)?;
    if binary.exists() {
        return Ok(());
    }
    progress.say(tool.announcement());
    let log = home.join("build.log");
    let fresh = home.join("fresh");
    let child = start(tool, &fresh, &log)?;
    let status = finish(child, tool.name(), progress, cancel)?;
    if !status.success() {
        bail!(
            "cannot build {}: `go build` in {} failed ({status}):\n{}",
            tool.name(),
            tool.folder().display(),
            files::read(&log)?.trim_end()
        );
    }
    std::fs::rename(&fresh, binary).with_context(|| format!("cannot move the binary to {}", binary.display()))
}

fn lock(tool: Tool, path: &Path, progress: &Progress, cancel: &Cancel) -> anyhow::Result<File> {
    let file = File::create(path).with_context(|| format!("cannot write the lock {}", path.display()))?;
    if file.try_lock().is_ok() {
        return Ok(file);
    }
    progress.say(format!("waiting for another process that builds {}", tool.name()));
    if wait::until_blocking(DEADLINE, || cancel.is_set() || file.try_lock().is_ok()) && !cancel.is_set() {
        return Ok(file);
    }
    bail!("gave up waiting for another process that builds {} (lock {})", tool.name(), path.display())
}

fn start(tool: Tool, output: &Path, log: &Path) -> anyhow::Result<Child> {
    let file = File::create(log).with_context(|| format!("cannot write the log {}", log.display()))?;
    let mut command = go::command(&tool.folder());
    command
        .args(go::arguments(tool.ldflags(), tool.import_path(), output))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file);
    process::tie_to_this_process(&mut command);
    command.spawn().map_err(|error| go::missing("go", error))
}

/// Waits for a build on this thread; kills it with all its children when it is given up.
pub(super) fn finish(
    mut child: Child,
    name: &str,
    progress: &Progress,
    cancel: &Cancel,
) -> anyhow::Result<ExitStatus> {
    let (begun, mut told) = (Instant::now(), Instant::now());
    let mut ended = None;
    wait::until_blocking(DEADLINE, || {
        if told.elapsed() >= HEARTBEAT {
            told = Instant::now();
            progress.say(format!("still building {name} ({} s)", begun.elapsed().as_secs()));
        }
        ended = child.try_wait().ok().flatten();
        ended.is_some() || cancel.is_set()
    });
    if let Some(status) = ended {
        return Ok(status);
    }
    process::signal_group(&child, Signal::SIGKILL);
    let _ended = child.wait();
    bail!("the build of {name} was stopped before it was done")
}
