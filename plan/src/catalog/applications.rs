//! The index of Applications.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use fleetgate_api::Application;

use super::fleet_users::FleetUsers;
use super::policy_index::PolicyIndex;
use super::{AppEntry, Catalog, Change, ObjectKey, Turn};

/// All Applications, each kept once: there may be very many of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Applications {
    by_key: Arc<BTreeSet<ByKey>>,
    pub(super) by_policy: PolicyIndex,
    pub(super) fleet_users: FleetUsers,
}

impl PartialEq for Applications {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Applications {
    /// Whether both are the same, and not merely equal.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.by_key, &other.by_key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<AppEntry>> {
        self.by_key.iter().map(|ByKey(entry)| entry)
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    fn get(&self, key: &ObjectKey) -> Option<&Arc<AppEntry>> {
        self.by_key.get(key).map(|ByKey(entry)| entry)
    }

    fn insert(&mut self, mut entry: Arc<AppEntry>) -> Turn<AppEntry> {
        let before = self.remove(&entry.key);
        // An entry that somebody holds stays as it is.
        if let Some(entry) = Arc::get_mut(&mut entry) {
            self.fleet_users.share(entry);
        }
        self.by_policy.insert(&entry);
        self.fleet_users.insert(&entry);
        Arc::make_mut(&mut self.by_key).insert(ByKey(Arc::clone(&entry)));
        Turn { before, after: Some(entry) }
    }

    fn remove(&mut self, key: &ObjectKey) -> Option<Arc<AppEntry>> {
        let ByKey(known) = self.by_key.get(key)?;
        self.by_policy.remove(known);
        self.fleet_users.remove(known);
        Arc::make_mut(&mut self.by_key).take(key).map(|ByKey(entry)| entry)
    }
}

/// An entry in the order of the keys, without its key beside it.
#[derive(Clone, Debug)]
pub(super) struct ByKey(pub(super) Arc<AppEntry>);

impl Borrow<ObjectKey> for ByKey {
    fn borrow(&self) -> &ObjectKey {
        &self.0.key
    }
}

impl Ord for ByKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByKey {}

impl Catalog {
    /// The Application of that name in that namespace.
    #[must_use]
    pub fn application(&self, namespace: &str, name: &str) -> Option<&Arc<AppEntry>> {
        self.applications.get(&ObjectKey::new(namespace, name))
    }

    /// The Applications of a namespace, in alphabetical order.
    pub fn applications<'a, 'b>(
        &'a self,
        namespace: &'b str,
    ) -> impl Iterator<Item = &'a Arc<AppEntry>> + use<'a, 'b> {
        let from = ObjectKey::new(namespace, "");
        let rest = self.applications.by_key.range(from..).map(|ByKey(entry)| entry);
        rest.take_while(move |entry| entry.key.namespace == namespace)
    }

    /// Adds or replaces an Application; says what that changed of what the index
    /// keeps: a new status changes nothing.
    pub fn insert_application(&mut self, application: &Application) -> Option<Change> {
        self.insert_entry(AppEntry::from(application))
    }

    /// The same for an entry that was made already.
    pub fn insert_entry(&mut self, entry: impl Into<Arc<AppEntry>>) -> Option<Change> {
        let entry = entry.into();
        let is_known = self.applications.get(&entry.key).is_some_and(|known| **known == *entry);
        (!is_known).then(|| Change::Application(self.applications.insert(entry)))
    }

    /// Takes an Application out; says what that changed.
    pub fn remove_application(&mut self, key: &ObjectKey) -> Option<Change> {
        let before = self.applications.remove(key)?;
        Some(Change::Application(Turn { before: Some(before), after: None }))
    }

    /// Keeps only the Applications for which `keep` holds, the end of a resync;
    /// says which went.
    pub fn retain_applications(&mut self, mut keep: impl FnMut(&ObjectKey) -> bool) -> Vec<Change> {
        let keys = self.applications.iter().map(|entry| &entry.key);
        let going: Vec<ObjectKey> = keys.filter(|key| !keep(key)).cloned().collect();
        going.iter().filter_map(|key| self.remove_application(key)).collect()
    }

    /// Whether both are the same snapshot but for the index of Applications: no
    /// destination means anything else in the one than in the other.
    #[must_use]
    pub fn is_same_but_for_applications(&self, other: &Self) -> bool {
        let with_ours = Self { applications: self.applications.clone(), ..other.clone() };
        self.is_same(&with_ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{Scenario, application};
    use serde_json::json;

    fn selector(env: &str) -> serde_json::Value {
        json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": env}}})
    }

    #[test]
    fn it_is_found_by_namespace_and_fleet_users() {
        let mut catalog = Catalog::default();
        for (namespace, name, fleet) in
            [("default", "a", "f"), ("default", "b", "g"), ("default-2", "c", "f"), ("a", "d", "f")]
        {
            let mut app = application(json!({"syncPolicies": [{"destination": {"fleet": fleet}}, {}]}));
            app.metadata.namespace = Some(namespace.to_owned());
            app.metadata.name = Some(name.to_owned());
            assert!(catalog.insert_application(&app).is_some());
        }
        let names = |found: Vec<&Arc<AppEntry>>| {
            found.into_iter().map(|entry| entry.key.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(catalog.applications("default").collect()), ["a", "b"]);
        assert_eq!(names(catalog.applications_of_fleet("default", "f").collect()), ["a"]);
        assert_eq!(names(catalog.applications("none").collect()), [""; 0]);
        assert!(catalog.application("a", "d").is_some() && catalog.application("a", "c").is_none());
        assert_eq!(catalog.retain_applications(|key| key.name != "b").len(), 1);
        assert!(catalog.remove_application(&ObjectKey::new("default", "a")).is_some());
        assert_eq!(catalog.applications("default").count(), 0);
    }

    #[test]
    fn a_new_status_changes_nothing_and_another_destination_does() {
        let mut app = application(json!({"destination": selector("test"), "syncPolicies": [{}]}));
        let mut catalog = Scenario::new().fleet("quickstart", &[]).catalog();
        assert!(catalog.insert_application(&app).is_some());
        let before = catalog.clone();
        app.status = Some(fleetgate_api::ApplicationStatus::default());
        app.metadata.resource_version = Some("2".to_owned());
        assert!(catalog.insert_application(&app).is_none());
        assert!(catalog.is_same(&before));
        app.spec.destination = Some(crate::test_fixtures::destination(selector("dev")));
        assert!(catalog.insert_application(&app).is_some());
        assert!(!catalog.is_same(&before) && catalog.is_same_but_for_applications(&before));
        catalog.set_terminating("default", true);
        assert!(!catalog.is_same_but_for_applications(&before));
    }
}
