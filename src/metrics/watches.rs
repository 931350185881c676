//! When watches were opened, for as long as there is somebody who wants them.
//!
//! A watch that broke and cannot be opened is to be told of, and one that is not
//! wanted any more is not: a request says nothing of that, and whether there
//! still is a client that made it does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use super::locked;
use crate::client::{Call, Verb};

/// When the watch of each kind was opened last.
type Opened = Mutex<BTreeMap<&'static str, Instant>>;

/// The watches of every client.
#[derive(Debug, Default)]
pub(super) struct Watches(Mutex<Vec<Weak<Opened>>>);

/// The watches of one client, told of until it is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Watching(Arc<Opened>);

impl Watches {
    /// None yet, of another client.
    pub(super) fn another(&self) -> Watching {
        let opened = Arc::default();
        let mut clients = locked(&self.0);
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Arc::downgrade(&opened));
        Watching(opened)
    }

    /// How long ago the watch of each kind was opened; of several clients' the one that was so the longest ago.
    pub(super) fn ages(&self, now: Instant) -> BTreeMap<&'static str, Duration> {
        let mut ages = BTreeMap::new();
        for client in locked(&self.0).iter().filter_map(Weak::upgrade) {
            for (kind, opened) in locked(&client).iter() {
                let age: &mut Duration = ages.entry(*kind).or_default();
                *age = now.saturating_duration_since(*opened).max(*age);
            }
        }
        ages
    }
}

impl Watching {
    /// Notes how a request of this client was answered, if it was.
    pub(crate) fn answered(&self, call: Call, status: Option<StatusCode>, now: Instant) {
        let status = status.filter(|_| call.verb == Verb::Watch);
        if status.is_some_and(|status| status.is_success()) {
            locked(&self.0).insert(call.kind, now);
        } else if status == Some(StatusCode::NOT_FOUND) {
            // Its CRD is gone: there is nothing to be watched.
            locked(&self.0).remove(call.kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: Option<StatusCode> = Some(StatusCode::OK);

    fn watch(kind: &'static str) -> Call {
        Call { verb: Verb::Watch, kind }
    }

    #[test]
    fn a_watch_ages_until_its_client_is_gone() {
        let (watches, start) = (Watches::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let ages = |seconds| {
            let ages = watches.ages(at(seconds)).into_iter();
            ages.map(|(kind, age)| (kind, age.as_secs())).collect::<Vec<_>>()
        };
        let (catalog, leader) = (watches.another(), watches.another());
        catalog.answered(watch("Application"), OK, at(0));
        leader.answered(watch("Application"), OK, at(100));
        leader.answered(watch("Kustomization"), OK, at(200));
        assert_eq!(ages(200), [("Application", 200), ("Kustomization", 0)], "none hides another");
        catalog.answered(watch("Application"), OK, at(290));
        assert_eq!(ages(300), [("Application", 200), ("Kustomization", 100)]);
        for refused in [None, Some(StatusCode::GONE), Some(StatusCode::FORBIDDEN)] {
            leader.answered(watch("Kustomization"), refused, at(300));
        }
        leader.answered(Call { verb: Verb::Read, kind: "Secret" }, OK, at(300));
        assert_eq!(ages(900), [("Application", 800), ("Kustomization", 700)], "who cannot open it wants it");

        let clone = leader.clone();
        drop(leader);
        assert_eq!(ages(900).len(), 2, "it is in use");
        drop(clone);
        assert_eq!(ages(900), [("Application", 610)]);
        watches.another().answered(watch("Kustomization"), OK, at(900));
        assert_eq!(ages(901), [("Application", 611)]);
        assert_eq!(locked(&watches.0).len(), 2, "who is gone is forgotten when another comes");
    }

    #[test]
    fn a_kind_that_is_not_served_any_more_has_no_watch() {
        let (watches, now) = (Watches::default(), Instant::now());
        let [one, other] = [watches.another(), watches.another()];
        for client in [&one, &other] {
            client.answered(watch("Bucket"), OK, now);
        }
        one.answered(watch("Bucket"), Some(StatusCode::NOT_FOUND), now);
        assert_eq!(watches.ages(now).len(), 1, "the other has not heard of it");
        // An object that is not there says nothing of its kind.
        other.answered(Call { verb: Verb::Read, kind: "Bucket" }, Some(StatusCode::NOT_FOUND), now);
        assert_eq!(watches.ages(now).len(), 1);
        other.answered(watch("Bucket"), Some(StatusCode::NOT_FOUND), now);
        assert_eq!(watches.ages(now).len(), 0);
    }
}
