//! Which Applications name a Fleet, whether it exists or not.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::applications::ByKey;
use super::shared::Shared;
use super::{AppEntry, Catalog, ObjectKey};

/// The Applications of every Fleet that any of them names. Of each it keeps a
/// pointer alone: it says nothing that the entries do not.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FleetUsers(Shared<ObjectKey, BTreeSet<ByKey>>);

impl FleetUsers {
    pub(super) fn insert(&mut self, entry: &Arc<AppEntry>) {
        for fleet in fleets(entry) {
            let users = Arc::make_mut(&mut self.0).entry(fleet).or_default();
            Arc::make_mut(users).insert(ByKey(Arc::clone(entry)));
        }
    }

    pub(super) fn remove(&mut self, entry: &Arc<AppEntry>) {
        for fleet in fleets(entry) {
            let fleets = Arc::make_mut(&mut self.0);
            let Some(users) = fleets.get_mut(&fleet) else { continue };
            Arc::make_mut(users).remove(&entry.key);
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
        let users = self.applications.fleet_users.0.get(&ObjectKey::new(namespace, fleet));
        users.into_iter().flat_map(|users| users.iter().map(|ByKey(entry)| entry))
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
        assert_eq!(catalog.applications.fleet_users, FleetUsers::default(), "nothing is kept of what went");
    }
}
