//! The program while it runs against a cluster: webhook, controllers, or both.
//!
//! ```text
//! signal ─▶ stop ─┬─▶ webhook: drains
//!                 └─▶ controllers: drain, and the Lease is released
//! ```

use std::future::pending;
use std::net::SocketAddr;

use anyhow::Context as _;
use fleetgate_plan::Catalog;
use kube::{Client, Config};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::certificate::Certificate;
use crate::cli::{ControllerOptions, WebhookOptions};
use crate::client;
use crate::controllers::{self, Setup, stopped};
use crate::leader::{self, Election, Elector, Leadership};
use crate::metrics::{self, Metrics};
use crate::reviews::Desk;
use crate::server::{self, Connections, Transport};
use crate::supported;
use crate::traces;
use crate::watches::CatalogWatch;

/// What the program does besides watching.
pub(crate) struct Roles {
    pub(crate) webhook: Option<WebhookOptions>,
    pub(crate) controllers: Option<ControllerOptions>,
    /// Where it says how it is.
    pub(crate) metrics_bind: Option<SocketAddr>,
    /// An empty one, with what is said for the whole installation.
    pub(crate) catalog: Catalog,
}

/// Does it until the program is asked to stop.
///
/// # Errors
///
/// When it cannot start, or a part of it fails.
pub(crate) async fn run(roles: Roles) -> anyhow::Result<()> {
    let Roles { webhook, controllers, metrics_bind, catalog } = roles;
    // What is wrong with the certificate is said before anything waits for a cluster.
    let webhook = webhook
        .map(|options| Certificate::open(&options.certificate).map(|certificate| (options, certificate)))
        .transpose()?;
    let election = controllers.as_ref().map(ControllerOptions::election).transpose()?.flatten();
    let (stop, stopping) = watch::channel(false);
    let mut signals = Signals::new()?;
    let config = client::inferred_config("set KUBECONFIG, or run in a pod").await?;
    let is_undisputed = controllers.is_some() && election.is_none();
    let leadership = if is_undisputed { Leadership::Undisputed } else { Leadership::none_yet() };
    let metrics = Metrics::new(leadership.clone());
    let stop = || {
        metrics.stopping();
        stop.send_replace(true);
    };
    let signals = async {
        signals.wait().await;
        tracing::info!("stopping");
        stop();
        Ok(())
    };
    let limit = controllers.as_ref().and_then(|options| options.writes_per_second);
    let clients = client::gated(config.clone(), leadership.clone(), limit, metrics.clone())?;
    let webhook = webhook
        .map(|(options, certificate)| certificate.kept(&config).map(|kept| (options, kept)))
        .transpose()?;
    if let Some((_, (serving, _))) = &webhook {
        metrics.tell_of_certificate(serving.clone());
    }
    let (webhook, kept) = webhook.map(|(options, (serving, kept))| ((options, serving), kept)).unzip();
    let keep = async {
        if let Some(kept) = kept {
            unless_stopped(&stopping, kept).await;
        }
        Ok(())
    };
    let mut watches = JoinSet::new();
    let catalog = CatalogWatch::start(&clients, catalog, &mut watches);
    metrics.tell_of_catalog(catalog.clone());
    // To the very end: how a program stops is to be seen, too.
    let measure = async {
        let Some(address) = metrics_bind else { return pending().await };
        let listener = server::listen(address)?;
        let (router, connections) = (metrics::router(metrics.clone()), Connections::of_onlookers());
        server::serve(listener, "metrics", Transport::Plain, router, connections, pending()).await
    };
    let look = async {
        unless_stopped(&stopping, supported::look(&clients.client())).await;
        Ok(())
    };
    let reviews = webhook.is_some();
    let work = async {
        if unless_stopped(&stopping, catalog.suffices()).await.is_none() {
            return Ok(());
        }
        let review = async {
            // The port opens once the Catalog is there: a review never speaks from an empty one.
            let Some((options, serving)) = webhook else { return Ok(()) };
            if unless_stopped(&stopping, serving.ready()).await.is_none() {
                return Ok(());
            }
            let listener = server::listen(options.bind)?;
            metrics.ready();
            let connections = Connections::shared(server::affordable(options.limits.connections()));
            metrics.count_connections(connections.clone());
            let stop = async {
                stopped(stopping.clone()).await;
                connections.drain(options.limits.drain()).await;
            };
            let router = traces::router(catalog.clone(), Desk::new(metrics.reviews())?);
            let transport = Transport::Tls(serving.tls());
            server::serve(listener, "admission reviews", transport, router, connections.clone(), stop).await
        };
        let deliver = async {
            let Some(options) = controllers else { return Ok(()) };
            let begins = async {
                // What is delivered to a cluster that is not listed would seem to be nobody's.
                catalog.synced().await;
                if !reviews {
                    metrics.ready();
                }
                check(&options, &clients.client()).await
            };
            let Some(checked) = unless_stopped(&stopping, begins).await else { return Ok(()) };
            checked?;
            let (catalog, metrics) = (&catalog, &metrics);
            let setup = |scope| Setup::new(&clients, catalog, metrics, scope, &options);
            let start = || start(options.scopes().into_iter().map(setup), &stopping);
            deliver(start, config, election, leadership, stopped(stopping.clone())).await
        };
        Box::pin(together(review, deliver, stop)).await
    };
    tokio::select! {
        done = async { tokio::try_join!(signals, look, keep, work) } => done.map(drop),
        failed = measure => failed,
        // Without one of them the Catalog would stand still, unnoticed.
        ended = watches.join_next() => match ended {
            Some(Err(error)) => Err(error).context("a watch failed"),
            _ => anyhow::bail!("a watch ended"),
        },
    }
}

/// Whether everything that the controllers are to look after can be.
async fn check(options: &ControllerOptions, client: &Client) -> anyhow::Result<()> {
    for scope in options.scopes() {
        scope.check(client).await?;
    }
    Ok(())
}

/// Does both until they end. Where deliveries fail, it has reviews stop as well: whoever is being reviewed is answered
/// before the program ends.
async fn together(
    review: impl Future<Output = anyhow::Result<()>>,
    deliver: impl Future<Output = anyhow::Result<()>>,
    stop: impl FnOnce(),
) -> anyhow::Result<()> {
    let mut delivered = Ok(());
    let deliver = async {
        delivered = deliver.await;
        if delivered.is_err() {
            stop();
        }
        Ok(())
    };
    tokio::try_join!(review, deliver)?;
    delivered
}

/// What that comes to, or nothing once the program is asked to stop: who does not answer keeps it from nothing.
async fn unless_stopped<T>(stopping: &watch::Receiver<bool>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = stopped(stopping.clone()) => None,
    }
}

/// Starts the controllers, each time with clients that go when they end.
fn start(setups: impl Iterator<Item = Setup>, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for setup in setups {
        controllers::start(setup, stopping, &mut tasks);
    }
    tasks
}

/// Runs the controllers while this process leads, or always where there is no election.
async fn deliver(
    start: impl Fn() -> JoinSet<()>,
    config: Config,
    election: Option<Election>,
    leadership: Leadership,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let Some(election) = election else { return leader::finish(&mut start()).await };
    let client = client::for_lease(config, election.renew)?;
    leader::lead(Elector::new(client, election, leadership), start, stop).await
}

/// SIGTERM from a kubelet, SIGINT from a person.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
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
