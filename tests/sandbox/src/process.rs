//! Starts processes and stops every one of them: by `stop`, by drop, and by the kernel when we are killed.
//!
//! Every process is spawned from one thread that lives as long as the sandbox, since the kernel's
//! parent-death signal fires when the spawning *thread* ends; and in a process group of its own, so
//! that a terminal's Ctrl-C reaches only us and we stop the rest in order.

mod control;

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::wait;

/// How long a process may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(8);

/// How many lines of a log an error quotes.
const QUOTED_LINES: usize = 12;

/// The only variables of our environment that a sandbox process sees: a proxy or a KUBECONFIG of the
/// user's must not lead anything out of the sandbox.
const PASSED_ON: [&str; 4] = ["PATH", "RUST_LOG", "RUST_BACKTRACE", "LANG"];

/// The folder of temporary files below a sandbox's own: Flux's controllers clear theirs as they start, and another sandbox's
/// are at work in it.
const TEMPORARY: &str = "tmp";

/// Who needs whom: a layer is stopped before the ones that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    Store,
    Server,
    Client,
}

/// A process to start.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(&'static str, String)>,
    pub(crate) layer: Layer,
}

/// All processes of one sandbox.
#[derive(Debug)]
pub(crate) struct Processes {
    home: PathBuf,
    logs: PathBuf,
    spawner: mpsc::Sender<Order>,
    running: Mutex<Vec<Running>>,
}

#[derive(Debug)]
struct Running {
    spec: Spec,
    log: PathBuf,
    child: Child,
    /// It was ended on purpose: that it does not run is no failure.
    is_ended: bool,
}

struct Order {
    command: Command,
    reply: mpsc::Sender<std::io::Result<Child>>,
}

impl Processes {
    /// Nothing runs yet; logs will go to `home/logs/<name>.log`, and `home` is every process's home.
    pub(crate) fn new(home: &Path) -> anyhow::Result<Self> {
        let logs = home.join("logs");
        for folder in [&logs, &home.join(TEMPORARY)] {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        }
        let (spawner, orders) = mpsc::channel::<Order>();
        std::thread::Builder::new()
            .name("sandbox-spawner".to_owned())
            .spawn(move || spawn_orders(&orders))
            .context("cannot start the thread that starts processes")?;
        Ok(Self { home: home.to_owned(), logs, spawner, running: Mutex::default() })
    }

    /// Starts a process; its output goes to its log file.
    pub(crate) fn spawn(&self, spec: Spec) -> anyhow::Result<()> {
        let running = self.begin(spec)?;
        self.running().push(running);
        Ok(())
    }

    fn begin(&self, spec: Spec) -> anyhow::Result<Running> {
        let log = self.log(&spec.name);
        let command = self.command(&spec, &log)?;
        let (reply, answer) = mpsc::channel();
        self.spawner.send(Order { command, reply }).context("the thread that starts processes has ended")?;
        let child = answer
            .recv()
            .context("the thread that starts processes has ended")?
            .with_context(|| format!("cannot start {} ({})", spec.name, spec.program.display()))?;
        Ok(Running { spec, log, child, is_ended: false })
    }

    /// An error when a process has ended though nobody stopped it, with the end of its log.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.check_but(|_| false)
    }

    /// The same, but for those whose name is spared.
    pub(crate) fn check_but(&self, spared: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let mut running = self.running();
        let wanted = running.iter_mut().filter(|process| !process.is_ended && !spared(&process.spec.name));
        for process in wanted {
            if let Some(status) = process.child.try_wait().ok().flatten() {
                bail!(death_notice(&process.spec.name, status, &process.log));
            }
        }
        Ok(())
    }

    /// Forgets a process of that kind of name that has ended: its name, and how it ended.
    pub(crate) fn take_ended(&self, named: impl Fn(&str) -> bool) -> Option<(String, String)> {
        let mut running = self.running();
        for index in 0..running.len() {
            let process = running.get_mut(index);
            let process = process.filter(|process| !process.is_ended && named(&process.spec.name));
            let status = process.and_then(|process| process.child.try_wait().ok().flatten());
            if let Some(status) = status {
                let process = running.remove(index);
                let name = process.spec.name;
                let notice = death_notice(&name, status, &process.log);
                return Some((name, notice));
            }
        }
        None
    }

    /// The log file of a process.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    /// The folder of all log files.
    pub(crate) fn logs(&self) -> &Path {
        &self.logs
    }

    /// Stops everything, those first that need others, and returns when all have ended.
    pub(crate) fn stop(&self) {
        let mut running = self.running();
        for layer in [Layer::Client, Layer::Server, Layer::Store] {
            stop_all(running.extract_if(.., |process| process.spec.layer == layer).collect());
        }
    }

    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        // The list is valid at every moment, so a panic elsewhere does not spoil it.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn command(&self, spec: &Spec, log: &Path) -> anyhow::Result<Command> {
        // Appended to: what a process said before it was started again is worth reading.
        let output = OpenOptions::new().create(true).append(true).open(log);
        let output = output.with_context(|| format!("cannot write the log {}", log.display()))?;
        let errors = output.try_clone().with_context(|| format!("cannot write the log {}", log.display()))?;
        let mut command = Command::new(&spec.program);
        command
            .args(&spec.args)
            .env_clear()
            .envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env("HOME", &self.home)
            .env("TMPDIR", self.home.join(TEMPORARY))
            .envs(spec.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        tie_to_this_process(&mut command);
        Ok(command)
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Gives the command a process group of its own and, on Linux, has the kernel kill it when the
/// spawning thread ends, however that comes about.
pub(crate) fn tie_to_this_process(command: &mut Command) {
    command.process_group(0);
    #[cfg(target_os = "linux")]
    die_with_parent(command);
}

/// Sends a signal to a child's process group; that the group is gone already is as good.
pub(crate) fn signal_group(child: &Child, signal: Signal) {
    if let Ok(pid) = i32::try_from(child.id()) {
        let _gone_is_fine = killpg(Pid::from_raw(pid), signal);
    }
}

/// The last lines of a log, indented, for an error message.
pub(crate) fn tail(log: &Path) -> String {
    let text =
        std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let shown: Vec<String> = lines
        .iter()
        .skip(lines.len().saturating_sub(QUOTED_LINES))
        .map(|line| format!("    {line}"))
        .collect();
    if shown.is_empty() { "    (nothing)".to_owned() } else { shown.join("\n") }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the parent-death signal can only be set between fork and exec")]
fn die_with_parent(command: &mut Command) {
    let parent = nix::unistd::getpid();
    let tie = move || {
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before the signal was set.
        if nix::unistd::getppid() != parent {
            return Err(nix::errno::Errno::ESRCH.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes two plain system calls; it neither allocates
    // nor takes a lock nor touches memory that another thread may hold.
    unsafe {
        command.pre_exec(tie);
    }
}

fn spawn_orders(orders: &mpsc::Receiver<Order>) {
    for Order { mut command, reply } in orders {
        if let Err(mpsc::SendError(Ok(mut orphan))) = reply.send(command.spawn()) {
            signal_group(&orphan, Signal::SIGKILL);
            let _ended = orphan.wait();
        }
    }
}

fn stop_all(mut processes: Vec<Running>) {
    for process in &processes {
        signal_group(&process.child, Signal::SIGTERM);
        // One that a test has paused hears of it only now.
        signal_group(&process.child, Signal::SIGCONT);
    }
    let all_ended = wait::until_blocking(GRACE, || {
        processes.retain_mut(|process| matches!(process.child.try_wait(), Ok(None)));
        processes.is_empty()
    });
    if !all_ended {
        for process in &mut processes {
            signal_group(&process.child, Signal::SIGKILL);
            let _ended = process.child.wait();
        }
    }
}

fn death_notice(name: &str, status: ExitStatus, log: &Path) -> String {
    format!("{name} has ended ({status}); the end of its log {}:\n{}", log.display(), tail(log))
}

#[cfg(test)]
mod tests;
