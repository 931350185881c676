//! How long an API server waits for a review.

use std::time::Duration;

use crate::rules::duration;

/// How long where a request does not say: as our webhook configurations do.
const USUAL: Duration = Duration::from_secs(5);
/// The longest that is believed: a webhook configuration can ask for 30 s, and whoever waits holds a connection.
const LONGEST: Duration = Duration::from_secs(10);
/// By how much an answer is to come earlier: the API server rounds up to whole
/// seconds, and has spent some of them on reaching us.
const MARGIN: Duration = Duration::from_millis(1_200);

/// How long a request may take whose URL has this query.
pub(super) fn patience(query: Option<&str>) -> Duration {
    let timeout = query.and_then(timeout).unwrap_or(USUAL).min(LONGEST);
    timeout.saturating_sub(MARGIN).max(timeout / 2)
}

/// `timeout=5s`, as Go writes a duration.
fn timeout(query: &str) -> Option<Duration> {
    let text = query.split('&').find_map(|pair| pair.strip_prefix("timeout="))?;
    let nanos = duration::parse(text, &["ms", "s", "m", "h"]).ok()?;
    Some(Duration::from_nanos(nanos)).filter(|timeout| !timeout.is_zero())
}

#[cfg(test)]
mod tests {
    use super::patience;

    #[test]
    fn an_answer_comes_before_nobody_waits_for_it() {
        let table = [
            (None, 3_800),
            (Some("timeout=5s"), 3_800),
            (Some("a=b&timeout=10s"), 8_800),
            (Some("timeout=1s"), 500),
            (Some("timeout=2s"), 1_000),
            (Some("timeout=30s"), 8_800),
            (Some("timeout=1m30s"), 8_800),
            (Some("timeout=0s"), 3_800),
            (Some("timeout=-5s"), 3_800),
            (Some("timeout=99999999999999999999h"), 3_800),
            (Some("timeout=soon"), 3_800),
            (Some("timeout"), 3_800),
        ];
        for (query, millis) in table {
            assert_eq!(patience(query).as_millis(), millis, "{query:?}");
        }
    }
}
