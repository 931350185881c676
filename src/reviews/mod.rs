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
use std::time::Duration;

use axum::body::Body;
use fleetgate_webhooks::review::Account;
use fleetgate_webhooks::router::{self, Unread};
use fleetgate_webhooks::{Endpoint, Kind};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

pub(crate) use self::numbers::Numbers;
use self::paper::{Paper, Stationery};
use crate::traces;

/// A review of a larger body takes memory and time: there is one at a time, on
/// a thread of its own.
const LARGE: usize = 16 * 1024;
/// The most reviews at a time, however many processors there are: each may take
/// some MiB of memory, and few are enough for thousands in a second.
const MOST: usize = 8;

/// The desk of this process.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    turns: Arc<Semaphore>,
    large: Arc<Semaphore>,
    stationery: Arc<Stationery>,
    numbers: Numbers,
}

impl Desk {
    /// One for as many reviews at a time as there are processors, but for the
    /// one that listens.
    pub(crate) fn new(numbers: Numbers) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let turns = Arc::new(Semaphore::new(processors.saturating_sub(1).clamp(1, MOST)));
        Self { turns, large: Arc::new(Semaphore::new(1)), stationery: Arc::default(), numbers }
    }
}

impl router::Desk for Desk {
    type Paper = Paper;

    async fn read(&self, body: Body, until: std::time::Instant) -> Result<Paper, Unread> {
        self.stationery.read(body, until).await
    }

    async fn take<T: Send>(
        &self,
        bytes: usize,
        until: std::time::Instant,
        review: impl FnOnce() -> T + Send,
    ) -> Option<T> {
        let until = Instant::from_std(until);
        if bytes <= LARGE {
            let _turn = turn(&self.turns, until).await?;
            return Some(review());
        }
        let _large = turn(&self.large, until).await?;
        let _turn = turn(&self.turns, until).await?;
        Some(tokio::task::block_in_place(review))
    }

    fn reviewed(&self, endpoint: Endpoint, account: &Account, took: Duration) {
        self.numbers.reviewed(endpoint, account, took);
        traces::reviewed(endpoint, account);
        let about = &account.about;
        // What a user has written is quoted, and what stands in sets of ours is not: that takes time.
        tracing::info!(
            uid = about.uid,
            kind = %about.kind.map_or("other", Kind::as_str),
            namespace = about.namespace,
            name = about.name,
            operation = %about.operation.as_str(),
            dry_run = about.dry_run,
            endpoint = %endpoint.as_str(),
            verdict = %account.outcome.as_str(),
            codes = %account.codes.join(","),
            ms = (took.as_secs_f64() * 1_000_000.0).round() / 1_000.0,
            "reviewed"
        );
    }

    fn unread(&self, why: Unread) {
        self.numbers.unread(why);
        tracing::debug!(reason = why.as_str(), "a body was not read");
    }
}

/// A turn, if it comes in time.
async fn turn(turns: &Semaphore, until: Instant) -> Option<SemaphorePermit<'_>> {
    // It closes for nobody.
    tokio::time::timeout_at(until, turns.acquire()).await.ok()?.ok()
}
