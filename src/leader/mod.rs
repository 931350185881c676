//! Who of several replicas writes: the one that holds the Lease.
//!
//! ```text
//! Kurator's is gone ─▶ campaign ─▶ leads: controllers run, the Lease is renewed
//!     ▲                                   ├─▶ asked to stop: release
//!     ├──────── silence ◀─────────────────┼─▶ not renewed in time
//!     └──────── release ◀─────────────────┴─▶ Kurator's comes
//! ```
//!
//! **Invariant**: whoever leads falls silent before anyone may take over. It
//! counts from when it *sent* its last renewal, others from when they saw it,
//! and it stops a good while earlier.

mod kurator;
mod leadership;
mod lease;

use std::pin::pin;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use self::kurator::Kurator;
pub(crate) use self::kurator::{KURATOR_DEPLOYMENT, KURATOR_LEASE};
pub(crate) use self::leadership::Leadership;
use self::lease::{Candidate, Seen, Step, step};

/// Which Lease it is, and how patient everyone is.
#[derive(Clone, Debug)]
pub(crate) struct Election {
    pub(crate) namespace: String,
    pub(crate) lease: String,
    /// Who this process is among the replicas.
    pub(crate) identity: String,
    /// How long others wait for a sign of life before they take over.
    pub(crate) duration: Duration,
    /// How long the leader goes on without having renewed the Lease.
    pub(crate) renew: Duration,
    /// How long everyone rests between two looks.
    pub(crate) retry: Duration,
}

/// Runs what `start` starts whenever this process leads, until all of that has
/// ended by itself. What runs when the Lease is lost is ended there and then.
///
/// # Errors
///
/// When the Lease cannot be had at all, or what was started fails.
pub(crate) async fn lead(
    mut elector: Elector,
    start: impl Fn() -> JoinSet<()>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let mut stop = pin!(stop);
    let kurator = Kurator::new(elector.client());
    loop {
        tokio::select! {
            leads = stand(&mut elector, &kurator) => leads?,
            () = &mut stop => return Ok(()),
        }
        let mut tasks = start();
        tokio::select! {
            ended = finish(&mut tasks) => {
                elector.release().await;
                return ended;
            }
            () = elector.keep() => tasks.shutdown().await,
            () = kurator.comes() => {
                tasks.shutdown().await;
                elector.release().await;
            }
        }
    }
}

/// Waits until this process leads, and Kurator's controller does not run.
async fn stand(elector: &mut Elector, kurator: &Kurator) -> anyhow::Result<()> {
    loop {
        kurator.gone().await;
        elector.campaign().await?;
        // It may have taken long.
        if !kurator.runs().await {
            return Ok(());
        }
        elector.release().await;
    }
}

/// Waits for the tasks to end.
///
/// # Errors
///
/// When one of them fails.
pub(crate) async fn finish(tasks: &mut JoinSet<()>) -> anyhow::Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended.context("a part of the program failed")?;
    }
    Ok(())
}

/// A candidate, and its hold on the Lease.
pub(crate) struct Elector {
    leases: Api<Lease>,
    me: Candidate,
    renew: Duration,
    retry: Duration,
    seen: Seen,
    /// The Lease as we wrote it.
    ours: Option<Lease>,
    leadership: Leadership,
}

/// What came of a look at the Lease.
enum Turn {
    Leads,
    /// Someone else wrote or deleted it between our look and our write.
    Again,
    /// It is someone else's, for so long.
    Wait(Duration),
}

impl Elector {
    /// A candidate that tells `leadership` how it fares. The client must not
    /// try again by itself: what is sent late is sent by nobody who leads.
    pub(crate) fn new(client: Client, election: Election, leadership: Leadership) -> Self {
        let Election { namespace, lease, identity, duration, renew, retry } = election;
        let leases = Api::namespaced(client, &namespace);
        let me = Candidate { lease, identity, duration };
        Self { leases, me, renew, retry, seen: Seen::nothing(Instant::now()), ours: None, leadership }
    }

    fn client(&self) -> Client {
        self.leases.clone().into_client()
    }

    /// Waits until this process leads.
    ///
    /// # Errors
    ///
    /// When the Lease may not be had, or its namespace does not exist: no
    /// waiting mends that.
    pub(crate) async fn campaign(&mut self) -> anyhow::Result<()> {
        tracing::info!(lease = self.me.lease, identity = self.me.identity, "waiting to lead");
        loop {
            let rest = match timeout(self.renew, self.turn()).await {
                Ok(Ok(Turn::Leads)) => break,
                Ok(Ok(Turn::Again)) | Err(_) => Duration::ZERO,
                Ok(Ok(Turn::Wait(left))) => left.min(self.retry),
                Ok(Err(error)) if is_hopeless(&error) => {
                    return Err(error)
                        .with_context(|| format!("the Lease {:?} cannot be had", self.me.lease));
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the Lease cannot be read or written");
                    self.retry
                }
            };
            sleep(rest).await;
        }
        tracing::info!(lease = self.me.lease, identity = self.me.identity, "leading");
        Ok(())
    }

    /// Renews the Lease; returns when this process does not lead any more.
    pub(crate) async fn keep(&mut self) {
        while let Some(until) = self.leadership.until() {
            let retry = self.retry;
            let turn = async {
                sleep(retry).await;
                self.turn().await
            };
            match timeout_at(until, turn).await {
                Ok(Ok(Turn::Leads | Turn::Again)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the Lease cannot be renewed"),
                Ok(Ok(Turn::Wait(_))) | Err(_) => break,
            }
        }
        self.leadership.set(None);
        tracing::warn!("not leading any more");
    }

    /// Lets go of the Lease, so that nobody has to wait for it.
    pub(crate) async fn release(&mut self) {
        self.leadership.set(None);
        self.ours = None;
        match timeout(self.renew, self.hand_over()).await {
            Ok(Ok(())) => tracing::info!("the Lease is released"),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the Lease is not released: others wait until it runs out");
            }
            Err(_) => tracing::warn!("the Lease is not released in time: others wait until it runs out"),
        }
    }

    /// A renewal may have been cut off, so that what we know of the Lease is nothing to go by.
    async fn hand_over(&self) -> kube::Result<()> {
        let Some(lease) = self.leases.get_opt(&self.me.lease).await? else { return Ok(()) };
        if self.me.holds(&lease) {
            let released = self.me.released(&lease, Timestamp::now());
            self.leases.replace(&self.me.lease, &PostParams::default(), &released).await?;
        }
        Ok(())
    }

    /// Looks at the Lease, or at what we know of it while it is ours, and takes or renews it.
    async fn turn(&mut self) -> kube::Result<Turn> {
        let lease = match self.ours.take() {
            Some(ours) => Some(ours),
            None => self.leases.get_opt(&self.me.lease).await?,
        };
        let existed = lease.is_some();
        let sent = Instant::now();
        let quiet = self.seen.note(lease.as_ref(), sent);
        let parameters = PostParams::default();
        let written = match step(lease.as_ref(), &self.me, quiet, Timestamp::now()) {
            Step::Wait(left) => return Ok(Turn::Wait(left)),
            Step::Create(lease) => self.leases.create(&parameters, &lease).await,
            Step::Replace(lease) => self.leases.replace(&self.me.lease, &parameters, &lease).await,
        };
        match written {
            Ok(lease) => {
                self.ours = Some(lease);
                self.leadership.set(Some(sent + self.renew));
                Ok(Turn::Leads)
            }
            Err(kube::Error::Api(status)) if status.code == 409 || existed && status.is_not_found() => {
                Ok(Turn::Again)
            }
            Err(error) => Err(error),
        }
    }
}

/// Rights that are missing, or the namespace.
fn is_hopeless(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_forbidden() || status.is_not_found())
}
