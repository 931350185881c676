//! How far a connection is, and how long that may take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A client that has not shaken hands by then is let go; where there is no handshake, one that has said nothing.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// The head of a request has to be there so long after its first byte.
const HEAD: Duration = Duration::from_secs(5);
/// A connection on which nothing is asked for so long is closed. An API server
/// lets go of its own after 90 s, and has to be the first: what it asks on a
/// connection that is just being closed fails, and is not asked again.
const IDLE: Duration = Duration::from_mins(3);

/// A client that has not read an answer to its end after so long is let go.
const UNREAD: Duration = Duration::from_secs(10);
/// And may be left over already.
const RELUCTANT: Duration = Duration::from_secs(1);

/// Whoever connects has something to ask, and does so by then.
const FRESH: Duration = Duration::from_secs(2);
/// An API server asks on the connection that it used last: one that is not used for so long is left over, as many are
/// whenever it is told to trust another certificate.
const RECENT: Duration = Duration::from_secs(10);

/// Whoever sends a request sends its body with it; one that takes longer may be left over.
const BODY: Duration = Duration::from_secs(1);

/// What a connection is worth that nothing is done for; the first go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    /// It was never used, though there was time.
    Unused,
    /// Nothing has come on it yet.
    Silent,
    /// It was used a while ago, or what it began to ask does not come.
    Left,
    /// It is about to be used.
    Fresh,
    /// It was used just now.
    Recent,
    /// It is being used.
    Asking,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Whoever connects has something to say, and says it at once.
    Silent,
    Shaking,
    /// Nothing is asked; something may have been before.
    Idle {
        has_asked: bool,
    },
    /// A request has begun to arrive.
    Head {
        has_asked: bool,
    },
    /// So many requests are under way, and the bodies of so many of them are still to come.
    Busy {
        requests: u32,
        bodies: u32,
    },
}

impl Stage {
    /// How many requests are under way, and how many of their bodies are still to come.
    const fn under_way(self) -> (u32, u32) {
        match self {
            Self::Busy { requests, bodies } => (requests, bodies),
            _ => (0, 0),
        }
    }
}

/// The stage of one connection, and since when it is there.
#[derive(Debug)]
pub(super) struct Pace {
    at: Mutex<(Stage, Instant)>,
    /// Since when its client has not read on.
    unread: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn start(now: Instant) -> Self {
        Self { at: Mutex::new((Stage::Silent, now)), unread: Mutex::default() }
    }

    /// The handshake has begun: it has as much time as is left.
    pub(super) fn shaking(&self) {
        let mut at = self.locked();
        if at.0 == Stage::Silent {
            at.0 = Stage::Shaking;
        }
    }

    /// The handshake is done, or there is none.
    pub(super) fn shaken(&self, now: Instant) {
        *self.locked() = (Stage::Idle { has_asked: false }, now);
    }

    /// Bytes came, of which only a request can be made.
    pub(super) fn heard(&self, now: Instant) {
        let mut at = self.locked();
        if let Stage::Idle { has_asked } = at.0 {
            *at = (Stage::Head { has_asked }, now);
        }
    }

    /// A request is there, but for its body; each is under way for as long as what is returned for it lives.
    pub(super) fn ask(self: &Arc<Self>, now: Instant) -> (UnderWay, Arriving) {
        let mut at = self.locked();
        let (requests, bodies) = at.0.under_way();
        let more = Stage::Busy { requests: requests.saturating_add(1), bodies: bodies.saturating_add(1) };
        *at = (more, now);
        (UnderWay(Arc::clone(self)), Arriving(Arc::clone(self)))
    }

    /// A body is there, or will not be read.
    fn arrived(&self, now: Instant) {
        let mut at = self.locked();
        if let Stage::Busy { requests, bodies } = at.0 {
            *at = (Stage::Busy { requests, bodies: bodies.saturating_sub(1) }, now);
        }
    }

    fn answered(&self, now: Instant) {
        let mut at = self.locked();
        let stage = match at.0 {
            Stage::Busy { requests, bodies } if requests > 1 => {
                Stage::Busy { requests: requests - 1, bodies }
            }
            _ => Stage::Idle { has_asked: true },
        };
        *at = (stage, now);
    }

    /// Nothing more can be written until the client has read on, or it can again.
    pub(super) fn unread(&self, since: Option<Instant>) {
        *self.unread.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn is_unread_for(&self, long: Duration, now: Instant) -> bool {
        let since = *self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| now.saturating_duration_since(since) >= long)
    }

    /// Whether it takes too long.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        if self.is_unread_for(UNREAD, now) {
            return true;
        }
        let (stage, since) = *self.locked();
        let limit = match stage {
            Stage::Silent | Stage::Shaking => HANDSHAKE,
            Stage::Idle { .. } => IDLE,
            Stage::Head { .. } => HEAD,
            // Requests have time limits of their own.
            Stage::Busy { .. } => return false,
        };
        now.saturating_duration_since(since) >= limit
    }

    /// How dear it is, if it could be let go for another; among equals the one that has been so the longest goes.
    pub(super) fn worth(&self, now: Instant) -> Option<(Worth, Instant)> {
        let (stage, since) = *self.locked();
        let has_been = now.saturating_duration_since(since);
        let worth = match stage {
            _ if self.is_unread_for(RELUCTANT, now) => Worth::Left,
            Stage::Silent if has_been < FRESH => Worth::Silent,
            Stage::Silent
            | Stage::Shaking
            | Stage::Idle { has_asked: false }
            | Stage::Head { has_asked: false } => {
                if has_been < FRESH {
                    Worth::Fresh
                } else {
                    Worth::Unused
                }
            }
            Stage::Idle { has_asked: true } | Stage::Head { has_asked: true } => {
                if has_been < RECENT {
                    Worth::Recent
                } else {
                    Worth::Left
                }
            }
            // None is looked at.
            Stage::Busy { requests, bodies } if requests <= bodies => {
                if has_been < BODY {
                    Worth::Asking
                } else {
                    Worth::Left
                }
            }
            Stage::Busy { .. } => return None,
        };
        Some((worth, since))
    }

    fn locked(&self) -> MutexGuard<'_, (Stage, Instant)> {
        // It is a plain value, which no panic leaves half-written.
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is under way. One whose client has gone is not any more.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Pace>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.answered(Instant::now());
    }
}

/// A body that has not come yet.
#[derive(Debug)]
pub(super) struct Arriving(Arc<Pace>);

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.arrived(Instant::now());
    }
}

#[cfg(test)]
mod tests;
