//! Fleetgate, the program: command line, listener, watches and controllers
//! around the pure functions of the crates it is made of.
//!
//! ```text
//! API server ──watch──▶ watches ──▶ Catalog ─┬─▶ server      (webhook: review)
//!                                            └─▶ controllers (judge, plan, apply, status)
//! files ─▶ check ─▶ Catalog, judge ─▶ findings
//!   └────▶ render ─▶ judge, plan ───▶ Flux and Flagger objects
//! ```
//!
//! **Invariant**: nothing is decided here. What is admitted, what it becomes
//! and what is said about it come from `fleetgate-webhooks` and `fleetgate-plan`.

#![forbid(unsafe_code)]

mod check;
mod cli;
mod controllers;
mod explain;
mod flux_state;
mod manifests;
#[cfg(test)]
mod pipelines;
mod render;
mod server;
mod watches;

use std::io::{BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use anyhow::Context;
use clap::Parser;
use fleetgate_plan::Tenancy;
use fleetgate_webhooks::router::router;
use kube::{Client, Config};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use self::cli::{Cli, Command, LogFormat, LogOptions, OutputOptions, RenderOptions, WebhookOptions};
use self::manifests::Manifest;
use self::server::Certificate;
use self::watches::CatalogWatch;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
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
    start_logging(&cli.log)?;
    match cli.command {
        Command::Check(options) => {
            let coloured = AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
            let mut text = Vec::new();
            let outcome = check::run(options, coloured, &mut text)?;
            print(&text)?;
            Ok(ExitCode::from(outcome as u8))
        }
        Command::Render(options) => render(options),
        Command::Explain { code } => {
            print(explain::explain(code.as_deref(), terminal_width())?.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Manifests(options) => emit(&manifests::all()?, &options),
        Command::Crds(options) => emit(&manifests::crds()?, &options),
        Command::Webhook { webhook, tenancy } => block_on(serve(Some(webhook), false, tenancy.into())),
        Command::Controller(tenancy) => block_on(serve(None, true, tenancy.into())),
        Command::Serve { webhook, tenancy } => block_on(serve(Some(webhook), true, tenancy.into())),
    }
}

/// How wide lines for a reader may be; `None` where they go to a program.
fn terminal_width() -> Option<usize> {
    /// Longer lines are hard to read, however wide the terminal is. clap's help keeps to it, too.
    const WIDEST: usize = 100;
    let (width, _) = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten()?;
    Some(usize::from(width.0).min(WIDEST))
}

fn start_logging(options: &LogOptions) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&options.log_level).with_context(|| {
        format!("--log-level: {:?} is no level and no list of directives", options.log_level)
    })?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    match options.log_format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}

fn emit(manifests: &[Manifest], options: &OutputOptions) -> anyhow::Result<ExitCode> {
    match &options.output {
        Some(folder) => manifests::write(manifests, folder)?,
        None => print(manifests::stream(manifests).as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
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

/// Does what needs a cluster.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no runtime can be started")?;
    runtime.block_on(work)
}

/// Runs the webhook, the controllers, or both, until the program is asked to stop.
async fn serve(
    webhook: Option<WebhookOptions>,
    controllers: bool,
    tenancy: Tenancy,
) -> anyhow::Result<ExitCode> {
    // What is wrong with the certificate is said before anything waits for a cluster.
    let webhook = webhook
        .map(|options| Certificate::read(&options.cert_dir).map(|certificate| (options.bind, certificate)))
        .transpose()?;
    let (stop, stopped) = watch::channel(false);
    let mut signals = Signals::new()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        signals.wait().await;
        tracing::info!("stopping");
        stop.send_replace(true);
    });
    let mut config =
        Config::infer().await.context("no cluster is configured: set KUBECONFIG, or run in a pod")?;
    // What fails is tried again by who knows whether it is still wanted; a client
    // would hold on to it for many minutes.
    config.default_retry = false;
    let client = Client::try_from(config).context("the cluster's configuration cannot be used")?;
    let mut watches = JoinSet::new();
    let catalog = CatalogWatch::start(&client, tenancy, &mut watches);
    let mut wait = stopped.clone();
    tokio::select! {
        () = catalog.synced() => {}
        _ = wait.wait_for(|stop| *stop) => return Ok(ExitCode::SUCCESS),
    }
    if controllers {
        controllers::start(&client, &catalog, &stopped, &mut tasks);
    }
    let listen = async {
        let Some((address, certificate)) = webhook else { return Ok(()) };
        let mut wait = stopped.clone();
        // The port opens once the Catalog is there: a review never speaks from an empty one.
        let stop = async move { drop(wait.wait_for(|stop| *stop).await) };
        server::serve(address, certificate, router(catalog.clone()), stop).await
    };
    let control = async {
        while let Some(ended) = tasks.join_next().await {
            ended.context("a part of the program failed")?;
        }
        Ok(())
    };
    tokio::select! {
        done = async { tokio::try_join!(listen, control) } => done.map(|_| ExitCode::SUCCESS),
        // Without one of them the Catalog would stand still, unnoticed.
        ended = watches.join_next() => match ended {
            Some(Err(error)) => Err(error).context("a watch failed"),
            _ => anyhow::bail!("a watch ended"),
        },
    }
}

/// SIGTERM from a kubelet, SIGINT from a person.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be received");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
