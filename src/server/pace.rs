//! How far a connection is, and how long that may take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A client that has not shaken hands by then is let go.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// The head of a request has to be there so long after its first byte.
const HEAD: Duration = Duration::from_secs(5);
/// A connection on which nothing is asked for so long is closed. An API server
/// lets go of its own after 90 s, and has to be the first: what it asks on a
/// connection that is just being closed fails, and is not asked again.
const IDLE: Duration = Duration::from_mins(3);

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
pub(super) struct Pace(Mutex<(Stage, Instant)>);

impl Pace {
    pub(super) fn start(now: Instant) -> Self {
        Self(Mutex::new((Stage::Shaking, now)))
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

    /// Whether it takes too long.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        let (stage, since) = *self.locked();
        let limit = match stage {
            Stage::Shaking => HANDSHAKE,
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
            Stage::Shaking | Stage::Idle { has_asked: false } | Stage::Head { has_asked: false } => {
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
mod tests {
    use super::*;

    /// What happens to a connection, in seconds after it was accepted.
    enum Step {
        Shaken,
        Heard,
        Asked,
        Answered,
    }

    #[test]
    fn each_stage_has_its_time() {
        use Step::{Answered, Asked, Heard, Shaken};
        type Row = (&'static str, &'static [(u64, Step)], Option<u64>);
        let table: [Row; 8] = [
            ("no handshake", &[], Some(5)),
            ("no request", &[(1, Shaken)], Some(181)),
            ("a slow head", &[(1, Shaken), (60, Heard), (63, Heard)], Some(65)),
            ("a request", &[(1, Shaken), (2, Heard), (3, Asked)], None),
            ("none after it", &[(1, Shaken), (2, Heard), (3, Asked), (4, Answered)], Some(184)),
            ("a slow one after it", &[(3, Asked), (4, Answered), (30, Heard)], Some(35)),
            ("two at a time", &[(3, Asked), (3, Asked), (4, Answered), (5, Heard)], None),
            ("two after each other", &[(3, Asked), (4, Answered), (90, Asked), (91, Answered)], Some(271)),
        ];
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for (what, steps, late) in table {
            let pace = Arc::new(Pace::start(start));
            let mut asked = Vec::new();
            for (seconds, step) in steps {
                match step {
                    Shaken => pace.shaken(at(*seconds)),
                    Heard => pace.heard(at(*seconds)),
                    Asked => asked.push(pace.ask(at(*seconds))),
                    Answered => pace.answered(at(*seconds)),
                }
            }
            let first = (0..1_000).find(|seconds| pace.is_late(at(*seconds)));
            let first = first.filter(|first| steps.last().is_none_or(|(last, _)| first > last));
            assert_eq!(first, late, "{what}");
        }
    }

    #[test]
    fn what_is_left_over_is_let_go_before_what_is_about_to_be_used() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let used_at = |seconds| {
            let pace = Arc::new(Pace::start(start));
            pace.shaken(start);
            // Forgotten, so that it ends when the table says.
            std::mem::forget(pace.ask(start));
            pace.arrived(at(seconds));
            pace.answered(at(seconds));
            pace
        };
        let busy = Arc::new(Pace::start(start));
        let (_request, body) = busy.ask(start);
        drop(body);
        let asking = Arc::new(Pace::start(start));
        let _asked = asking.ask(at(19));
        let shaken = Pace::start(start);
        shaken.shaken(at(19));
        let table = [
            ("no handshake", Pace::start(start).worth(at(20)), Some(Worth::Unused)),
            ("shaken just now", shaken.worth(at(20)), Some(Worth::Fresh)),
            ("and not used since", shaken.worth(at(21)), Some(Worth::Unused)),
            ("used a while ago", used_at(10).worth(at(20)), Some(Worth::Left)),
            ("used just now", used_at(11).worth(at(20)), Some(Worth::Recent)),
            ("used right now", busy.worth(at(20)), None),
            ("a body that is to come", asking.worth(at(19)), Some(Worth::Asking)),
            ("and does not come", asking.worth(at(20)), Some(Worth::Left)),
        ];
        for (what, worth, expected) in table {
            assert_eq!(worth.map(|(worth, _)| worth), expected, "{what}");
        }
        assert!([Worth::Unused, Worth::Left, Worth::Fresh, Worth::Recent, Worth::Asking].is_sorted());
    }
}
