//! The API server's clock: it is the one by which certificates expire.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::fmt::rfc2822;
use kube::Client;
use tokio::time::Instant;
use tower::service_fn;

/// By so much our own clock may differ without a word.
const TOLERANCE: Duration = Duration::from_mins(5);

/// What time it is to the API server, as its last answer said. Nobody who sets this machine's clock has
/// a certificate replaced, and a machine that was suspended hears how late it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Arc<Mutex<Option<Heard>>>);

#[derive(Clone, Copy, Debug)]
struct Heard {
    date: Timestamp,
    /// When, by a clock that nobody sets.
    at: Instant,
    /// Whether our own clock agreed.
    agreed: bool,
}

impl Clock {
    /// The same client, whose answers are listened to.
    pub(crate) fn listen(&self, client: Client) -> Client {
        let (namespace, clock) = (client.default_namespace().to_owned(), self.clone());
        let service = service_fn(move |request| {
            let (client, clock) = (client.clone(), clock.clone());
            async move {
                let answer = client.send(request).await?;
                let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
                if let Some(date) = date.and_then(read) {
                    clock.hear(date, Timestamp::now(), Instant::now());
                }
                Ok::<_, kube::Error>(answer)
            }
        });
        Client::new(service, namespace)
    }

    /// What time it is; as long as nothing was heard, by our own clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.at(Instant::now()).unwrap_or_else(Timestamp::now)
    }

    fn at(&self, now: Instant) -> Option<Timestamp> {
        let heard = (*self.heard())?;
        heard.date.checked_add(now.saturating_duration_since(heard.at)).ok()
    }

    /// Notes what the API server said while our own clock said something else; tells once if they disagree.
    fn hear(&self, date: Timestamp, ours: Timestamp, at: Instant) {
        let differ = date.duration_until(ours).unsigned_abs();
        let agreed = differ <= TOLERANCE;
        let before = self.heard().replace(Heard { date, at, agreed });
        let had_agreed = before.is_none_or(|before| before.agreed);
        if had_agreed && !agreed {
            tracing::warn!(%ours, "the API server says that it is {date}, which counts: set this machine's clock");
        } else if agreed && !had_agreed {
            tracing::info!("this machine's clock agrees with the API server's again");
        }
    }

    fn heard(&self) -> MutexGuard<'_, Option<Heard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A date as HTTP has it.
fn read(date: &str) -> Option<Timestamp> {
    rfc2822::parse(date).ok().map(|date| date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT").map(Timestamp::as_second), Some(784_111_777));
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn what_the_api_server_says_counts_and_time_goes_on() {
        let (clock, start) = (Clock::default(), Instant::now());
        assert_eq!(clock.at(start), None);
        let date = Timestamp::from_second(1_800_000_000).expect("a date");
        // Our own clock is a year ahead.
        let ours = date.checked_add(Duration::from_hours(365 * 24)).expect("a date");
        clock.hear(date, ours, start);
        let later = start + Duration::from_secs(7);
        assert_eq!(clock.at(later), date.checked_add(Duration::from_secs(7)).ok());
        assert_eq!(clock.at(start), Some(date));
    }
}
