//! The index of Applications.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use fleetgate_api::Application;

use super::policy_index::PolicyIndex;
use super::{AppEntry, Catalog, ObjectKey};

/// All Applications, each kept once: there may be very many of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Applications {
    by_key: Arc<BTreeSet<ByKey>>,
    pub(super) by_policy: PolicyIndex,
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

    fn iter(&self) -> impl Iterator<Item = &Arc<AppEntry>> {
        self.by_key.iter().map(|ByKey(entry)| entry)
    }

    fn get(&self, key: &ObjectKey) -> Option<&Arc<AppEntry>> {
        self.by_key.get(key).map(|ByKey(entry)| entry)
    }

    fn insert(&mut self, entry: Arc<AppEntry>) {
        self.remove(&entry.key);
        self.by_policy.insert(&entry);
        Arc::make_mut(&mut self.by_key).insert(ByKey(entry));
    }

    fn remove(&mut self, key: &ObjectKey) -> bool {
        let Some(ByKey(known)) = self.by_key.get(key) else { return false };
        self.by_policy.remove(known);
        Arc::make_mut(&mut self.by_key).remove(key)
    }
}

/// An entry in the order of the keys, without its key beside it.
#[derive(Clone, Debug)]
struct ByKey(Arc<AppEntry>);

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

    /// Those Applications of a namespace of which a policy goes to that Fleet,
    /// in alphabetical order, whether the Fleet exists or not.
    pub fn applications_of_fleet<'a, 'b>(
        &'a self,
        namespace: &'b str,
        fleet: &'b str,
    ) -> impl Iterator<Item = &'a Arc<AppEntry>> + use<'a, 'b> {
        self.applications(namespace).filter(move |entry| entry.policies_to(fleet).next().is_some())
    }

    /// Adds or replaces an Application; says whether that changed anything that
    /// the index keeps: a new status does not.
    pub fn insert_application(&mut self, application: &Application) -> bool {
        self.insert_entry(AppEntry::from(application))
    }

    /// The same for an entry that was made already.
    pub fn insert_entry(&mut self, entry: impl Into<Arc<AppEntry>>) -> bool {
        let entry = entry.into();
        let is_known = self.applications.get(&entry.key).is_some_and(|known| **known == *entry);
        if !is_known {
            self.applications.insert(entry);
        }
        !is_known
    }

    /// Takes an Application out; says whether it was there.
    pub fn remove_application(&mut self, key: &ObjectKey) -> bool {
        self.applications.remove(key)
    }

    /// Keeps only the Applications for which `keep` holds, the end of a resync;
    /// says whether any went.
    pub fn retain_applications(&mut self, mut keep: impl FnMut(&ObjectKey) -> bool) -> bool {
        let keys = self.applications.iter().map(|entry| &entry.key);
        let going: Vec<ObjectKey> = keys.filter(|key| !keep(key)).cloned().collect();
        going.iter().filter(|key| self.remove_application(key)).count() > 0
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
    fn it_is_found_by_namespace_and_by_fleet() {
        let mut catalog = Catalog::default();
        for (namespace, name, fleet) in
            [("default", "a", "f"), ("default", "b", "g"), ("default-2", "c", "f"), ("a", "d", "f")]
        {
            let mut app = application(json!({"syncPolicies": [{"destination": {"fleet": fleet}}, {}]}));
            app.metadata.namespace = Some(namespace.to_owned());
            app.metadata.name = Some(name.to_owned());
            assert!(catalog.insert_application(&app));
        }
        let names = |found: Vec<&Arc<AppEntry>>| {
            found.into_iter().map(|entry| entry.key.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(catalog.applications("default").collect()), ["a", "b"]);
        assert_eq!(names(catalog.applications_of_fleet("default", "f").collect()), ["a"]);
        assert_eq!(names(catalog.applications("none").collect()), [""; 0]);
        assert!(catalog.application("a", "d").is_some() && catalog.application("a", "c").is_none());
        assert!(catalog.retain_applications(|key| key.name != "b"));
        assert!(catalog.remove_application(&ObjectKey::new("default", "a")));
        assert_eq!(catalog.applications("default").count(), 0);
    }

    #[test]
    fn a_new_status_changes_nothing_and_another_destination_does() {
        let mut app = application(json!({"destination": selector("test"), "syncPolicies": [{}]}));
        let mut catalog = Scenario::new().fleet("quickstart", &[]).catalog();
        assert!(catalog.insert_application(&app));
        let before = catalog.clone();
        app.status = Some(fleetgate_api::ApplicationStatus::default());
        app.metadata.resource_version = Some("2".to_owned());
        assert!(!catalog.insert_application(&app));
        assert!(catalog.is_same(&before));
        app.spec.destination = Some(crate::test_fixtures::destination(selector("dev")));
        assert!(catalog.insert_application(&app));
        assert!(!catalog.is_same(&before) && catalog.is_same_but_for_applications(&before));
        catalog.set_terminating("default", true);
        assert!(!catalog.is_same_but_for_applications(&before));
    }
}
