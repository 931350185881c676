//! Which Applications have a policy of a name: the names of its children begin
//! with it, and two Applications may come to the same one.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AppEntry, Catalog};

/// Every policy's name in lower case, with its namespace before it and its
/// Application behind it, so that those of a name stand together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ChildBases(Arc<BTreeSet<[Box<str>; 3]>>);

impl ChildBases {
    pub(super) fn insert(&mut self, entry: &AppEntry) {
        if !entry.policies.is_empty() {
            Arc::make_mut(&mut self.0).extend(bases(entry));
        }
    }

    pub(super) fn remove(&mut self, entry: &AppEntry) {
        if !entry.policies.is_empty() {
            let known = Arc::make_mut(&mut self.0);
            for base in bases(entry) {
                known.remove(&base);
            }
        }
    }
}

fn bases(entry: &AppEntry) -> impl Iterator<Item = [Box<str>; 3]> {
    let AppEntry { key, policies, .. } = entry;
    policies.iter().map(|policy| {
        [key.namespace.as_str().into(), policy.child_name_base().into(), key.name.as_str().into()]
    })
}

impl Catalog {
    /// The Applications of a namespace that have a policy whose name, in lower
    /// case, is `base`.
    pub fn applications_with_base<'a, 'b>(
        &'a self,
        namespace: &'b str,
        base: &'b str,
    ) -> impl Iterator<Item = &'a Arc<AppEntry>> + use<'a, 'b> {
        self.bases_from(namespace, base)
            .take_while(move |[_, known, _]| **known == *base)
            .filter_map(|[namespace, _, name]| self.application(namespace, name))
    }

    /// The same of names that begin with `prefix`.
    pub fn applications_with_base_prefix<'a, 'b>(
        &'a self,
        namespace: &'b str,
        prefix: &'b str,
    ) -> impl Iterator<Item = &'a Arc<AppEntry>> + use<'a, 'b> {
        let known = self.bases_from(namespace, prefix);
        known
            .take_while(move |[_, known, _]| known.starts_with(prefix))
            .filter_map(|[namespace, _, name]| self.application(namespace, name))
    }

    fn bases_from<'a, 'b>(
        &'a self,
        namespace: &'b str,
        base: &str,
    ) -> impl Iterator<Item = &'a [Box<str>; 3]> + use<'a, 'b> {
        let from: [Box<str>; 3] = [namespace.into(), base.into(), "".into()];
        self.child_bases.0.range(from..).take_while(move |[known, ..]| **known == *namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectKey;
    use crate::test_fixtures::Scenario;
    use serde_json::json;

    #[test]
    fn names_are_found_while_their_application_has_them() {
        let named = |names: &[&str]| {
            let policies: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"syncPolicies": policies})
        };
        let mut scenario = Scenario::new();
        scenario =
            scenario.application("one", named(&["web", "API"])).application("two", named(&["web", "web-2"]));
        let with = |catalog: &Catalog, base: &str| {
            let found = catalog.applications_with_base("default", base);
            found.map(|entry| entry.key.name.clone()).collect::<Vec<_>>()
        };
        let catalog = scenario.catalog();
        assert_eq!(with(&catalog, "web"), ["one", "two"]);
        assert_eq!(with(&catalog, "api"), ["one"]);
        assert_eq!(with(&catalog, "we"), [""; 0]);
        assert_eq!(catalog.applications_with_base_prefix("default", "we").count(), 3);
        assert_eq!(catalog.applications_with_base("other", "web").count(), 0);

        let mut catalog = Scenario::over(catalog).application("one", named(&["db"])).catalog();
        assert_eq!(
            (with(&catalog, "web"), with(&catalog, "db")),
            (vec!["two".to_owned()], vec!["one".to_owned()])
        );
        catalog.remove_application(&ObjectKey::new("default", "one"));
        assert_eq!(with(&catalog, "db"), [""; 0]);
        catalog.retain_applications(|_| false);
        assert_eq!(with(&catalog, "web"), [""; 0]);
        assert_eq!(catalog, Catalog::default());
    }
}
