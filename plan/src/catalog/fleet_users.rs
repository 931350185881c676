//! Which Applications name a Fleet, whether it exists or not.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::shared::Shared;
use super::{AppEntry, Catalog, ObjectKey};

/// The Applications of every Fleet that any of them names. They are the index's
/// own entries: one more costs little beside what it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FleetUsers(Shared<ObjectKey, BTreeSet<User>>);

/// An Application among those of its namespace: its name tells it apart.
#[derive(Clone, Debug)]
struct User(Arc<AppEntry>);

impl Ord for User {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.name.cmp(&other.0.key.name)
    }
}

impl PartialOrd for User {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for User {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for User {}

impl FleetUsers {
    pub(super) fn insert(&mut self, entry: &Arc<AppEntry>) {
        for fleet in fleets(entry) {
            let users = Arc::make_mut(&mut self.0).entry(fleet).or_default();
            Arc::make_mut(users).insert(User(Arc::clone(entry)));
        }
    }

    pub(super) fn remove(&mut self, entry: &Arc<AppEntry>) {
        for fleet in fleets(entry) {
            let fleets = Arc::make_mut(&mut self.0);
            let Some(users) = fleets.get_mut(&fleet) else { continue };
            Arc::make_mut(users).remove(&User(Arc::clone(entry)));
            if users.is_empty() {
                fleets.remove(&fleet);
            }
        }
    }
}

fn fleets(entry: &AppEntry) -> BTreeSet<ObjectKey> {
    let names = entry.policies.iter().filter_map(|policy| policy.destination.fleet());
    names.map(|name| ObjectKey::new(entry.key.namespace.as_str(), name)).collect()
}

impl Catalog {
    /// Those Applications of a namespace of which a policy goes to that Fleet,
    /// in alphabetical order, whether the Fleet exists or not.
    pub fn applications_of_fleet<'a>(
        &'a self,
        namespace: &str,
        fleet: &str,
    ) -> impl Iterator<Item = &'a Arc<AppEntry>> + use<'a> {
        let users = self.fleet_users.0.get(&ObjectKey::new(namespace, fleet));
        users.into_iter().flat_map(|users| users.iter().map(|User(entry)| entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::Scenario;
    use serde_json::{Value, json};

    #[test]
    fn applications_are_found_while_they_name_the_fleet() {
        let to = |fleets: &[&str]| {
            let policies: Vec<Value> =
                fleets.iter().map(|fleet| json!({"destination": {"fleet": fleet}})).collect();
            json!({"syncPolicies": policies})
        };
        let with = |catalog: &Catalog, fleet: &str| {
            let found = catalog.applications_of_fleet("default", fleet);
            found.map(|entry| entry.key.name.clone()).collect::<Vec<_>>()
        };
        let scenario =
            Scenario::new().application("two", to(&["f", "g", "f"])).application("one", to(&["f"]));
        let catalog = scenario.application("host", json!({"syncPolicies": [{}]})).catalog();
        assert_eq!(with(&catalog, "f"), ["one", "two"]);
        assert_eq!(with(&catalog, "g"), ["two"]);
        assert_eq!(catalog.applications_of_fleet("other", "f").count(), 0);

        let mut catalog = Scenario::over(catalog).application("two", to(&["g", "h"])).catalog();
        assert_eq!(with(&catalog, "f"), ["one"]);
        assert_eq!(with(&catalog, "h"), ["two"]);
        let entry = catalog.applications_of_fleet("default", "g").next().expect("an entry");
        assert_eq!(entry.policies.len(), 2, "it is the new one");
        catalog.retain_applications(|_| false);
        assert_eq!(catalog, Catalog::default(), "nothing is kept of what went");
    }
}
