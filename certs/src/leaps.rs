//! When the wall clock goes otherwise than time itself: somebody set it, or the machine was suspended.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// How often the clocks are compared.
const PERIOD: Duration = Duration::from_secs(1);

/// A clock that is put right little by little differs by less.
const TOLERANCE: Duration = Duration::from_secs(2);

/// The wall clock, and a clock that nobody sets, which stands still while the machine is suspended: what waits
/// by that one hears of the time that has passed only here.
#[derive(Debug)]
pub(crate) struct Leaps {
    turns: Interval,
    before: Clocks,
}

#[derive(Clone, Copy, Debug)]
struct Clocks {
    wall: Timestamp,
    still: Instant,
}

impl Leaps {
    pub(crate) fn new() -> Self {
        let mut turns = interval(PERIOD);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { turns, before: Clocks::now() }
    }

    /// Returns when the wall clock has leapt. Nothing is lost where that is not waited for to the end.
    pub(crate) async fn next(&mut self) {
        loop {
            self.turns.tick().await;
            let now = Clocks::now();
            let before = std::mem::replace(&mut self.before, now);
            if now.have_parted_since(before) {
                tracing::info!(from = %before.wall, to = %now.wall, "this machine was suspended, or its clock was set");
                return;
            }
        }
    }
}

impl Clocks {
    fn now() -> Self {
        Self { wall: Timestamp::now(), still: Instant::now() }
    }

    fn have_parted_since(self, before: Self) -> bool {
        let passed = self.still.saturating_duration_since(before.still);
        let expected = before.wall.checked_add(passed);
        expected.is_ok_and(|expected| expected.duration_until(self.wall).unsigned_abs() > TOLERANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_suspended_or_whose_clock_was_set_hears_of_it() {
        let start = Instant::now();
        let at = |wall: i64, still: u64| Clocks {
            wall: Timestamp::from_second(1_800_000_000 + wall).expect("a date"),
            still: start + Duration::from_secs(still),
        };
        let table = [
            ("a second passes", at(1, 1), false),
            ("many pass, as for who is seldom run", at(600, 600), false),
            ("it is put right", at(2, 1), false),
            ("it is set ahead", at(3601, 1), true),
            ("it is set back", at(-3599, 1), true),
            ("a minute is slept through", at(61, 1), true),
        ];
        for (what, now, expected) in table {
            assert_eq!(now.have_parted_since(at(0, 0)), expected, "{what}");
        }
    }
}
