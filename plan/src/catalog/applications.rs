//! The index of Applications.

use std::sync::Arc;

use fleetgate_api::Application;

use super::{AppEntry, Catalog, Change, ObjectKey, Turn, shared};

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
        let rest = self.applications.range(from..);
        rest.take_while(move |(key, _)| key.namespace == namespace).map(|(_, entry)| entry)
    }

    /// Adds or replaces an Application; says what that changed of what the index
    /// keeps: a new status changes nothing.
    pub fn insert_application(&mut self, application: &Application) -> Option<Change> {
        self.insert_entry(AppEntry::from(application))
    }

    /// The same for an entry that was made already.
    pub fn insert_entry(&mut self, entry: AppEntry) -> Option<Change> {
        let turn = shared::insert(&mut self.applications, entry.key.clone(), entry)?;
        Some(self.follow(turn))
    }

    /// Takes an Application out; says what that changed.
    pub fn remove_application(&mut self, key: &ObjectKey) -> Option<Change> {
        let turn = shared::remove(&mut self.applications, key)?;
        Some(self.follow(turn))
    }

    /// Keeps only the Applications for which `keep` holds, the end of a resync;
    /// says which went.
    pub fn retain_applications(&mut self, keep: impl FnMut(&ObjectKey) -> bool) -> Vec<Change> {
        let going = shared::without(&self.applications, keep);
        going.iter().filter_map(|key| self.remove_application(key)).collect()
    }

    /// What is looked up of Applications otherwise than by name follows them.
    fn follow(&mut self, turn: Turn<AppEntry>) -> Change {
        if let Some(before) = &turn.before {
            self.child_bases.remove(before);
            self.fleet_users.remove(before);
        }
        if let Some(after) = &turn.after {
            self.child_bases.insert(after);
            self.fleet_users.insert(after);
        }
        Change::Application(turn)
    }

    /// Whether both are the same snapshot but for the index of Applications: no
    /// destination means anything else in the one than in the other.
    #[must_use]
    pub fn is_same_but_for_applications(&self, other: &Self) -> bool {
        let with_ours = Self { applications: Arc::clone(&self.applications), ..other.clone() };
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
