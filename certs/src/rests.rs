//! How long what was in vain rests before it is done again.

use std::time::Duration;

use tokio::time::Instant;

/// What is done again and again rests twice as long each time, up to a longest rest. What has been left
/// alone for as long as that begins anew.
#[derive(Debug)]
pub(crate) struct Rests {
    first: Duration,
    longest: Duration,
    times: u32,
    last: Option<Instant>,
}

impl Rests {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, times: 0, last: None }
    }

    /// How long it rests yet.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        let since = self.last.map(|last| now.saturating_duration_since(last));
        since.map_or(Duration::ZERO, |since| self.rest().saturating_sub(since))
    }

    /// It was done once more; says how often in a row by now.
    pub(crate) fn note(&mut self, now: Instant) -> u32 {
        let is_late = self.last.is_some_and(|last| now.saturating_duration_since(last) >= self.longest * 2);
        self.times = if is_late { 1 } else { self.times.saturating_add(1) };
        self.last = Some(now);
        self.times
    }

    /// It was not in vain.
    pub(crate) fn forget(&mut self) {
        (self.times, self.last) = (0, None);
    }

    fn rest(&self) -> Duration {
        let doubled = self.times.saturating_sub(1).min(20);
        self.first.saturating_mul(1 << doubled).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_and_end() {
        let (second, start) = (Duration::from_secs(1), Instant::now());
        let mut rests = Rests::new(second, 10 * second);
        assert_eq!(rests.left(start), Duration::ZERO);
        for (times, rest) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (6, 10)] {
            assert_eq!((rests.note(start), rests.left(start)), (times, rest * second));
        }
        assert_eq!(rests.left(start + 7 * second), 3 * second);
        assert_eq!((rests.note(start + 20 * second), rests.left(start + 20 * second)), (1, second));
        rests.forget();
        assert_eq!(rests.left(start + 20 * second), Duration::ZERO);
    }
}
