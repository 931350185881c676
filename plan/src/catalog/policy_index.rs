//! The policies of all Applications by what they say, so that a look at those
//! that say the same costs nothing for the others.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AppEntry, Catalog, PolicyEntry};

/// The policies of a namespace in the order of what they say. The index says
/// nothing that the entries do not, and takes of each policy no more than a
/// pointer and a number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PolicyIndex(Arc<BTreeSet<Item>>);

/// What policies are looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    /// Their names in lower case. The names of their children begin with them,
    /// and two Applications may come to the same one.
    Base,
    /// Namespace and name of what they roll out, in Applications that are
    /// stored: of others nobody knows whether they ever will be.
    Workload,
    /// The same of the Service in front of it.
    Service,
}

#[derive(Clone, Debug)]
enum Item {
    /// A policy, by its number in its Application.
    Policy(By, u32, Arc<AppEntry>),
    /// What stands before all policies that say this: where a look begins.
    Before(By, Box<[Box<str>; 3]>),
}

/// A namespace, and what a policy in it says.
type Said<'a> = [Cow<'a, str>; 3];

impl PolicyIndex {
    pub(super) fn insert(&mut self, entry: &Arc<AppEntry>) {
        if !entry.policies.is_empty() {
            Arc::make_mut(&mut self.0).extend(items(entry));
        }
    }

    pub(super) fn remove(&mut self, entry: &Arc<AppEntry>) {
        if !entry.policies.is_empty() {
            let known = Arc::make_mut(&mut self.0);
            for item in items(entry) {
                known.remove(&item);
            }
        }
    }

    /// The policies of that namespace that say so, or come behind those that do.
    fn from<'a, 'b>(
        &'a self,
        by: By,
        namespace: &'b str,
        said: [&str; 2],
    ) -> impl Iterator<Item = (&'a Arc<AppEntry>, &'a PolicyEntry)> + use<'a, 'b> {
        let [first, second] = said;
        let from = Item::Before(by, Box::new([namespace, first, second].map(Into::into)));
        let rest = self.0.range(from..).map_while(move |item| match item {
            Item::Policy(known, index, entry) if *known == by => Some((entry, policy(entry, *index)?)),
            _ => None,
        });
        rest.take_while(move |(entry, _)| entry.key.namespace == namespace)
    }
}

impl By {
    /// What a policy says; nothing, if nobody looks for it.
    fn said<'a>(self, entry: &'a AppEntry, policy: &'a PolicyEntry) -> Option<Said<'a>> {
        let namespace = entry.key.namespace.as_str().into();
        if self == Self::Base {
            return Some([namespace, policy.child_name_base(), "".into()]);
        }
        let rollout = policy.rollout.as_deref().filter(|_| entry.created.is_some())?;
        let name = if self == Self::Workload { &rollout.workload.name } else { &rollout.service };
        (!name.is_empty()).then(|| [namespace, (&*rollout.workload.namespace).into(), (&**name).into()])
    }
}

fn policy(entry: &AppEntry, index: u32) -> Option<&PolicyEntry> {
    entry.policies.get(usize::try_from(index).ok()?)
}

fn items(entry: &Arc<AppEntry>) -> impl Iterator<Item = Item> {
    (0..).zip(&entry.policies).flat_map(move |(index, policy)| {
        let kinds =
            [By::Base, By::Workload, By::Service].into_iter().filter(|by| by.said(entry, policy).is_some());
        kinds.map(move |by| Item::Policy(by, index, Arc::clone(entry)))
    })
}

impl Item {
    /// Those that say the same are ordered by their Application and their number in it.
    fn order(&self) -> (By, Option<Said<'_>>, Option<(&str, u32)>) {
        match self {
            Self::Policy(by, index, entry) => {
                let said = policy(entry, *index).and_then(|policy| by.said(entry, policy));
                (*by, said, Some((&entry.key.name, *index)))
            }
            Self::Before(by, said) => (*by, Some(said.each_ref().map(|text| Cow::Borrowed(&**text))), None),
        }
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Item {}

impl Catalog {
    /// The policies of a namespace whose name, in lower case, is `base`, each
    /// with its Application.
    pub fn policies_with_base<'a, 'b>(
        &'a self,
        namespace: &'b str,
        base: &'b str,
    ) -> impl Iterator<Item = (&'a Arc<AppEntry>, &'a PolicyEntry)> + use<'a, 'b> {
        let from = self.applications.by_policy.from(By::Base, namespace, [base, ""]);
        from.take_while(move |(_, policy)| policy.child_name_base() == base)
    }

    /// The same of names that begin with `prefix`.
    pub fn policies_with_base_prefix<'a, 'b>(
        &'a self,
        namespace: &'b str,
        prefix: &'b str,
    ) -> impl Iterator<Item = (&'a Arc<AppEntry>, &'a PolicyEntry)> + use<'a, 'b> {
        let from = self.applications.by_policy.from(By::Base, namespace, [prefix, ""]);
        from.take_while(move |(_, policy)| policy.child_name_base().starts_with(prefix))
    }

    /// The policies of a namespace's stored Applications that roll out the
    /// workload of that namespace and name, whatever its kind, each with its
    /// Application.
    pub fn rollouts_of_workload<'a, 'b>(
        &'a self,
        namespace: &'b str,
        (workload_namespace, name): (&'b str, &'b str),
    ) -> impl Iterator<Item = (&'a Arc<AppEntry>, &'a PolicyEntry)> + use<'a, 'b> {
        let from = self.applications.by_policy.from(By::Workload, namespace, [workload_namespace, name]);
        from.take_while(move |(_, policy)| {
            policy.rollout.as_deref().is_some_and(|rollout| {
                (&*rollout.workload.namespace, &*rollout.workload.name) == (workload_namespace, name)
            })
        })
    }

    /// The same of rollouts behind the Service of that namespace and name.
    pub fn rollouts_behind_service<'a, 'b>(
        &'a self,
        namespace: &'b str,
        (workload_namespace, service): (&'b str, &'b str),
    ) -> impl Iterator<Item = (&'a Arc<AppEntry>, &'a PolicyEntry)> + use<'a, 'b> {
        let from = self.applications.by_policy.from(By::Service, namespace, [workload_namespace, service]);
        from.take_while(move |(_, policy)| {
            policy.rollout.as_deref().is_some_and(|rollout| {
                (&*rollout.workload.namespace, &*rollout.service) == (workload_namespace, service)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectKey;
    use crate::test_fixtures::{Scenario, application};
    use serde_json::{Value, json};

    fn named(names: &[&str]) -> Value {
        let policies: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        json!({"syncPolicies": policies})
    }

    fn texts<'a>(found: impl Iterator<Item = (&'a Arc<AppEntry>, &'a PolicyEntry)>) -> String {
        let texts = found.map(|(entry, policy)| format!("{}/{}", entry.key.name, policy.name));
        texts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_are_found_while_their_application_has_them() {
        let with = |catalog: &Catalog, base: &str| texts(catalog.policies_with_base("default", base));
        let catalog = Scenario::new()
            .application("one", named(&["web", "API"]))
            .application("two", named(&["web", "web-2", "Web"]))
            .catalog();
        assert_eq!(with(&catalog, "web"), "one/web two/web two/Web");
        assert_eq!(with(&catalog, "api"), "one/API");
        assert_eq!(with(&catalog, "we"), "");
        let beginning = |namespace| texts(catalog.policies_with_base_prefix(namespace, "we"));
        assert_eq!(beginning("default"), "one/web two/web two/Web two/web-2");
        assert_eq!(beginning("other"), "");

        let mut catalog = Scenario::over(catalog).application("one", named(&["db"])).catalog();
        assert_eq!(with(&catalog, "web"), "two/web two/Web");
        assert_eq!(with(&catalog, "db"), "one/db");
        catalog.remove_application(&ObjectKey::new("default", "one"));
        assert_eq!(with(&catalog, "db"), "");
        catalog.retain_applications(|_| false);
        assert_eq!(with(&catalog, "web"), "");
        assert_eq!(catalog, Catalog::default());
    }

    #[test]
    fn rollouts_of_stored_applications_are_found_by_their_workload_and_service() {
        let rollout = |name: &str, kind: &str| {
            let workload = json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "namespace": "web"});
            json!({"rollout": {
                "trafficRoutingProvider": "nginx", "workload": workload, "serviceName": "s", "port": 80, "rolloutPolicy": {},
            }})
        };
        let mut catalog = Catalog::default();
        for (name, created) in [("one", json!("2026-01-01T00:00:00Z")), ("file", json!(null))] {
            let policies =
                [rollout("api", "Deployment"), rollout("db", "Deployment"), rollout("api", "DaemonSet")];
            let mut app = application(json!({"syncPolicies": policies}));
            app.metadata.name = Some(name.to_owned());
            app.metadata.creation_timestamp = serde_json::from_value(created).expect("a time");
            catalog.insert_application(&app);
        }
        let rollouts = |namespace, workload| texts(catalog.rollouts_of_workload(namespace, workload));
        assert_eq!(rollouts("default", ("web", "api")), "one/one-0 one/one-2");
        assert_eq!(rollouts("default", ("web", "db")), "one/one-1");
        assert_eq!(rollouts("default", ("web", "ap")), "");
        assert_eq!(rollouts("default", ("other", "api")), "");
        assert_eq!(rollouts("other", ("web", "api")), "");
        let behind = |service| texts(catalog.rollouts_behind_service("default", ("web", service)));
        assert_eq!(behind("s"), "one/one-0 one/one-1 one/one-2");
        assert_eq!(behind("t"), "");
    }

    #[test]
    fn an_item_is_small() {
        assert!(size_of::<Item>() <= 16);
    }
}
