//! Which objects of a plan another Application makes, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{AppEntry, Delivery, PolicyEntry};
use crate::{Catalog, ClusterKind, FluxKind, Owner, Plan};

/// At most this many policies of others are looked at; names like these are
/// rare, and each costs as much as its fleet has clusters.
const MOST_POLICIES: usize = 100;

/// For each name of a policy's object that another Application of the namespace
/// makes, too, that Application's name. One on its way out still has it.
///
/// A child's name does not say where the policy's ends: that of the other policy
/// may be the same, or shorter, or longer by what looks like a cluster.
#[must_use]
pub fn other_owners<'a>(plan: &Plan, catalog: &'a Catalog) -> BTreeMap<(FluxKind, String), &'a str> {
    let namespace = plan.owner.namespace.as_str();
    let mut owners = BTreeMap::new();
    let mut left = MOST_POLICIES;
    for policy in &plan.policies {
        for (entry, policy) in related(&plan.owner, &policy.name.to_lowercase(), left, catalog) {
            left = left.saturating_sub(1);
            let Some(kind) = kind(policy.delivery) else { continue };
            for target in &policy.destination.resolve(namespace, catalog).targets {
                owners.entry((kind, policy.child_name(target))).or_insert(entry.key.name.as_str());
            }
        }
    }
    owners
}

fn kind(delivery: Delivery) -> Option<FluxKind> {
    match delivery {
        Delivery::Kustomization => Some(FluxKind::Kustomization),
        Delivery::Helm => Some(FluxKind::HelmRelease),
        Delivery::Nothing => None,
    }
}

/// The policies of others than `owner` that may come to a name of a policy
/// `base`, at most so many.
fn related<'a>(
    owner: &Owner,
    base: &str,
    most: usize,
    catalog: &'a Catalog,
) -> Vec<(&'a Arc<AppEntry>, &'a PolicyEntry)> {
    let namespace = owner.namespace.as_str();
    let is_other = |entry: &&Arc<AppEntry>| entry.key.name != owner.name;
    let mut found = Vec::new();
    let shorter = base.match_indices('-').filter_map(|(at, _)| {
        let (head, tail) = (base.get(..at)?, base.get(at + 1..)?);
        kinds().any(|kind| tail.starts_with(&kind)).then_some(head)
    });
    for name in shorter.chain([base]) {
        let entries = catalog.applications_with_base(namespace, name).filter(is_other).take(most);
        found.extend(entries.flat_map(|entry| with_name(entry, |known| known == name)));
    }
    for kind in kinds() {
        let prefix = format!("{base}-{kind}");
        let entries = catalog.applications_with_base_prefix(namespace, &prefix).filter(is_other).take(most);
        found.extend(entries.flat_map(|entry| with_name(entry, |known| known.starts_with(&prefix))));
    }
    found.truncate(most);
    found
}

fn with_name(
    entry: &Arc<AppEntry>,
    is_wanted: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (&Arc<AppEntry>, &PolicyEntry)> {
    let policies = entry.policies.iter().filter(move |policy| is_wanted(&policy.child_name_base()));
    policies.map(move |policy| (entry, policy))
}

/// What stands behind a policy's name in a child's.
fn kinds() -> impl Iterator<Item = String> {
    ClusterKind::ALL.iter().map(|kind| kind.as_str().to_lowercase()).chain(["currentcluster".to_owned()])
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
        let plan = Plan::of(&app, &catalog);
        let owners = other_owners(&plan, &catalog);
        let taken = plan.objects().filter_map(|(kind, object)| {
            let name = object.metadata.name?;
            let owner = owners.get(&(kind, name.clone()))?;
            Some(format!("{name} {owner}"))
        });
        taken.collect()
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
            owners(&["web", "api"], &[("other", kustomized("f", "WEB"))]),
            ["web-attachedcluster-c other", "web-attachedcluster-b-attachedcluster-c other"]
        );
        let shared = "a-attachedcluster-b-attachedcluster-c other";
        assert_eq!(owners(&["a"], &[("other", kustomized("f", "a-attachedcluster-b"))]), [shared]);
        assert_eq!(owners(&["a-attachedcluster-b"], &[("other", kustomized("f", "a"))]), [shared]);
    }

    #[test]
    fn long_names_are_found_too() {
        let long = "p".repeat(60);
        assert_eq!(owners(&[&long], &[("other", kustomized("f", &long))]).len(), 2);
    }
}
