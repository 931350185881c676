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
    /// How many name a Secret, by its namespace and name.
    secrets: HashMap<Key, usize>,
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
        if !known.secrets.contains_key(secret) {
            return Vec::new();
        }
        known.children.values().filter(|child| child.secret().as_ref() == Some(secret)).cloned().collect()
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
            *self.secrets.entry(secret).or_default() += 1;
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
            && let Some(count) = self.secrets.get_mut(&secret)
        {
            *count -= 1;
            if *count == 0 {
                self.secrets.remove(&secret);
            }
        }
        Some(child)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_plan::FluxKind;
    use serde_json::json;

    fn child(name: &str, uid: &str, version: &str, path: &str) -> Child {
        let object = serde_json::from_value(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {
                "name": name, "namespace": "default", "uid": uid, "resourceVersion": version,
                "ownerReferences": [{
                    "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "name": "shop", "uid": "u1", "controller": true,
                }],
            },
            "spec": {"path": path},
        }));
        Child::of(FluxKind::Kustomization, &object.expect("an object"))
    }

    /// What is known of the child `web`, as its uid and version.
    fn web(store: &Store) -> String {
        let web = store.get("default", "web");
        web.map_or_else(|| "nothing".to_owned(), |web| format!("{} {}", web.uid, web.version))
    }

    fn list(store: &Store, children: Vec<Child>) -> usize {
        store.begin_listing();
        for child in children {
            store.observe(child);
        }
        store.end_listing().len()
    }

    #[test]
    fn older_events_do_not_undo_own_writes() {
        let store = Store::default();
        list(&store, vec![child("web", "c1", "99", "./a")]);
        store.wrote(child("web", "c1", "101", "./b"));
        assert!(
            store.observe(child("web", "c1", "100", "./a")).is_none(),
            "it is older than what was written"
        );
        assert_eq!(web(&store), "c1 101");
        assert!(store.observe(child("web", "c1", "101", "./b")).is_none(), "the own write is no news");
        assert!(store.observe(child("web", "c1", "102", "./b")).is_none(), "nor is what nobody reads");
        assert!(store.observe(child("web", "c1", "103", "./c")).is_some());
        assert_eq!(web(&store), "c1 103");
        store.wrote(child("web", "c1", "102", "./b"));
        assert_eq!(web(&store), "c1 103", "an answer may come late, too");
    }

    #[test]
    fn an_end_is_an_end_of_that_object_only() {
        let store = Store::default();
        list(&store, vec![child("web", "c1", "5", "./a")]);
        store.wrote(child("web", "c2", "9", "./a"));
        assert!(!store.deleted(&child("web", "c1", "8", "./a")), "its successor was made already");
        assert_eq!(web(&store), "c2 9");
        assert!(store.deleted(&child("web", "c2", "10", "./a")));
        store.wrote(child("web", "c2", "9", "./a"));
        assert_eq!(web(&store), "nothing", "the answer to a write that came before the end");
    }

    #[test]
    fn a_list_keeps_what_was_written_meanwhile() {
        let store = Store::default();
        list(&store, vec![child("web", "c1", "5", "./a"), child("old", "c0", "4", "./a")]);
        store.begin_listing();
        store.wrote(child("new", "c2", "20", "./a"));
        store.wrote(child("web", "c1", "21", "./b"));
        assert!(store.observe(child("web", "c1", "5", "./a")).is_none());
        let gone = store.end_listing();
        assert_eq!(gone.iter().map(|child| &*child.name).collect::<Vec<_>>(), ["old"]);
        assert_eq!(web(&store), "c1 21");
        assert!(store.get("default", "new").is_some());
    }

    /// The versions of an API server that was restored from a backup begin lower again.
    #[test]
    fn a_list_is_believed_whatever_its_versions() {
        let store = Store::default();
        list(&store, vec![child("web", "c1", "500", "./a")]);
        assert_eq!(list(&store, vec![child("web", "c1", "30", "./b")]), 0);
        assert_eq!(web(&store), "c1 30");
        store.wrote(child("web", "c1", "31", "./c"));
        assert_eq!(web(&store), "c1 31");
    }

    #[test]
    fn children_are_found_by_their_owner() {
        let store = Store::default();
        list(&store, vec![child("web", "c1", "5", "./a"), child("api", "c2", "6", "./a")]);
        let names = |owner: &str| {
            let mut names: Vec<String> = store.of(owner).iter().map(|child| child.name.to_string()).collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!((names("u1"), names("u2")), ("api web".to_owned(), String::new()));
        let mut moved = child("api", "c2", "7", "./a");
        moved.facts.owner = Some("u2".into());
        store.observe(moved);
        assert_eq!((names("u1"), names("u2")), ("web".to_owned(), "api".to_owned()));
        store.deleted(&child("web", "c1", "8", "./a"));
        assert_eq!(names("u1"), "");
        assert!(!store.known().owned.contains_key("u1"), "nothing is left of it");
    }

    #[test]
    fn children_are_found_by_the_secret_that_they_name() {
        let store = Store::default();
        let at = |name: &str, version: &str, secret: Option<&str>| {
            let mut child = child(name, name, version, "./a");
            child.facts.secret = secret.map(Into::into);
            child
        };
        let naming = |secret: &str| {
            let secret = ("default".into(), secret.into());
            let mut names: Vec<String> =
                store.naming(&secret).iter().map(|child| child.name.to_string()).collect();
            names.sort();
            names.join(" ")
        };
        list(&store, vec![at("web", "5", Some("m1")), at("api", "6", Some("m1")), at("host", "7", None)]);
        assert_eq!(naming("m1"), "api web");
        store.observe(at("web", "8", Some("m2")));
        assert_eq!((naming("m1"), naming("m2")), ("api".to_owned(), "web".to_owned()));
        store.deleted(&at("api", "9", None));
        assert_eq!((naming("m1"), store.secrets().len()), (String::new(), 1));
    }
}
