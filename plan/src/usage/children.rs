//! Which objects of a plan another Application makes, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{AppEntry, PolicyEntry};
use crate::names::CHILD_KINDS;
use crate::{Catalog, Plan};

/// At most this many policies of others are looked at; names like these are
/// rare, and each costs as much as its fleet has clusters.
pub(super) const MOST_POLICIES: usize = 100;

/// So many policies are looked at to find that there are only the Application's own.
const NEAR: usize = 8;

/// An object of a policy that another Application makes, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedChild<'a> {
    /// The policy's place in the spec.
    pub policy: usize,
    /// The object's name.
    pub name: String,
    /// The other Application's name.
    pub owner: &'a str,
}

/// Of each policy the first object that another Application of the namespace
/// makes, too. One on its way out still has its objects.
///
/// A child's name does not say where the policy's ends: that of the other policy
/// may be the same, or shorter, or longer by what looks like a cluster. A policy
/// to which no other comes near costs a look into an index, and none of its
/// objects' names is composed.
#[must_use]
pub fn shared_children<'a>(plan: &Plan, catalog: &'a Catalog) -> Vec<SharedChild<'a>> {
    let mut shared = Vec::new();
    let own = (plan.owner.namespace.as_str(), plan.owner.name.as_str());
    let mut left = MOST_POLICIES;
    for (index, policy) in plan.policies.iter().enumerate() {
        let Some(template) = &policy.template else { continue };
        let related = related(own, &policy.name.to_lowercase(), left, catalog);
        left = left.saturating_sub(related.len());
        let related = related.into_iter().filter(|(_, other)| other.delivery.kind() == Some(template.kind));
        let owners = owners(related, &plan.owner.namespace, catalog);
        if owners.is_empty() {
            continue;
        }
        let first = template.bindings().find_map(|binding| {
            let owner = *owners.get(&binding.name)?;
            Some(SharedChild { policy: index, name: binding.name, owner })
        });
        shared.extend(first);
    }
    shared
}

/// The names of those policies' objects, each with its Application's.
fn owners<'a>(
    policies: impl Iterator<Item = (&'a Arc<AppEntry>, &'a PolicyEntry)>,
    namespace: &str,
    catalog: &Catalog,
) -> BTreeMap<String, &'a str> {
    let mut owners = BTreeMap::new();
    for (entry, policy) in policies {
        for target in &policy.destination.resolve(namespace, catalog).targets {
            owners.entry(policy.child_name(target)).or_insert(entry.key.name.as_str());
        }
    }
    owners
}

/// The policies of others than an Application, by its namespace and name, that
/// may come to a name of a policy `base`, at most so many.
pub(super) fn related<'a>(
    (namespace, own): (&str, &str),
    base: &str,
    most: usize,
    catalog: &'a Catalog,
) -> Vec<(&'a Arc<AppEntry>, &'a PolicyEntry)> {
    let is_other = |(entry, _): &(&Arc<AppEntry>, &PolicyEntry)| entry.key.name != own;
    let mut found = Vec::new();
    // Mostly there is nobody else from here on, which one look tells.
    let mut near = catalog.policies_with_base_prefix(namespace, base);
    let is_alone = !near.by_ref().take(NEAR).any(|policy| is_other(&policy)) && near.next().is_none();
    let shorter = base.match_indices('-').filter_map(|(at, _)| {
        let (head, tail) = (base.get(..at)?, base.get(at + 1..)?);
        CHILD_KINDS.iter().any(|kind| tail.starts_with(kind)).then_some(head)
    });
    for name in shorter.chain((!is_alone).then_some(base)) {
        found.extend(catalog.policies_with_base(namespace, name).filter(is_other).take(most));
    }
    for kind in CHILD_KINDS.into_iter().filter(|_| !is_alone) {
        let prefix = format!("{base}-{kind}");
        found.extend(catalog.policies_with_base_prefix(namespace, &prefix).filter(is_other).take(most));
    }
    found.truncate(most);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{Scenario, application};
    use serde_json::{Value, json};

    /// Who else makes the objects of `shop`, whose policies have these names.
    fn owners(ours: &[&str], others: &[(&str, Value)]) -> Vec<String> {
        let mut scenario = Scenario::new()
            .cluster("c", &[])
            .cluster("b-attachedcluster-c", &[])
            .fleet("f", &["c", "b-attachedcluster-c"]);
        for (name, spec) in others {
            scenario = scenario.application(name, spec.clone());
        }
        let policies: Vec<Value> = ours
            .iter()
            .map(|name| json!({"name": name, "kustomization": {"interval": "5m", "prune": true}}))
            .collect();
        let source = json!({"gitRepository": {"url": "https://e.com/r", "interval": "5m"}});
        let app =
            application(json!({"source": source, "destination": {"fleet": "f"}, "syncPolicies": policies}));
        let catalog = scenario.catalog();
        let shared = shared_children(&Plan::of(&app, &catalog), &catalog);
        let said = shared.iter().map(|child| format!("{} {} {}", child.policy, child.name, child.owner));
        said.collect()
    }

    fn kustomized(fleet: &str, name: &str) -> Value {
        let kustomization = json!({"interval": "5m", "prune": true});
        let destination = if fleet.is_empty() { json!(null) } else { json!({"fleet": fleet}) };
        json!({"syncPolicies": [{"name": name, "destination": destination, "kustomization": kustomization}]})
    }

    #[test]
    fn names_that_others_make_too() {
        let none: [&str; 0] = [];
        assert_eq!(owners(&["web"], &[("other", kustomized("f", "api"))]), none);
        assert_eq!(owners(&["web"], &[("other", kustomized("", "web"))]), none, "on another cluster");
        assert_eq!(owners(&["web"], &[("shop", kustomized("f", "web"))]), none, "itself");
        let helm = json!({"destination": {"fleet": "f"}, "syncPolicies": [{"name": "web", "helm": {"interval": "5m"}}]});
        assert_eq!(owners(&["web"], &[("other", helm)]), none, "of another kind");
        assert_eq!(
            owners(&["api", "web"], &[("other", kustomized("f", "WEB"))]),
            ["1 web-attachedcluster-c other"]
        );
        let shared = "0 a-attachedcluster-b-attachedcluster-c other";
        assert_eq!(owners(&["a"], &[("other", kustomized("f", "a-attachedcluster-b"))]), [shared]);
        assert_eq!(owners(&["a-attachedcluster-b"], &[("other", kustomized("f", "a"))]), [shared]);
    }

    #[test]
    fn long_names_are_found_too() {
        let long = "p".repeat(60);
        assert_eq!(owners(&[&long], &[("other", kustomized("f", &long))]).len(), 1);
    }
}
