//! How watches fare that end before the program does: those of controllers, which run while this process leads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::health::{Health, States};

/// Of each set of controllers one, for as long as it is in use.
#[derive(Debug, Default)]
pub(crate) struct Healths(Mutex<Vec<Weak<States>>>);

impl Healths {
    /// That of another set of controllers.
    pub(crate) fn another(&self) -> Health {
        let health = Health::default();
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sets.retain(|set| set.strong_count() > 0);
        sets.push(Arc::downgrade(&health.0));
        health
    }

    /// How long ago each watch broke; of several sets' the one that did so the longest ago.
    pub(crate) fn ages(&self, now: Instant) -> BTreeMap<String, Duration> {
        let mut ages = BTreeMap::new();
        let sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for set in sets.iter().filter_map(Weak::upgrade) {
            for fares in Health(set).fares(now) {
                let age: &mut Duration = ages.entry(fares.what).or_default();
                *age = fares.broken_for.max(*age);
            }
        }
        ages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_hides_another_and_who_is_gone_is_not_told_of() {
        let (healths, start) = (Healths::default(), Instant::now());
        let now = start + Duration::from_secs(100);
        let ages =
            || healths.ages(now).into_iter().map(|(what, age)| (what, age.as_secs())).collect::<Vec<_>>();
        assert_eq!(ages(), []);
        let (one, other) = (healths.another(), healths.another());
        one.begun("kustomizations", start);
        other.begun("kustomizations", now);
        other.begun("Fleets", now);
        let told = |age| [("Fleets".to_owned(), 0), ("kustomizations".to_owned(), age)];
        assert_eq!(ages(), told(100));
        drop(one);
        assert_eq!(ages(), told(0));
        drop(other);
        assert_eq!(ages(), []);
    }
}
