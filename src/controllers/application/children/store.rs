//! The objects of one kind, as the watch and the writer's own answers tell of
//! them.
//!
//! The watch is late: what was written a moment ago comes by it later. Answers
//! to own writes are therefore kept at once, and what the watch says is believed
//! only as far as it is not older. Pure, but for the lock.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch::Sender;

use super::child::Child;
use crate::controllers::version::Version;

/// Namespace and name.
type Key = (Box<str>, Box<str>);

/// The objects of one kind.
#[derive(Debug, Default)]
pub(super) struct Store {
    known: Mutex<Known>,
    /// Whether all there is has been listed once.
    listed: Sender<bool>,
}

#[derive(Debug, Default)]
struct Known {
    children: HashMap<Key, Arc<Child>>,
    /// What has an owner, by the owner's uid.
    owned: HashMap<Box<str>, HashSet<Key>>,
    /// What names a Secret, by the Secret's namespace and name.
    secrets: HashMap<Key, HashSet<Key>>,
    /// The last version that the watch has told of.
    told: Option<Version>,
    /// What is known so far while all there is is listed again.
    listing: Option<Listing>,
}

/// A list that is under way.
#[derive(Debug, Default)]
struct Listing {
    /// What was listed, or written since the list began.
    found: HashSet<Key>,
    told: Option<Version>,
}

impl Store {
    /// Waits until all there is has been listed once.
    pub(super) async fn listed(&self) {
        // The sender lives as long as `self` does.
        drop(self.listed.subscribe().wait_for(|listed| *listed).await);
    }

    /// The object of that name.
    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<Arc<Child>> {
        self.known().children.get(&(namespace.into(), name.into())).cloned()
    }

    /// What belongs to the owner of that uid.
    pub(super) fn of(&self, owner: &str) -> Vec<Arc<Child>> {
        let known = self.known();
        let keys = known.owned.get(owner).into_iter().flatten();
        keys.filter_map(|key| known.children.get(key).cloned()).collect()
    }

    /// The Secrets that any of them names.
    pub(super) fn secrets(&self) -> Vec<Key> {
        self.known().secrets.keys().cloned().collect()
    }

    /// Those that name that Secret.
    pub(super) fn naming(&self, secret: &Key) -> Vec<Arc<Child>> {
        let known = self.known();
        let keys = known.secrets.get(secret).into_iter().flatten();
        keys.filter_map(|key| known.children.get(key).cloned()).collect()
    }

    /// The watch lists all there is.
    pub(super) fn begin_listing(&self) {
        self.known().listing = Some(Listing::default());
    }

    /// The list is complete: returns what it does not have, and what was not
    /// written meanwhile either.
    pub(super) fn end_listing(&self) -> Vec<Arc<Child>> {
        let mut known = self.known();
        let Listing { found, told } = known.listing.take().unwrap_or_default();
        let gone: Vec<Key> = known.children.keys().filter(|key| !found.contains(*key)).cloned().collect();
        let gone = gone.iter().filter_map(|key| known.remove(key)).collect();
        // Of a restored API server the versions begin lower again.
        known.told = told;
        self.listed.send_replace(true);
        gone
    }

    /// There is no such kind any more: returns what there was of it.
    pub(super) fn clear(&self) -> Vec<Arc<Child>> {
        std::mem::take(&mut *self.known()).children.into_values().collect()
    }

    /// The watch tells of an object: returns it where that is news.
    pub(super) fn observe(&self, child: Child) -> Option<Arc<Child>> {
        self.known().observe(child)
    }

    /// The API server answered a write with this object.
    pub(super) fn wrote(&self, child: Child) {
        let mut known = self.known();
        let key = child.key();
        // Where the watch is past it, it has told of it, and maybe of its end.
        let is_told = known.told.as_ref().is_some_and(|told| !told.is_behind(&child.version));
        let is_over = known.children.get(&key).is_some_and(|there| child.version.is_behind(&there.version));
        if is_told || is_over {
            return;
        }
        if let Some(listing) = &mut known.listing {
            listing.found.insert(key.clone());
        }
        known.replace(key, child);
    }

    /// The watch tells of an object's end: says whether that is news.
    pub(super) fn deleted(&self, child: &Child) -> bool {
        let mut known = self.known();
        known.told = Some(child.version.clone());
        let key = child.key();
        let is_this = known
            .children
            .get(&key)
            .is_some_and(|there| there.uid == child.uid && !child.version.is_behind(&there.version));
        is_this && known.remove(&key).is_some()
    }

    /// Whoever panics under the lock leaves maps behind that were whole before.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn observe(&mut self, child: Child) -> Option<Arc<Child>> {
        let key = child.key();
        let was_found = if let Some(listing) = &mut self.listing {
            if listing.told.as_ref().is_none_or(|told| told.is_behind(&child.version)) {
                listing.told = Some(child.version.clone());
            }
            !listing.found.insert(key.clone())
        } else {
            self.told = Some(child.version.clone());
            true
        };
        let before = self.children.get(&key).cloned();
        // A list is believed whole, but for what was written since it began.
        if was_found && before.as_ref().is_some_and(|before| child.version.is_behind(&before.version)) {
            return None;
        }
        let child = self.replace(key, child);
        let is_news = before.is_none_or(|before| before.uid != child.uid || before.facts != child.facts);
        is_news.then_some(child)
    }

    fn replace(&mut self, key: Key, child: Child) -> Arc<Child> {
        let before = self.remove(&key);
        let child = Arc::new(child.after(before.as_deref()));
        if let Some(owner) = &child.facts.owner {
            self.owned.entry(owner.clone()).or_default().insert(key.clone());
        }
        if let Some(secret) = child.secret() {
            self.secrets.entry(secret).or_default().insert(key.clone());
        }
        self.children.insert(key, Arc::clone(&child));
        child
    }

    fn remove(&mut self, key: &Key) -> Option<Arc<Child>> {
        let child = self.children.remove(key)?;
        if let Some(owner) = &child.facts.owner
            && let Some(owned) = self.owned.get_mut(owner)
        {
            owned.remove(key);
            if owned.is_empty() {
                self.owned.remove(owner);
            }
        }
        if let Some(secret) = child.secret()
            && let Some(naming) = self.secrets.get_mut(&secret)
        {
            naming.remove(key);
            if naming.is_empty() {
                self.secrets.remove(&secret);
            }
        }
        Some(child)
    }
}

#[cfg(test)]
mod tests;
