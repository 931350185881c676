//! A dependency on what neither a policy of the Application nor an object of
//! another one is called.
//!
//! It may be the name of a Flux object that somebody else makes, so that this
//! is a warning. Where no other Application is known, as often in `check`,
//! nobody can tell, and only what is likely a slip is said.

use std::sync::Arc;

use fleetgate_plan::names::{CHILD_KINDS, MAX_NAME, child_name};
use fleetgate_plan::{AppEntry, FluxKind, PolicyEntry, Resolution};

use super::{DEPENDS_ON, Graph, dependencies};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::names;

/// At most this many policies of one name are looked at.
const MOST_OF_ONE_NAME: usize = 100;

/// So many names of objects are composed in search of a dependency.
const MOST_OBJECTS: usize = 100_000;

/// To find a policy's clusters costs as much as to compose so many names.
const RESOLVING: usize = 100;

/// So many names of policies are compared in search of the one that was meant.
const MOST_NAMES: usize = 100_000;

/// What is left of the search for the unknown dependencies of one Application.
pub(super) struct Search {
    objects: usize,
    names: usize,
}

impl Search {
    pub(super) fn new() -> Self {
        Self { objects: MOST_OBJECTS, names: MOST_NAMES }
    }
}

impl Graph<'_> {
    pub(super) fn unknown(&mut self, index: usize, path: FieldPath, written: &str) -> Option<Finding> {
        let name = written.to_lowercase();
        let is_made = self.is_made(&name);
        if is_made && name == written {
            return None;
        }
        let meant = is_made.then(|| name.clone());
        let near = meant.or_else(|| self.object_of(&name)).or_else(|| self.near(index, &name));
        let message = if self.knows_others() {
            "names no policy here, nor an object of another Application: Flux waits for it"
        } else if near.is_some() {
            "names no policy here: Flux waits for an object of that name"
        } else {
            return None;
        };
        let finding = Finding::warning(&DEPENDS_ON, path, Fault::NotFound, message).value(written);
        Some(match near {
            Some(near) => finding.hint(format!("did you mean {near:?}?")),
            None => finding,
        })
    }

    fn namespace(&self) -> &str {
        self.input.application.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn knows_others(&self) -> bool {
        let own = self.input.application.metadata.name.as_deref();
        let mut known = self.input.catalog.applications(self.namespace());
        known.any(|entry| own != Some(entry.key.name.as_str()))
    }

    /// The policies of that name and kind that other Applications have.
    fn of_others(&self, name: &str) -> Vec<(&AppEntry, &PolicyEntry)> {
        let own = self.input.application.metadata.name.as_deref();
        let kind = if self.kind == "helm" { FluxKind::HelmRelease } else { FluxKind::Kustomization };
        let known = self.input.catalog.policies_with_base(self.namespace(), name).take(MOST_OF_ONE_NAME);
        let meant = known.filter(|(entry, policy)| {
            own != Some(entry.key.name.as_str()) && policy.delivery.kind() == Some(kind)
        });
        meant.map(|(entry, policy)| (&**entry, policy)).collect()
    }

    /// Whether an Application makes an object of that name, or may: nobody
    /// knows whose one is that ends in a hash, or where a destination that is
    /// not understood leads.
    fn is_made(&mut self, name: &str) -> bool {
        if name.len() >= MAX_NAME || self.search.objects < RESOLVING {
            return true;
        }
        let mut left = self.search.objects;
        let is_made = heads(name).any(|head| {
            self.resolutions(head).any(|resolution| {
                let Some(rest) = left.checked_sub(resolution.targets.len() + RESOLVING) else { return true };
                left = rest;
                !resolution.is_decided()
                    || resolution.targets.iter().any(|target| child_name(head, target) == name)
            })
        });
        self.search.objects = left;
        is_made
    }

    /// Where the policies of that name go, this Application's and others'.
    fn resolutions(&self, name: &str) -> impl Iterator<Item = Arc<Resolution>> {
        let own = self.known.get(name).and_then(|index| self.input.plan.policies.get(*index));
        let others = self
            .of_others(name)
            .into_iter()
            .map(|(_, policy)| policy.destination.resolve(self.namespace(), self.input.catalog));
        own.map(|policy| policy.resolution.clone()).into_iter().chain(others)
    }

    /// What another Application makes of its policy of that name, on one cluster.
    fn object_of(&mut self, name: &str) -> Option<String> {
        self.search.objects = self.search.objects.checked_sub(RESOLVING)?;
        let (_, policy) = *self.of_others(name).first()?;
        let resolution = policy.destination.resolve(self.namespace(), self.input.catalog);
        Some(policy.child_name(resolution.targets.first()?))
    }

    /// The policy that was most likely meant.
    fn near(&mut self, index: usize, name: &str) -> Option<String> {
        let policies = &self.input.plan.policies;
        self.search.names = self.search.names.checked_sub(policies.len())?;
        let spec = &self.input.application.spec.sync_policies;
        let others = policies
            .iter()
            .zip(spec)
            .enumerate()
            .filter(|(other, (_, policy))| *other != index && dependencies(policy, self.kind).is_some());
        names::nearest(name, others.map(|(_, (policy, _))| policy.name.as_str())).map(str::to_owned)
    }
}

/// What a policy may be called whose object has that name.
fn heads(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('-').filter_map(move |(at, _)| {
        let (head, tail) = (name.get(..at)?, name.get(at + 1..)?);
        let is_of_cluster =
            |kind: &str| tail.strip_prefix(kind).is_some_and(|cluster| cluster.starts_with('-'));
        CHILD_KINDS.into_iter().any(is_of_cluster).then_some(head)
    })
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{apart, application, catalog, catalog_with, git_source, kustomization, said};
    use fleetgate_plan::Catalog;
    use serde_json::{Value, json};

    /// What is said of `web`, which waits for `name` beside a policy `database`.
    fn warned(name: &str, catalog: &Catalog) -> Vec<String> {
        let mut policies = apart(json!([
            {"name": "database", "kustomization": kustomization()},
            {"name": "web", "kustomization": kustomization()},
        ]));
        policies[1]["kustomization"]["dependsOn"] = json!([{"name": name}]);
        let fleet = json!({"fleet": "quickstart"});
        let spec = json!({"source": git_source(), "destination": fleet, "syncPolicies": policies});
        let said = said(&application("shop", spec), None, catalog);
        let place = "spec.syncPolicies[1].kustomization.dependsOn[0]: ";
        said.iter()
            .map(|text| {
                assert!(text.len() < 256, "{text}");
                let text = text
                    .strip_prefix(place)
                    .and_then(|text| text.strip_prefix("Not found: "))
                    .unwrap_or(text);
                text.strip_suffix(" [policy/depends-on]").unwrap_or(text).to_owned()
            })
            .collect()
    }

    fn other() -> Catalog {
        let of = |fleet: Value| {
            json!({"destination": fleet, "syncPolicies": [
                {"name": "base", "kustomization": kustomization()},
                {"name": "chart", "helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}},
            ]})
        };
        catalog_with(&[
            ("platform", of(json!({"fleet": "quickstart"}))),
            ("lost", of(json!({"fleet": "gone"}))),
        ])
    }

    #[test]
    fn what_is_made_by_nobody_is_waited_for() {
        let none: [&str; 0] = [];
        let nobody = "names no policy here, nor an object of another Application: Flux waits for it";
        for known in [catalog(), other()] {
            assert_eq!(warned("database", &known), none);
            assert_eq!(warned("database-attachedcluster-m2", &known), none);
            assert_eq!(warned(&"x".repeat(63), &known), none, "it may end in a hash");
        }
        // Without other Applications only slips are known.
        let slip = "names no policy here: Flux waits for an object of that name";
        assert_eq!(warned("infra", &catalog()), none);
        assert_eq!(
            warned("databse", &catalog()),
            [format!("\"databse\": {slip}; did you mean \"database\"?")]
        );
        assert_eq!(
            warned("databse", &other()),
            [format!("\"databse\": {nobody}; did you mean \"database\"?")]
        );
        assert_eq!(warned("infra", &other()), [format!("\"infra\": {nobody}")]);
        assert_eq!(
            warned("database-attachedcluster-m3", &other()),
            [format!("\"database-attachedcluster-m3\": {nobody}")]
        );
        let chart = "chart-attachedcluster-m1";
        assert_eq!(warned(chart, &other()), [format!("{chart:?}: {nobody}")], "of the other kind");
    }

    #[test]
    fn what_others_make_is_known() {
        let none: [&str; 0] = [];
        let platform = catalog_with(&[(
            "platform",
            json!({"destination": {"fleet": "quickstart"}, "syncPolicies": [{"name": "base", "kustomization": kustomization()}]}),
        )]);
        assert_eq!(warned("base-attachedcluster-m1", &platform), none);
        // Flux looks for the name as it is written, and none is written so.
        let said = warned("Base-AttachedCluster-m1", &platform);
        assert!(said[0].ends_with("did you mean \"base-attachedcluster-m1\"?"), "{said:?}");
        assert_eq!(warned("base-attachedcluster-m9", &other()), none, "nobody knows the clusters of gone");
        let said = warned("base", &platform);
        assert!(said[0].ends_with("did you mean \"base-attachedcluster-m1\"?"), "{said:?}");
    }

    #[test]
    fn many_names_beside_many_applications_take_time_in_proportion() {
        let fleet = json!({"fleet": "quickstart"});
        let base = json!({"destination": fleet, "syncPolicies": [{"name": "base", "kustomization": kustomization()}]});
        let others: Vec<String> = (0..200).map(|index| format!("other-{index}")).collect();
        let others: Vec<(&str, Value)> = others.iter().map(|name| (name.as_str(), base.clone())).collect();
        let policies: Vec<Value> = (0..5_000)
            .map(|index| {
                let mut folder = kustomization();
                folder["path"] = json!(format!("./{index}"));
                folder["dependsOn"] = json!([{"name": "base-attachedcluster-m9"}]);
                json!({"name": format!("p{index}"), "kustomization": folder})
            })
            .collect();
        let spec = json!({"source": git_source(), "destination": fleet, "syncPolicies": policies});
        let said = said(&application("shop", spec), None, &catalog_with(&others)).len();
        assert!((1..100).contains(&said), "{said}");
    }
}
