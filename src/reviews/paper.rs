//! Bodies, and the memory that they take.
//!
//! Most are small, and come at once. Who sends a large one waits for memory
//! among those who do, and holds up nobody else; and who announces one without
//! sending it holds nothing.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, HttpBody};
use fleetgate_webhooks::router::{MAX_BODY, Unread};
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The first bytes of each body, which most are no longer than.
const SMALL: usize = 16 * 1024;
/// The first bytes of those that are.
const MIDDLE: usize = 256 * 1024;
/// What all bodies may take with their first bytes, by either.
const MEMORY: usize = 8 * 1024 * 1024;
/// What memory is counted in.
const UNIT: usize = 1024;

/// The memory for bodies.
#[derive(Clone, Debug)]
pub(super) struct Stationery {
    small: Arc<Semaphore>,
    middle: Arc<Semaphore>,
    /// Of those larger still there is one at a time.
    large: Arc<Semaphore>,
}

impl Default for Stationery {
    fn default() -> Self {
        let memory = || Arc::new(Semaphore::new(MEMORY / UNIT));
        Self { small: memory(), middle: memory(), large: Arc::new(Semaphore::new(1)) }
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
        loop {
            let chunk = tokio::time::timeout_at(until.into(), chunks.next()).await;
            let Some(chunk) = chunk.map_err(|_| Unread::TooSlow)? else { return Ok(paper) };
            let chunk = chunk.map_err(|_| Unread::Broken)?;
            let length = paper.bytes.len() + chunk.len();
            if length > MAX_BODY {
                return Err(Unread::TooLarge);
            }
            let memory = self.provide(&mut paper, length, announced.max(length));
            // The semaphores close for nobody.
            tokio::time::timeout_at(until.into(), memory).await.map_err(|_| Unread::Crowded)?;
            paper.bytes.extend_from_slice(&chunk);
        }
    }

    /// Waits for the memory of so many bytes, of a body that is said to have so many in the end.
    async fn provide(&self, paper: &mut Paper, length: usize, announced: usize) {
        let wanted = length.min(SMALL).div_ceil(UNIT);
        if wanted > paper.units {
            paper.hold(&self.small, wanted - paper.units).await;
            paper.units = wanted;
        }
        // All at once from here on: two that each wait for what the other has would wait for ever.
        if length > SMALL && paper.size < Size::Middle {
            let rest = announced.min(MIDDLE) - SMALL;
            paper.hold(&self.middle, rest.div_ceil(UNIT)).await;
            paper.grow(Size::Middle, announced.min(MIDDLE));
        }
        if length > MIDDLE && paper.size < Size::Large {
            paper.hold(&self.large, 1).await;
            paper.grow(Size::Large, announced);
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Size {
    #[default]
    Small,
    Middle,
    Large,
}

/// A body, and the memory that it holds until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Paper {
    bytes: Vec<u8>,
    size: Size,
    /// What it holds of the small memory.
    units: usize,
    held: Vec<OwnedSemaphorePermit>,
}

impl Paper {
    async fn hold(&mut self, memory: &Arc<Semaphore>, units: usize) {
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        self.held.extend(Arc::clone(memory).acquire_many_owned(units).await);
    }

    fn grow(&mut self, size: Size, bytes: usize) {
        self.size = size;
        self.bytes.reserve_exact(bytes - self.bytes.len());
    }
}

impl AsRef<[u8]> for Paper {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
