//! Bodies, and the memory that they take.
//!
//! Most are small, and come at once. Who sends a large one waits for memory
//! among those who do, and holds up nobody else; and who announces one without
//! sending it holds nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use fleetgate_webhooks::router::{MAX_BODY, Unread};
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The first bytes of each body, which most are no longer than.
const SMALL: usize = 16 * 1024;
/// The longest of those that are, but for a few.
const MIDDLE: usize = 256 * 1024;
/// What all bodies may take with their first bytes.
const SMALL_MEMORY: usize = 8 * 1024 * 1024;
/// What those may take beside that which are longer.
const MIDDLE_MEMORY: usize = 8 * 1024 * 1024;
/// What memory is counted in.
const UNIT: usize = 1024;

/// What has to come of a body in a second, in bytes, whatever its client says about time.
const LEAST_RATE: usize = 1024 * 1024;
/// By how much it may come later than that.
const GRACE: Duration = Duration::from_secs(2);
/// By how much while others wait for the memory that it holds.
const HASTE: Duration = Duration::from_millis(250);

/// The memory for bodies.
#[derive(Debug)]
pub(super) struct Stationery {
    small: Store,
    middle: Store,
    /// Of those larger still there is one at a time.
    large: Store,
}

/// Memory of one kind.
#[derive(Debug)]
struct Store {
    units: Arc<Semaphore>,
    /// Whoever waits for some has another of it.
    waiting: Arc<()>,
}

impl Store {
    fn of(units: usize) -> Self {
        Self { units: Arc::new(Semaphore::new(units)), waiting: Arc::default() }
    }

    async fn take(&self, units: usize) -> Option<OwnedSemaphorePermit> {
        let _waiting = Arc::clone(&self.waiting);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        // It closes for nobody.
        Arc::clone(&self.units).acquire_many_owned(units).await.ok()
    }

    fn is_short(&self) -> bool {
        Arc::strong_count(&self.waiting) > 1
    }
}

impl Default for Stationery {
    fn default() -> Self {
        Self {
            small: Store::of(SMALL_MEMORY / UNIT),
            middle: Store::of(MIDDLE_MEMORY / UNIT),
            large: Store::of(1),
        }
    }
}

impl Stationery {
    /// Reads a body whole, if it comes in time.
    pub(super) async fn read(&self, body: Body, until: Instant) -> Result<Paper, Unread> {
        // Of one that does not say its length nothing is known but that it may not be longer.
        let announced =
            body.size_hint().upper().map_or(MAX_BODY, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        if announced > MAX_BODY {
            return Err(Unread::TooLarge);
        }
        let mut paper = Paper::default();
        let mut chunks = body.into_data_stream();
        let mut due = Instant::now();
        loop {
            let Some(chunk) = self.next(&mut chunks, &paper, due, until).await? else { return Ok(paper) };
            let length = paper.bytes.len() + chunk.len();
            if length > MAX_BODY {
                return Err(Unread::TooLarge);
            }
            let asked = Instant::now();
            let memory = self.provide(&mut paper, length, announced.max(length));
            tokio::time::timeout_at(until, memory).await.map_err(|_| Unread::Crowded)?;
            paper.bytes.extend_from_slice(&chunk);
            due += asked.elapsed() + in_time(chunk.len());
        }
    }

    /// What comes next of a body. What has come so far was due at some moment, and may be later by so much.
    async fn next(
        &self,
        chunks: &mut BodyDataStream,
        paper: &Paper,
        due: Instant,
        until: Instant,
    ) -> Result<Option<Bytes>, Unread> {
        let (latest, hasty) = (until.min(due + GRACE), due + HASTE);
        loop {
            let now = Instant::now();
            if now >= latest {
                return Err(Unread::TooSlow);
            }
            if now >= hasty && self.is_short_of(paper.size) {
                return Err(Unread::Crowded);
            }
            let look = latest.min(if now < hasty { hasty } else { now + HASTE });
            if let Ok(chunk) = tokio::time::timeout_at(look, chunks.next()).await {
                return chunk.transpose().map_err(|_| Unread::Broken);
            }
        }
    }

    /// Whether others wait for what a body of that size holds.
    fn is_short_of(&self, size: Size) -> bool {
        match size {
            Size::Nothing => false,
            Size::Small => self.small.is_short(),
            Size::Middle => self.small.is_short() || self.middle.is_short(),
            Size::Large => self.small.is_short() || self.large.is_short(),
        }
    }

    /// Waits for the memory of so many bytes, of a body that is said to have so many in the end. Of each kind
    /// it is taken all at once: two that each wait for what the other has would wait for ever.
    async fn provide(&self, paper: &mut Paper, length: usize, announced: usize) {
        if paper.size == Size::Nothing {
            let bytes = announced.min(SMALL);
            paper.grow(Size::Small, self.small.take(bytes.div_ceil(UNIT)).await, bytes);
        }
        if length > SMALL && paper.size < Size::Middle {
            if announced > MIDDLE {
                paper.grow(Size::Large, self.large.take(1).await, announced);
            } else {
                let units = (announced - SMALL).div_ceil(UNIT);
                paper.grow(Size::Middle, self.middle.take(units).await, announced);
            }
        }
    }
}

/// How long so many bytes may take.
fn in_time(bytes: usize) -> Duration {
    let micros = bytes.saturating_mul(1_000_000) / LEAST_RATE;
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// What a body holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Size {
    #[default]
    Nothing,
    Small,
    Middle,
    Large,
}

/// A body, and the memory that it holds until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Paper {
    bytes: Vec<u8>,
    size: Size,
    held: Vec<OwnedSemaphorePermit>,
}

impl Paper {
    fn grow(&mut self, size: Size, memory: Option<OwnedSemaphorePermit>, bytes: usize) {
        self.size = size;
        self.held.extend(memory);
        self.bytes.reserve_exact(bytes - self.bytes.len());
    }
}

impl AsRef<[u8]> for Paper {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests;
