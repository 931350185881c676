//! Where reviews are done: how much at a time, and what is told of them.
//!
//! ```text
//! body ─▶ paper (memory, by size) ─▶ turn (as processors allow) ─▶ review ─▶ numbers, one line in the log
//!           └───────────── until the request's own deadline ──────────┘
//! ```
//!
//! **Invariant**: whatever is asked at a time, memory is bounded, and who waits
//! for something waits in a row.

mod numbers;
mod paper;

use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use axum::body::Body;
use fleetgate_webhooks::review::Account;
use fleetgate_webhooks::router::{self, Unread};
use fleetgate_webhooks::{Endpoint, Kind};
use tokio::sync::Semaphore;

pub(crate) use self::numbers::Numbers;
use self::paper::{Paper, Stationery};

/// A review of a larger body does not run beside others on a thread of theirs.
const LARGE: usize = 64 * 1024;

/// The desk of this process.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    turns: Arc<Semaphore>,
    stationery: Stationery,
    numbers: Numbers,
}

impl Desk {
    /// One for as many reviews at a time as there are processors, but for the
    /// one that listens.
    pub(crate) fn new(numbers: Numbers) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let turns = Arc::new(Semaphore::new(processors.saturating_sub(1).max(1)));
        Self { turns, stationery: Stationery::default(), numbers }
    }
}

impl router::Desk for Desk {
    type Paper = Paper;

    async fn read(&self, body: Body, until: Instant) -> Result<Paper, Unread> {
        self.stationery.read(body, until).await
    }

    async fn take<T: Send>(
        &self,
        bytes: usize,
        until: Instant,
        review: impl FnOnce() -> T + Send,
    ) -> Option<T> {
        // It closes for nobody.
        let _turn = tokio::time::timeout_at(until.into(), self.turns.acquire()).await.ok()?.ok()?;
        Some(if bytes > LARGE { tokio::task::block_in_place(review) } else { review() })
    }

    fn reviewed(&self, endpoint: Endpoint, account: &Account, took: Duration) {
        self.numbers.reviewed(endpoint, account, took);
        let about = &account.about;
        tracing::info!(
            uid = about.uid,
            kind = about.kind.map_or("other", Kind::as_str),
            namespace = about.namespace,
            name = about.name,
            operation = about.operation.as_str(),
            dry_run = about.dry_run,
            endpoint = endpoint.as_str(),
            verdict = account.outcome.as_str(),
            codes = account.codes.join(","),
            ms = (took.as_secs_f64() * 1_000_000.0).round() / 1_000.0,
            "reviewed"
        );
    }

    fn unread(&self, why: Unread) {
        self.numbers.unread(why);
        tracing::debug!(reason = why.as_str(), "a body was not read");
    }
}
