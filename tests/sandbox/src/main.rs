//! `cargo sandbox`: a whole fleet for a person, until Ctrl-C. Whatever is asked of the fleet is asked
//! with kubectl; this program only starts it, says how to use it, and takes it away again.

mod guide;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use fleetgate_sandbox::{Options, Progress, Sandbox, Scope, base, tools};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A host and two member clusters, Flux, a git repository and Fleetgate on this machine, until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "cargo sandbox", bin_name = "cargo sandbox", version)]
struct Arguments {
    /// Starts everything but Fleetgate, and prints the commands that run it by hand, for instance under a debugger
    #[arg(long)]
    without_fleetgate: bool,

    /// Starts only the host's control plane and Fleetgate's webhook
    #[arg(long)]
    admission_only: bool,

    /// Where the sandbox keeps its files [default: target/sandbox/run]
    #[arg(long, value_name = "FOLDER")]
    work_dir: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let progress = Progress::stderr();
    match run(&arguments, &progress).await {
        Ok(code) => code,
        Err(error) => {
            progress.say(format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments, progress: &Progress) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    let sandbox = tokio::select! {
        started = start(arguments, progress) => started?,
        // The unfinished start is dropped here, and stops what it had begun.
        code = signals.any() => {
            progress.say("stopped before it was up");
            return Ok(ExitCode::from(code));
        }
    };
    progress.say("the sandbox is up; Ctrl-C stops it");
    guide::print(&sandbox, arguments.without_fleetgate)?;
    let code = live(&sandbox, &mut signals, progress).await;
    progress.say("stopping…");
    sandbox.stop().await;
    progress.say("stopped");
    Ok(code)
}

/// Returns when the sandbox is to be stopped; a failure has been told by then.
async fn live(sandbox: &Sandbox, signals: &mut Signals, progress: &Progress) -> ExitCode {
    loop {
        tokio::select! {
            error = sandbox.failure() => {
                progress.say(format!("error: {error:#}"));
                return ExitCode::FAILURE;
            }
            notice = sandbox.fleetgate_ended() => progress.say(notice),
            _ = signals.any() => return ExitCode::SUCCESS,
        }
    }
}

async fn start(arguments: &Arguments, progress: &Progress) -> anyhow::Result<Sandbox> {
    let fleetgate =
        if arguments.without_fleetgate { PathBuf::new() } else { tools::fleetgate(progress).await? };
    let scope = if arguments.admission_only { Scope::Admission } else { Scope::Delivery };
    let work_dir = arguments.work_dir.clone().unwrap_or_else(|| base().join("run"));
    let options = Options {
        work_dir: Some(work_dir),
        without_fleetgate: arguments.without_fleetgate,
        ..Options::new(fleetgate, scope)
    };
    Sandbox::start(options, progress).await
}

/// Everything by which a person or a machine asks us to end.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    /// Returns when we are asked to end, with the exit code by which a shell knows the signal.
    async fn any(&mut self) -> u8 {
        let Self([interrupt, terminate, hangup]) = self;
        tokio::select! {
            _ = interrupt.recv() => 130,
            _ = terminate.recv() => 143,
            _ = hangup.recv() => 129,
        }
    }
}
