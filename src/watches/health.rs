//! How the watches fare: which are broken, and what of theirs cannot be read.

use std::collections::{BTreeMap, BTreeSet};
use std::future;
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

    /// The events of a watch that begins now, and how it fares is noted. An error is noted and said, and goes no
    /// further: kube's Controller would rest for it, from whatever else has its objects looked at as well.
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
        let events = events.inspect(move |event| this.heard(what, event, Instant::now()));
        events.filter(|event| future::ready(event.is_ok()))
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
mod tests;
