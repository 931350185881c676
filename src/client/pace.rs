//! How fast writes may follow one another.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What was not used of so much time is made up for.
const SLACK: Duration = Duration::from_millis(100);

/// Gives each write its turn.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// The turn of the next write, if none is late.
    next: Mutex<Instant>,
}

impl Pace {
    /// So many writes a second.
    pub(super) fn new(writes_per_second: u32, now: Instant) -> Self {
        Self { interval: Duration::from_secs(1) / writes_per_second.max(1), next: Mutex::new(now) }
    }

    /// When a write that is ready now may be sent.
    pub(super) fn turn(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(now.checked_sub(SLACK).unwrap_or(now));
        *next = turn + self.interval;
        turn.max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns() {
        let start = Instant::now();
        let pace = Pace::new(20, start);
        let at = |millis| start + Duration::from_millis(millis);
        let table = [
            ("the first is sent at once", 0, 0),
            ("the second has to wait", 0, 50),
            ("and the third waits for that", 10, 100),
            ("after a rest there is no queue", 1000, 1000),
            ("and a little is made up for", 1000, 1000),
            ("but not all", 1000, 1000),
            ("of it", 1000, 1050),
        ];
        for (what, ready, sent) in table {
            assert_eq!(pace.turn(at(ready)), at(sent), "{what}");
        }
    }
}
