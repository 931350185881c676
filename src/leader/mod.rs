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

mod elector;
mod kurator;
mod leadership;
mod lease;

use std::pin::pin;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;

pub(crate) use self::elector::Elector;
use self::kurator::Kurator;
pub(crate) use self::kurator::{KURATOR_DEPLOYMENT, KURATOR_LEASE, KURATOR_NAMESPACE};
pub(crate) use self::leadership::Leadership;

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
    /// The namespace of Kurator's controller, beside which nobody leads.
    pub(crate) kurator: String,
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
    let kurator = elector.kurator();
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
        if kurator.runs().await == Some(false) {
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
