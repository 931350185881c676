//! How often a status is written. While Flux is at work on many clusters,
//! counts and messages change all the time; a write of them costs the API server
//! more than one of a child does, and would stand in the way of the next child.
//!
//! **Invariant**: a changed reason, or a generation that is seen for the first
//! time, is said at once, and everything else after [`REST`], or so long after
//! the last removal, which comes before what is said of it; but not after [`LONGEST`].

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fleetgate_api::{Application, ApplicationStatus};
use kube::ResourceExt;

/// How long other changes are collected before they are written together.
const REST: Duration = Duration::from_secs(1);

/// How long they are collected at most, where something is removed again and again, or cannot be.
const LONGEST: Duration = Duration::from_secs(5);

/// Changes that are held back, by the Application's uid.
#[derive(Debug, Default)]
pub(super) struct Damping(Mutex<HashMap<String, Held>>);

/// Since when changes are held back.
#[derive(Debug)]
struct Held {
    /// Since the first of them.
    first: Instant,
    /// Since that, or the last removal.
    rested: Instant,
}

impl Held {
    const fn new(now: Instant) -> Self {
        Self { first: now, rested: now }
    }

    fn due(&self) -> Instant {
        (self.rested + REST).min(self.first + LONGEST)
    }
}

impl Damping {
    /// How long `status` is to be held back, if it is; `is_removing` while something goes.
    pub(super) fn hold(
        &self,
        application: &Application,
        status: &ApplicationStatus,
        is_removing: bool,
    ) -> Option<Duration> {
        self.hold_at(application, status, is_removing, Instant::now())
    }

    /// Lets go of what was known of an Application.
    pub(super) fn forget(&self, application: &impl ResourceExt) {
        self.with_held(|held| held.remove(&uid(application)));
    }

    fn hold_at(
        &self,
        application: &Application,
        status: &ApplicationStatus,
        is_removing: bool,
        now: Instant,
    ) -> Option<Duration> {
        let before = application.status.as_ref();
        let waits = before != Some(status) && before.is_some_and(|before| says_the_same(before, status));
        self.with_held(|held| {
            if !waits {
                held.remove(&uid(application));
                return None;
            }
            let since = held.entry(uid(application)).or_insert(Held::new(now));
            if is_removing {
                since.rested = now;
            }
            let left = since.due().saturating_duration_since(now);
            if left.is_zero() {
                held.remove(&uid(application));
                return None;
            }
            Some(left)
        })
    }

    /// Whoever panics under the lock leaves a map behind, and not half of one.
    fn with_held<T>(&self, act: impl FnOnce(&mut HashMap<String, Held>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether two statuses differ in no more than counts and messages.
fn says_the_same(before: &ApplicationStatus, after: &ApplicationStatus) -> bool {
    let said = |status: &ApplicationStatus| -> Vec<[String; 3]> {
        let conditions = status.conditions.iter();
        conditions.map(|said| [&said.type_, &said.status, &said.reason].map(String::clone)).collect()
    };
    before.observed_generation == after.observed_generation && said(before) == said(after)
}

fn uid(application: &impl ResourceExt) -> String {
    application.uid().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn status(generation: i64, reason: &str, message: &str) -> Value {
        let ready = json!({
            "type": "Ready", "status": "False", "reason": reason, "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        json!({"observedGeneration": generation, "conditions": [ready]})
    }

    fn application(status: Value) -> Application {
        serde_json::from_value(json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "default", "uid": "1"},
            "spec": {"source": {}, "syncPolicies": []}, "status": status,
        }))
        .expect("an Application")
    }

    #[test]
    fn counts_rest_and_reasons_do_not() {
        let (damping, start) = (Damping::default(), Instant::now());
        let after = |millis| start + Duration::from_millis(millis);
        let before = application(status(1, "Progressing", "0/2"));
        let table = [
            ("a count rests", 0, status(1, "Progressing", "1/2"), Some(1_000)),
            ("a second one no longer", 400, status(1, "Progressing", "2/2"), Some(600)),
            ("and is written", 1_000, status(1, "Progressing", "2/2"), None),
            ("the next rests anew", 1_100, status(1, "Progressing", "1/2"), Some(1_000)),
            ("a reason is said at once", 1_200, status(1, "Succeeded", "2/2"), None),
            ("a generation as well", 1_300, status(2, "Progressing", "0/2"), None),
            ("a count that is back", 1_400, status(1, "Progressing", "1/2"), Some(1_000)),
            ("was none", 1_500, status(1, "Progressing", "0/2"), None),
            ("and rests anew", 1_600, status(1, "Progressing", "1/2"), Some(1_000)),
        ];
        for (what, millis, status, expected) in table {
            let status: ApplicationStatus = serde_json::from_value(status).expect("a status");
            let held = damping.hold_at(&before, &status, false, after(millis));
            assert_eq!(held, expected.map(Duration::from_millis), "{what}");
        }
    }

    #[test]
    fn counts_rest_for_longer_while_something_is_removed() {
        let (damping, start) = (Damping::default(), Instant::now());
        let before = application(status(1, "Succeeded", "2/2"));
        // After how many milliseconds, whether something is removed, the reason, and how long that rests.
        let table = [
            (0, true, "Succeeded", Some(1_000)),
            (300, true, "Succeeded", Some(1_000)),
            (400, false, "Succeeded", Some(900)),
            (1_300, false, "Succeeded", None),
            (1_400, true, "Succeeded", Some(1_000)),
            (1_500, true, "PruneHeld", None),
        ];
        for (millis, is_removing, reason, expected) in table {
            let status: ApplicationStatus =
                serde_json::from_value(status(1, reason, "1/1")).expect("a status");
            let held = damping.hold_at(&before, &status, is_removing, start + Duration::from_millis(millis));
            assert_eq!(held, expected.map(Duration::from_millis), "{millis}");
        }
    }

    #[test]
    fn what_is_never_done_with_removing_says_its_counts_all_the_same() {
        let (damping, start) = (Damping::default(), Instant::now());
        let before = application(status(1, "Succeeded", "2/2"));
        let status: ApplicationStatus =
            serde_json::from_value(status(1, "Succeeded", "1/1")).expect("a status");
        let held = |millis| damping.hold_at(&before, &status, true, start + Duration::from_millis(millis));
        let written: Vec<u64> = (0..=12_000).step_by(300).filter(|millis| held(*millis).is_none()).collect();
        // The first pass after five seconds, and so long after the one that follows it.
        assert_eq!(written, [5_100, 10_500]);
    }

    #[test]
    fn the_first_status_is_written_at_once() {
        let first: ApplicationStatus =
            serde_json::from_value(status(1, "Progressing", "")).expect("a status");
        assert_eq!(Damping::default().hold(&application(Value::Null), &first, false), None);
    }

    #[test]
    fn of_those_that_go_nothing_is_kept() {
        let damping = Damping::default();
        let status: ApplicationStatus =
            serde_json::from_value(status(1, "Succeeded", "1/1")).expect("a status");
        for number in 0..1_000 {
            let mut going = application(self::status(1, "Succeeded", "2/2"));
            going.metadata.uid = Some(number.to_string());
            assert!(damping.hold(&going, &status, false).is_some());
            damping.forget(&going);
        }
        assert_eq!(damping.with_held(|held| held.len()), 0);
    }
}
