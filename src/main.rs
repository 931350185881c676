//! Fleetgate, the program: command line, listener, watches and controllers
//! around the pure functions of the crates it is made of.
//!
//! ```text
//! API server ──watch──▶ watches ──▶ Catalog ─┬─▶ server      (webhook: review)
//!     ▲                                      └─▶ controllers (judge, plan, apply, status)
//!     └──── client: writes of the leader alone ◀───┘
//! files ─▶ fleetgate-check ─▶ findings
//!   └────▶ render ─▶ plan ─▶ Flux and Flagger objects
//! API server ──get, list──▶ commands ─▶ plan ─▶ what a terminal shows
//! ```
//!
//! **Invariant**: nothing is decided here. What is admitted, what it becomes
//! and what is said about it come from `fleetgate-webhooks`, `fleetgate-check` and `fleetgate-plan`.

#![forbid(unsafe_code)]

mod certificate;
mod check;
mod cli;
mod client;
mod commands;
mod controllers;
mod explain;
mod flux_state;
mod leader;
mod logs;
mod manifests;
mod member;
mod metrics;
#[cfg(test)]
mod pipelines;
mod render;
mod reviews;
mod running;
mod server;
mod stored;
mod supported;
mod traces;
mod watches;

use std::io::{BufWriter, IsTerminal, Write};
use std::num::NonZero;
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use anyhow::Context;
use fleetgate_plan::Catalog;

use self::cli::{
    Cli, Command, ControllerOptions, GuardOptions, HealthOptions, OutputOptions, RenderOptions,
    TenancyOptions, WebhookOptions,
};
use self::commands::{cluster, completion, diff, man, program, status};
use self::manifests::Manifest;
use self::running::Roles;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = program::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell if this fails, too.
            drop(writeln!(std::io::stderr(), "fleetgate: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let _logs = logs::start(&cli.log, cli.command.service())?;
    match cli.command {
        Command::Check(options) => {
            let mut text = Vec::new();
            let outcome = check::run(options, is_coloured(), &mut text)?;
            print(&text)?;
            Ok(ExitCode::from(outcome as u8))
        }
        Command::Render(options) => render(options),
        Command::Status(options) => block_on(async {
            let shown = status::run(options, is_coloured(), &mut std::io::stdout()).await;
            exit(shown.map(|outcome| outcome as u8))
        }),
        Command::Diff(options) => block_on(async {
            let (mut out, mut notes) = (std::io::stdout(), std::io::stderr());
            let shown = diff::run(options, is_coloured(), &mut out, &mut notes).await;
            exit(shown.map(|outcome| outcome as u8))
        }),
        Command::Cluster(command) => {
            print(block_on(cluster::run(command))?.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Explain { code } => {
            print(explain::explain(code.as_deref(), terminal_width())?.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Manifests(options) => emit(&options, manifests::all, manifests::objects),
        Command::Crds(options) => emit(&options, manifests::crds, manifests::crds),
        Command::Completion { shell } => {
            print(&completion::script(shell, &program::started_as()))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { output } => {
            man::write(&output)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Webhook { webhook, health, tenancy, guard, .. } => {
            serve(Some(webhook), None, health, tenancy, guard)
        }
        Command::Controller { controller, health, tenancy, guard, .. } => {
            serve(None, Some(controller), health, tenancy, guard)
        }
        Command::Serve { webhook, controller, health, tenancy, guard, .. } => {
            serve(Some(webhook), Some(controller), health, tenancy, guard)
        }
    }
}

/// How wide lines for a reader may be; `None` where they go to a program.
fn terminal_width() -> Option<usize> {
    /// Longer lines are hard to read, however wide the terminal is. clap's help keeps to it, too.
    const WIDEST: usize = 100;
    let (width, _) = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten()?;
    Some(usize::from(width.0).min(WIDEST))
}

/// Writes the files into a folder, or prints the objects.
fn emit(
    options: &OutputOptions,
    files: impl Fn() -> anyhow::Result<Vec<Manifest>>,
    objects: impl Fn() -> anyhow::Result<Vec<Manifest>>,
) -> anyhow::Result<ExitCode> {
    match &options.output {
        Some(folder) => manifests::write(&files()?, folder)?,
        None => print(manifests::stream(&objects()?).as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether standard output is a terminal whose user wants colours.
fn is_coloured() -> bool {
    AutoStream::choice(&std::io::stdout()) != ColorChoice::Never
}

/// Written as it is rendered: of many clusters it is more than need be held at once.
fn render(options: RenderOptions) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    match render::run(options, &mut out, &mut std::io::stderr()) {
        Ok(outcome) => Ok(ExitCode::from(outcome as u8)),
        Err(error) if is_closed(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error.context("cannot print")),
    }
}

/// Who has read enough is content.
fn exit(outcome: anyhow::Result<u8>) -> anyhow::Result<ExitCode> {
    match outcome {
        Ok(code) => Ok(ExitCode::from(code)),
        Err(error) if is_closed(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
    }
}

/// Whether whoever reads the output has read enough.
fn is_closed(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

/// A reader that has read enough, such as `head`, is no error.
fn print(text: &[u8]) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("cannot print"),
        _ => Ok(()),
    }
}

/// Runs against a cluster until the program is asked to stop.
fn serve(
    webhook: Option<WebhookOptions>,
    controllers: Option<ControllerOptions>,
    health: HealthOptions,
    tenancy: TenancyOptions,
    guard: GuardOptions,
) -> anyhow::Result<ExitCode> {
    let catalog = Catalog::default().with_tenancy(tenancy.into()).with_guard(guard.into());
    let roles = Roles { webhook, controllers, metrics_bind: health.metrics_bind, catalog };
    block_on(running::run(roles)).map(|()| ExitCode::SUCCESS)
}

/// The most threads that work is spread on. Nodes have more processors than there is work for, and each thread takes memory.
const MOST_THREADS: usize = 8;

/// Does what needs a cluster.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))?;
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors.min(MOST_THREADS))
        .enable_all()
        .build()
        .context("no runtime can be started")?;
    runtime.block_on(work)
}
