//! How long what failed rests before it is tried again: longer each time, and
//! never all at once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kube::{Resource, ResourceExt};

/// The rest after a first failure; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(1);

/// Nothing rests longer.
const LONGEST: Duration = Duration::from_mins(5);

/// What failed for one reason is tried again within so much of its rest, more
/// or less, of a hundred.
const JITTER: u32 = 20;

/// The failures of one controller's objects.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failing: Mutex<HashMap<String, Failing>>,
}

#[derive(Debug)]
struct Failing {
    attempts: u32,
    /// When it is to be tried again.
    due: Instant,
    /// Until when the API server asked to be left alone with it.
    quiet: Option<Instant>,
}

impl Backoff {
    /// Another attempt at the object failed: how long to rest. An attempt before
    /// it was due, for an event's sake, makes the rest no longer.
    pub(super) fn failed(&self, object: &impl Resource) -> Duration {
        self.failed_at(&key(object), Instant::now())
    }

    /// The API server asks to be left alone with an object that failed, for so
    /// long: no event hastens that.
    pub(super) fn leave_alone(&self, object: &impl Resource, wait: Duration) {
        self.leave_alone_at(&key(object), wait, Instant::now());
    }

    /// How long it is to be left alone yet.
    pub(super) fn left_alone(&self, object: &impl Resource) -> Option<Duration> {
        self.left_alone_at(&key(object), Instant::now())
    }

    /// The object is as it should be, or no more.
    pub(super) fn succeeded(&self, object: &impl Resource) {
        self.failing().remove(&key(object));
    }

    /// So many attempts failed, the last of them just now.
    #[cfg(test)]
    pub(super) fn has_failed(&self, object: &impl Resource, attempts: u32) {
        self.failing().insert(key(object), Failing { attempts, due: Instant::now(), quiet: None });
    }

    fn failed_at(&self, key: &str, now: Instant) -> Duration {
        let mut failing = self.failing();
        let failing = failing.entry(key.to_owned()).or_insert(Failing { attempts: 0, due: now, quiet: None });
        if failing.due <= now {
            failing.due = now + rest(key, failing.attempts);
            failing.attempts = failing.attempts.saturating_add(1);
        }
        failing.due - now
    }

    fn leave_alone_at(&self, key: &str, wait: Duration, now: Instant) {
        if let Some(failing) = self.failing().get_mut(key) {
            failing.quiet = Some(now + wait.min(LONGEST));
        }
    }

    fn left_alone_at(&self, key: &str, now: Instant) -> Option<Duration> {
        let quiet = self.failing().get(key)?.quiet?;
        quiet.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// Whoever panics under the lock leaves a map behind, and not half of one.
    fn failing(&self) -> MutexGuard<'_, HashMap<String, Failing>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another object of the same name has not failed yet.
fn key(object: &impl Resource) -> String {
    object.uid().unwrap_or_default()
}

/// The rest after so many failures before: a number of its own for every object
/// and attempt, so that what failed together does not come back together.
fn rest(key: &str, attempts: u32) -> Duration {
    let rest = FIRST.saturating_mul(2_u32.saturating_pow(attempts)).min(LONGEST);
    spread(rest, (key, attempts))
}

/// About that long, and for all that hashes alike the same.
pub(super) fn spread(rest: Duration, of: impl Hash) -> Duration {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    let spread = u32::try_from(hasher.finish() % u64::from(2 * JITTER + 1)).unwrap_or(JITTER);
    rest * (100 - JITTER + spread) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_grows_to_a_limit_and_differs() {
        let within = |rest: Duration, middle: u64| {
            let middle = Duration::from_secs(middle);
            rest >= middle * 4 / 5 && rest <= middle * 6 / 5
        };
        for (attempts, middle) in [(0, 1), (1, 2), (2, 4), (8, 256), (9, 300), (40, 300), (u32::MAX, 300)] {
            assert!(within(rest("default/shop", attempts), middle), "{attempts}");
        }
        let rests: std::collections::BTreeSet<Duration> =
            (0..100).map(|number| rest(&format!("default/shop-{number}"), 9)).collect();
        assert!(rests.len() > 20, "{rests:?}");
    }

    #[test]
    fn the_next_of_a_name_begins_anew() {
        let object = |uid: &str| {
            let object = serde_json::json!({
                "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
                "metadata": {"name": "shop", "namespace": "default", "uid": uid}, "spec": {},
            });
            serde_json::from_value::<kube::api::DynamicObject>(object).expect("an object")
        };
        let backoff = Backoff::default();
        backoff.has_failed(&object("u1"), 9);
        assert!(backoff.failed(&object("u1")) > Duration::from_mins(3));
        assert!(backoff.failed(&object("u2")) < Duration::from_secs(2));
        backoff.succeeded(&object("u1"));
        assert_eq!(backoff.failing().len(), 1);
    }

    #[test]
    fn only_an_attempt_that_was_due_makes_the_rest_longer() {
        let (backoff, start) = (Backoff::default(), Instant::now());
        let first = backoff.failed_at("default/shop", start);
        assert_eq!(first, rest("default/shop", 0));
        let half = start + first / 2;
        let rest_of_it = backoff.failed_at("default/shop", half);
        assert_eq!(half + rest_of_it, start + first, "for an event's sake");
        assert_eq!(backoff.failed_at("default/shop", start + first), rest("default/shop", 1));
        assert_eq!(backoff.failed_at("default/other", start), rest("default/other", 0), "each has its own");
    }

    #[test]
    fn what_the_api_server_asks_for_is_kept_to() {
        let (backoff, start) = (Backoff::default(), Instant::now());
        let second = Duration::from_secs(1);
        backoff.leave_alone_at("default/shop", second, start);
        assert_eq!(backoff.left_alone_at("default/shop", start), None, "it has not failed");
        backoff.failed_at("default/shop", start);
        backoff.leave_alone_at("default/shop", 3 * second, start);
        let left = |after| backoff.left_alone_at("default/shop", start + after);
        assert_eq!([left(second), left(3 * second)], [Some(2 * second), None]);
        backoff.leave_alone_at("default/shop", Duration::MAX, start);
        assert_eq!(left(Duration::ZERO), Some(LONGEST), "and no longer than anything else");
        assert_eq!(backoff.left_alone_at("default/other", start), None);
    }
}
