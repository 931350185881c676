//! Where reviews are done: how much at a time, and what is told of them.
//!
//! ```text
//! body ─▶ paper (memory, by size) ─▶ turn (as processors allow), or lane (by weight) ─▶ review ─▶ numbers, one line in the log
//!           └─────────────────────── until the request's own deadline ───────────────┘
//! ```
//!
//! **Invariant**: whatever is asked at a time, memory is bounded, and who waits
//! for something waits in a row.

mod lane;
mod numbers;
mod paper;

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::body::Body;
use fleetgate_webhooks::review::Account;
use fleetgate_webhooks::router::{self, Unread};
use fleetgate_webhooks::{Endpoint, Kind};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::lane::Lane;
pub(crate) use self::numbers::Numbers;
use self::paper::{Paper, Stationery};

/// A review that weighs no more takes little memory, and others on its thread need not wait for long.
const LIGHT: usize = 512;
/// Those that weigh more have two [`Lane`]s: one for updates as they are every day, of up to some 100 KiB, and one for whatever
/// else there may be, which weighs several times as much.
const MEDIUM: usize = 8_000;
/// The most that wait in the second: their bodies are to leave memory for others.
const MOST_WAITING: usize = 12;
/// The most light reviews at a time, however many processors there are: few are enough
/// for thousands in a second, and one thread of the program is to be left to listen.
const MOST: usize = 7;

/// The desk of this process.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    turns: Arc<Semaphore>,
    medium: Arc<Lane>,
    heavy: Arc<Lane>,
    stationery: Arc<Stationery>,
    numbers: Numbers,
}

impl Desk {
    /// One for as many light reviews at a time as there are processors, but for the
    /// one that listens.
    ///
    /// # Errors
    ///
    /// When there cannot be more threads.
    pub(crate) fn new(numbers: Numbers) -> io::Result<Self> {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let turns = Arc::new(Semaphore::new(processors.saturating_sub(1).clamp(1, MOST)));
        let medium = Arc::new(Lane::start(Semaphore::MAX_PERMITS)?);
        let heavy = Arc::new(Lane::start(MOST_WAITING)?);
        numbers.begin();
        Ok(Self { turns, medium, heavy, stationery: Arc::default(), numbers })
    }
}

impl router::Desk for Desk {
    type Paper = Paper;

    async fn read(&self, body: Body, until: std::time::Instant) -> Result<Paper, Unread> {
        self.stationery.read(body, Instant::from_std(until)).await
    }

    async fn take<T: Send + 'static>(
        &self,
        weight: usize,
        until: std::time::Instant,
        review: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let until = Instant::from_std(until);
        if weight > LIGHT {
            let lane = if weight <= MEDIUM { &self.medium } else { &self.heavy };
            return lane.take(until, review).await;
        }
        // It closes for nobody.
        let _turn = tokio::time::timeout_at(until, self.turns.acquire()).await.ok()?.ok()?;
        Some(review())
    }

    fn reviewed(&self, endpoint: Endpoint, account: &Account, took: Duration) {
        self.numbers.reviewed(endpoint, account, took);
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

#[cfg(test)]
mod tests;
