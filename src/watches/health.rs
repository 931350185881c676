//! How the watches fare: which are broken, and what of theirs cannot be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fleetgate_plan::ObjectKey;
use futures::{Stream, StreamExt};
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::watcher::{self, Event};

use super::events::loses;

/// A watch that has not failed again for so long works: it is opened anew within a minute, fails after
/// another one at most where nobody answers, and if it does not may have nothing to tell.
const MENDED: Duration = Duration::from_secs(150);

/// That a watch is broken is said again after so long,
const REPEATED: Duration = Duration::from_mins(10);
/// and after so long where it worked meanwhile.
const SILENCE: Duration = Duration::from_mins(1);

/// What is known of every watch, by what it watches.
pub(super) type States = Mutex<BTreeMap<String, State>>;

/// How watches fare.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health(pub(super) Arc<States>);

#[derive(Debug, Default)]
pub(super) struct State {
    /// When it began, or lost something, if it has not listed all there is since.
    begun: Option<Instant>,
    /// The first failure since it worked, and the last one.
    failed: Option<(Instant, Instant)>,
    /// When that was said last.
    said: Option<Instant>,
    unreadable: BTreeSet<ObjectKey>,
    /// Those of a list that is not complete yet.
    listed: BTreeSet<ObjectKey>,
}

/// How one watch fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fares {
    /// What it watches.
    pub(crate) what: String,
    /// How long ago it broke, or began without having listed all there is; nothing for one that works.
    pub(crate) broken_for: Duration,
    /// How many of its objects cannot be read.
    pub(crate) unreadable: usize,
}

impl Health {
    /// How each watch fares.
    pub(crate) fn fares(&self, now: Instant) -> Vec<Fares> {
        let states = self.states();
        states.iter().map(|(what, state)| state.fares(what, now)).collect()
    }

    /// The events of a watch that begins now, and how it fares is noted.
    pub(crate) fn noting<K, S>(
        &self,
        what: &'static str,
        events: S,
    ) -> impl Stream<Item = watcher::Result<Event<K>>> + use<K, S>
    where
        K: Decoded,
        S: Stream<Item = watcher::Result<Event<K>>>,
    {
        let this = self.clone();
        this.begun(what, Instant::now());
        events.inspect(move |event| this.heard(what, event, Instant::now()))
    }

    /// A watch begins, and has not listed anything.
    pub(crate) fn begun(&self, what: &str, now: Instant) {
        self.of(what, |state| state.begun = Some(now));
    }

    /// Notes what a watch tells. Where it is broken the log says so, and not each time that it was tried again.
    pub(crate) fn heard<K: Decoded>(&self, what: &str, event: &watcher::Result<Event<K>>, now: Instant) {
        match event {
            Ok(event) => self.told(what, event),
            Err(error) => {
                if loses(error) {
                    self.of(what, |state| state.begun = state.begun.or(Some(now)));
                }
                if self.failed(what, now) {
                    tracing::warn!(%error, "the watch of {what} is broken; the last good state serves");
                }
            }
        }
    }

    /// A watch has told something.
    pub(super) fn told<K: Decoded>(&self, what: &str, event: &Event<K>) {
        self.of(what, |state| state.told(event));
    }

    /// A watch has failed: whether that is to be said.
    pub(crate) fn failed(&self, what: &str, now: Instant) -> bool {
        self.of(what, |state| state.failed(now))
    }

    /// What is not watched any more.
    pub(crate) fn forget(&self, what: &str) {
        self.states().remove(what);
    }

    fn of<R>(&self, what: &str, change: impl FnOnce(&mut State) -> R) -> R {
        let mut states = self.states();
        match states.get_mut(what) {
            Some(state) => change(state),
            None => change(states.entry(what.to_owned()).or_default()),
        }
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fares(&self, what: &str, now: Instant) -> Fares {
        let broke = self.failed.filter(|_| self.is_broken(now)).map(|(since, _)| since);
        let since = self.begun.into_iter().chain(broke).min().unwrap_or(now);
        let broken_for = now.saturating_duration_since(since);
        Fares { what: what.to_owned(), broken_for, unreadable: self.unreadable.len() }
    }

    fn is_broken(&self, now: Instant) -> bool {
        self.failed.is_some_and(|(_, last)| now.saturating_duration_since(last) < MENDED)
    }

    fn failed(&mut self, now: Instant) -> bool {
        let lasts = self.is_broken(now);
        let since = self.failed.filter(|_| lasts).map_or(now, |(since, _)| since);
        self.failed = Some((since, now));
        let silence = if lasts { REPEATED } else { SILENCE };
        let is_news = self.said.is_none_or(|said| now.saturating_duration_since(said) >= silence);
        if is_news {
            self.said = Some(now);
        }
        is_news
    }

    fn told<K: Decoded>(&mut self, event: &Event<K>) {
        match event {
            // That a list begins, and of what, says nothing of its end.
            Event::Init => return self.listed.clear(),
            Event::InitApply(object) => {
                if !object.is_readable() {
                    self.listed.insert(key(object));
                }
                return;
            }
            Event::InitDone => {
                self.unreadable = std::mem::take(&mut self.listed);
                self.begun = None;
            }
            Event::Apply(object) if !object.is_readable() => {
                self.unreadable.insert(key(object));
            }
            Event::Apply(object) | Event::Delete(object) => {
                if !self.unreadable.is_empty() {
                    self.unreadable.remove(&key(object));
                }
            }
        }
        self.failed = None;
    }
}

fn key(object: &impl ResourceExt) -> ObjectKey {
    ObjectKey::new(object.namespace().unwrap_or_default(), object.name_any())
}

/// What a watch tells of.
pub(crate) trait Decoded: ResourceExt {
    /// Whether more of it could be read than its metadata, if more was wanted.
    fn is_readable(&self) -> bool {
        true
    }
}

impl<K> Decoded for DeserializeGuard<K>
where
    Self: ResourceExt,
{
    fn is_readable(&self) -> bool {
        self.0.is_ok()
    }
}

impl Decoded for DynamicObject {}

impl<K> Decoded for PartialObjectMeta<K> where Self: ResourceExt {}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_api::Fleet;
    use serde_json::json;

    fn fleet(name: &str, is_readable: bool) -> DeserializeGuard<Fleet> {
        let spec = if is_readable { json!({}) } else { json!(5) };
        let object = json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
            "metadata": {"name": name, "namespace": "default"}, "spec": spec,
        });
        serde_json::from_value(object).expect("a guarded Fleet")
    }

    #[test]
    fn what_cannot_be_read_is_counted_until_it_can_be() {
        let health = Health::default();
        let steps = [
            (Event::Init, 0),
            (Event::InitApply(fleet("a", false)), 0),
            (Event::InitApply(fleet("b", true)), 0),
            (Event::InitDone, 1),
            (Event::Apply(fleet("a", false)), 1),
            (Event::Apply(fleet("c", false)), 2),
            (Event::Delete(fleet("c", false)), 1),
            (Event::Apply(fleet("a", true)), 0),
            (Event::Apply(fleet("b", false)), 1),
            // It was deleted while nobody watched.
            (Event::Init, 1),
            (Event::InitDone, 0),
        ];
        for (index, (event, unreadable)) in steps.into_iter().enumerate() {
            health.told("Fleets", &event);
            assert_eq!(health.fares(Instant::now())[0].unreadable, unreadable, "step {index}");
        }
    }

    #[test]
    fn a_watch_is_broken_until_it_tells_something_or_fails_no_more() {
        let health = Health::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let broken_for = |seconds| health.fares(at(seconds))[0].broken_for.as_secs();
        health.told("Fleets", &Event::<DeserializeGuard<Fleet>>::InitDone);
        assert_eq!(broken_for(10), 0);
        health.failed("Fleets", at(10));
        health.failed("Fleets", at(50));
        health.told("Fleets", &Event::<DeserializeGuard<Fleet>>::Init);
        assert_eq!(broken_for(100), 90);
        health.told("Fleets", &Event::Apply(fleet("a", true)));
        assert_eq!(broken_for(100), 0);
        health.failed("Fleets", at(200));
        health.failed("Fleets", at(325));
        assert_eq!(broken_for(330), 130, "it rested for a minute, and waited for an answer for another one");
        assert_eq!((broken_for(470), broken_for(475)), (270, 0), "it was opened, and nothing happens");
        health.failed("Fleets", at(600));
        assert_eq!(broken_for(601), 1);
    }

    /// That it fails no more, or tells of others, does not bring back what was lost.
    #[test]
    fn a_watch_that_lost_something_is_broken_until_it_has_listed_all_there_is() {
        let health = Health::default();
        let start = Instant::now();
        let error = serde_json::from_str::<u8>("no").expect_err("no number");
        let lost = Err(watcher::Error::WatchFailed(kube::Error::SerdeError(error)));
        let tells = |event| health.heard("Fleets", &Ok::<Event<DeserializeGuard<Fleet>>, _>(event), start);
        let broken_for = || health.fares(start + MENDED * 2)[0].broken_for;
        tells(Event::InitDone);
        health.heard::<DeserializeGuard<Fleet>>("Fleets", &lost, start);
        for event in [Event::Apply(fleet("a", true)), Event::Init, Event::InitApply(fleet("b", false))] {
            tells(event);
            assert_eq!(broken_for(), MENDED * 2);
        }
        tells(Event::InitDone);
        assert_eq!(broken_for(), Duration::ZERO);
        assert_eq!(health.fares(start)[0].unreadable, 1);
    }

    #[test]
    fn what_lasts_is_said_once_in_a_while() {
        let health = Health::default();
        let start = Instant::now();
        // When it fails, whether it worked meanwhile, and whether that is said.
        let table = [
            (0, false, true),
            (30, false, false),
            (59, true, false),
            (60, true, true),
            (120, false, false),
            (240, false, false),
            (360, false, false),
            (480, false, false),
            (600, false, false),
            (660, false, true),
            // It failed no more for a while.
            (900, false, true),
        ];
        for (second, worked, expected) in table {
            if worked {
                health.told("Fleets", &Event::Apply(fleet("a", true)));
            }
            let is_news = health.failed("Fleets", start + Duration::from_secs(second));
            assert_eq!(is_news, expected, "{second}");
        }
    }

    /// Else one that never answers would seem to work.
    #[test]
    fn a_watch_that_has_not_listed_anything_is_broken_since_it_began() {
        let health = Health::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let broken_for = |seconds| health.fares(at(seconds))[0].broken_for.as_secs();
        health.begun("Fleets", start);
        assert_eq!(broken_for(400), 400);
        health.failed("Fleets", at(65));
        health.told("Fleets", &Event::<DeserializeGuard<Fleet>>::Init);
        health.told("Fleets", &Event::InitApply(fleet("a", true)));
        assert_eq!(broken_for(400), 400, "there may be more");
        health.told("Fleets", &Event::<DeserializeGuard<Fleet>>::InitDone);
        assert_eq!(broken_for(400), 0);
    }
}
