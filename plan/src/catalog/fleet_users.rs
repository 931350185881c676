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

/// Of how many of a Fleet's users the destinations are looked at, and how many of each.
const FEW: usize = 4;

impl FleetUsers {
    /// Has `entry` share the destinations that others have as well. Most go to
    /// the whole of a Fleet, and what says so takes as much as the rest of a
    /// policy. Few of them are asked, so that an insert costs no more where
    /// there are many.
    pub(super) fn share(&self, entry: &mut AppEntry) {
        for policy in &mut entry.policies {
            let Some(fleet) = policy.destination.fleet() else { continue };
            let users = self.0.get(&ObjectKey::new(entry.key.namespace.as_str(), fleet));
            let users = users.into_iter().flat_map(|users| users.iter().take(FEW));
            let mut known = users.flat_map(|ByKey(user)| user.policies.iter().take(FEW));
            if let Some(same) = known.find(|known| known.destination == policy.destination) {
                policy.destination = Arc::clone(&same.destination);
            }
        }
    }

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
    fn applications_share_the_destinations_that_they_have_in_common() {
        let to = |fleet: &str, env: Option<&str>| {
            let selector = env.map(|env| json!({"matchLabels": {"env": env}}));
            let policy = json!({"destination": {"fleet": fleet, "clusterSelector": selector}});
            json!({"syncPolicies": [policy, policy]})
        };
        let catalog = Scenario::new()
            .application("all", to("f", None))
            .application("also-all", to("f", None))
            .application("others", to("g", None))
            .application("test", to("f", Some("test")))
            .application("test-too", to("f", Some("test")))
            .catalog();
        let destinations = |name: &str| {
            let entry = catalog.application("default", name).expect("an entry");
            entry.policies.iter().map(|policy| Arc::clone(&policy.destination)).collect::<Vec<_>>()
        };
        let share = |one: &str, other: &str| {
            let of_both = [destinations(one), destinations(other)].concat();
            of_both.iter().all(|destination| Arc::ptr_eq(destination, &of_both[0]))
        };
        assert!(share("all", "also-all") && share("test", "test-too"));
        assert!(!share("all", "others") && !share("all", "test"));
    }

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
