//! Which Applications may be judged otherwise because of another.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::children::{MOST_POLICIES, related};
use crate::{AppEntry, Catalog, PolicyEntry};

/// The other Applications of its namespace that `entry` may be a rival to: names
/// of objects come near to its own, or they roll out what it rolls out.
pub fn neighbours<'a>(entry: &AppEntry, catalog: &'a Catalog) -> impl Iterator<Item = &'a Arc<AppEntry>> {
    let (namespace, name) = (entry.key.namespace.as_str(), entry.key.name.as_str());
    let bases: BTreeSet<Cow<'_, str>> = entry.policies.iter().map(PolicyEntry::child_name_base).collect();
    let mut neighbours: Vec<&Arc<AppEntry>> = Vec::new();
    for base in &bases {
        let related = related((namespace, name), base, MOST_POLICIES, catalog);
        neighbours.extend(related.into_iter().map(|(entry, _)| entry));
    }
    for rollout in entry.policies.iter().filter_map(|policy| policy.rollout.as_deref()) {
        let of = &*rollout.workload.namespace;
        let of_workload = catalog.rollouts_of_workload(namespace, (of, &rollout.workload.name));
        let behind_service = catalog.rollouts_behind_service(namespace, (of, &rollout.service));
        let rivals = of_workload.chain(behind_service).map(|(entry, _)| entry);
        neighbours.extend(rivals.filter(|rival| rival.key.name != name).take(MOST_POLICIES));
    }
    neighbours.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::Scenario;
    use serde_json::{Value, json};

    #[test]
    fn who_may_be_a_rival() {
        let named = |name: &str| json!({"syncPolicies": [{"name": name, "kustomization": {"interval": "5m", "prune": true}}]});
        let rolled = |policy: &str, workload: &str, service: &str| {
            let workload =
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": workload, "namespace": "web"});
            let rollout = json!({
                "trafficRoutingProvider": "nginx", "workload": workload, "serviceName": service, "port": 80, "rolloutPolicy": {},
            });
            json!({"syncPolicies": [{"name": policy, "rollout": rollout}]})
        };
        let apps: [(&str, Value); 7] = [
            ("a", named("web")),
            ("b", named("WEB")),
            ("c", named("web-attachedcluster-m1")),
            ("d", named("website")),
            ("e", rolled("e", "api", "front")),
            ("f", rolled("f", "back", "front")),
            ("g", rolled("g", "back", "other")),
        ];
        let scenario = apps
            .iter()
            .fold(Scenario::new(), |scenario, (name, spec)| scenario.application(name, spec.clone()));
        let catalog = scenario.catalog();
        let of = |name: &str| {
            let entry = catalog.application("default", name).expect("an entry");
            let found: BTreeSet<_> =
                neighbours(entry, &catalog).map(|entry| entry.key.name.as_str()).collect();
            found.into_iter().collect::<Vec<_>>().join(" ")
        };
        let table =
            [("a", "b c"), ("b", "a c"), ("c", "a b"), ("d", ""), ("e", "f"), ("f", "e g"), ("g", "f")];
        for (name, expected) in table {
            assert_eq!(of(name), expected, "{name}");
        }
    }
}
