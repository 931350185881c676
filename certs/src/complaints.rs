//! What was complained of, so that what lasts fills no log.

use std::time::Duration;

use tokio::time::Instant;

/// What lasts is said again after so long.
const SILENCE: Duration = Duration::from_mins(1);

/// So many are remembered: each of three watches, of three looks and of what is written may have one.
const MOST: usize = 12;

/// What was said, and when: the first comes first.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Vec<(String, Instant)>);

impl Complaints {
    /// Whether this is to be said now, and not because it was a moment ago.
    pub(crate) fn is_news(&mut self, complaint: &str, now: Instant) -> bool {
        self.0.retain(|(_, at)| now.saturating_duration_since(*at) < SILENCE);
        if self.0.iter().any(|(said, _)| said == complaint) {
            return false;
        }
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push((complaint.to_owned(), now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_said_once_in_a_while() {
        let start = Instant::now();
        let mut complaints = Complaints::default();
        let table = [
            (0, "a", true),
            (1, "b", true),
            (2, "a", false),
            (3, "b", false),
            (60, "a", true),
            (60, "b", false),
            (61, "b", true),
            (62, "a", false),
        ];
        for (second, complaint, expected) in table {
            let now = start + Duration::from_secs(second);
            assert_eq!(complaints.is_news(complaint, now), expected, "{complaint} at {second}");
        }
    }

    #[test]
    fn only_so_many_are_remembered() {
        let (mut complaints, now) = (Complaints::default(), Instant::now());
        for number in 0..=MOST {
            assert!(complaints.is_news(&number.to_string(), now));
        }
        assert_eq!(complaints.0.len(), MOST);
        assert!(!complaints.is_news("1", now));
        assert!(complaints.is_news("0", now), "the first is forgotten");
    }
}
