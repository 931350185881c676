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
    quiet: Option<Quiet>,
}

/// The API server asked to be left alone with an object.
#[derive(Debug)]
struct Quiet {
    until: Instant,
    /// What was asked for by then.
    wish: u64,
}

impl Backoff {
    /// Another attempt at the object failed: how long to rest. An attempt before
    /// it was due, for an event's sake, makes the rest no longer.
    pub(super) fn failed(&self, object: &impl Resource) -> Duration {
        self.failed_at(&key(object), Instant::now())
    }

    /// The API server asks to be left alone with an object that failed, for so
    /// long: no event hastens that, but a change of what a person asks for does.
    pub(super) fn leave_alone(&self, object: &impl Resource, wait: Duration) {
        self.leave_alone_at((&key(object), wish(object)), wait, Instant::now());
    }

    /// How long it is to be left alone yet.
    pub(super) fn left_alone(&self, object: &impl Resource) -> Option<Duration> {
        self.left_alone_at((&key(object), wish(object)), Instant::now())
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

    fn leave_alone_at(&self, (key, wish): (&str, u64), wait: Duration, now: Instant) {
        if let Some(failing) = self.failing().get_mut(key) {
            failing.quiet = Some(Quiet { until: now + wait.min(LONGEST), wish });
        }
    }

    fn left_alone_at(&self, (key, wish): (&str, u64), now: Instant) -> Option<Duration> {
        let failing = self.failing();
        let quiet = failing.get(key)?.quiet.as_ref().filter(|quiet| quiet.wish == wish)?;
        quiet.until.checked_duration_since(now).filter(|left| !left.is_zero())
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

/// What is asked for with the object: its spec and its end are its generation.
fn wish(object: &impl Resource) -> u64 {
    hash((object.meta().generation, object.annotations()))
}

/// The rest after so many failures before: a number of its own for every object
/// and attempt, so that what failed together does not come back together.
fn rest(key: &str, attempts: u32) -> Duration {
    let rest = FIRST.saturating_mul(2_u32.saturating_pow(attempts)).min(LONGEST);
    spread(rest, (key, attempts))
}

/// About that long, and for all that hashes alike the same.
pub(super) fn spread(rest: Duration, of: impl Hash) -> Duration {
    let spread = u32::try_from(hash(of) % u64::from(2 * JITTER + 1)).unwrap_or(JITTER);
    rest * (100 - JITTER + spread) / 100
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::api::DynamicObject;

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

    fn object(uid: &str) -> DynamicObject {
        let object = serde_json::json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "default", "uid": uid, "generation": 1}, "spec": {},
        });
        serde_json::from_value(object).expect("an object")
    }

    /// What others write of an object is nothing that anybody asks for.
    #[test]
    fn who_asks_for_something_else_is_not_left_alone() {
        let backoff = Backoff::default();
        backoff.failed(&object("u1"));
        backoff.leave_alone(&object("u1"), LONGEST);
        let is_left_alone = |change: fn(&mut DynamicObject)| {
            let mut object = object("u1");
            change(&mut object);
            backoff.left_alone(&object).is_some()
        };
        assert!(is_left_alone(|_| {}));
        assert!(is_left_alone(|object| object.metadata.resource_version = Some("2".to_owned())));
        assert!(is_left_alone(|object| object.metadata.finalizers = Some(vec!["a".to_owned()])));
        assert!(!is_left_alone(|object| object.metadata.generation = Some(2)));
        assert!(!is_left_alone(|object| {
            object.annotations_mut().insert("fleetgate.dev/orphan".to_owned(), "true".to_owned());
        }));
    }

    #[test]
    fn the_next_of_a_name_begins_anew() {
        let backoff = Backoff::default();
        backoff.has_failed(&object("u1"), 9);
        assert!(backoff.failed(&object("u1")) > Duration::from_mins(3));
        assert!(backoff.failed(&object("u2")) < Duration::from_secs(2));
        backoff.succeeded(&object("u1"));
        assert_eq!(backoff.failing().len(), 1);
        backoff.succeeded(&object("u2"));
        for number in 0..1_000 {
            let going = object(&number.to_string());
            backoff.failed(&going);
            backoff.succeeded(&going);
        }
        assert_eq!(backoff.failing().len(), 0, "of those that go nothing is kept");
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
        let shop = ("default/shop", 1);
        backoff.leave_alone_at(shop, second, start);
        assert_eq!(backoff.left_alone_at(shop, start), None, "it has not failed");
        backoff.failed_at("default/shop", start);
        backoff.leave_alone_at(shop, 3 * second, start);
        let left = |after| backoff.left_alone_at(shop, start + after);
        assert_eq!([left(second), left(3 * second)], [Some(2 * second), None]);
        backoff.leave_alone_at(shop, Duration::MAX, start);
        assert_eq!(left(Duration::ZERO), Some(LONGEST), "and no longer than anything else");
        assert_eq!(backoff.left_alone_at(("default/other", 1), start), None);
        assert_eq!(backoff.left_alone_at(("default/shop", 2), start), None, "another thing is asked for");
    }
}
