//! `dependsOn` between policies of one Application.
//!
//! Users name a policy; Flux wants the name of the one object that delivers it
//! to the same cluster. Where the policy does not go to that cluster there is
//! no such object, Flux would wait for it for ever, and there is nothing to
//! wait for: the dependency is left out there. A name that is no policy's of
//! the same kind is passed on as it is.

use std::collections::HashMap;
use std::sync::Arc;

use fleetgate_api::flux::DependencyReference;
use serde_json::{Map, Value, json};

use super::overrides::Which;
use super::to_map;
use crate::destination::Resolution;
use crate::kept::Kept;
use crate::{FluxKind, Target};

/// The policies of an Application by name, in lower case as their objects have
/// it: what they are and where they go.
#[derive(Debug, Default)]
pub(crate) struct Siblings<'a>(HashMap<String, (FluxKind, &'a Arc<Resolution>)>);

impl<'a> Siblings<'a> {
    /// Of policies by name. Of two with one name, which admission refuses
    /// (`policy/name`), the first counts.
    pub(crate) fn of(policies: impl Iterator<Item = (&'a str, FluxKind, &'a Arc<Resolution>)>) -> Self {
        let mut siblings = HashMap::new();
        for (name, kind, resolution) in policies {
            siblings.entry(name.to_lowercase()).or_insert((kind, resolution));
        }
        Self(siblings)
    }

    /// Where a policy of that name and kind goes.
    fn get(&self, name: &str, kind: FluxKind) -> Option<&'a Arc<Resolution>> {
        self.0
            .get(&name.to_lowercase())
            .filter(|(found, _)| *found == kind)
            .map(|(_, resolution)| *resolution)
    }
}

/// What a policy depends on; empty if none of it is another policy, as then
/// there is nothing to translate.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DependsOn(Vec<Dependency>);

#[derive(Clone, Debug, PartialEq)]
struct Dependency {
    reference: Map<String, Value>,
    /// The policy that it names, if it does.
    policy: Option<Policy>,
}

#[derive(Clone, Debug, PartialEq)]
struct Policy {
    name: String,
    /// Where it goes; `None` if that is where the depending policy goes itself.
    elsewhere: Option<Arc<Resolution>>,
}

impl DependsOn {
    /// The `references` of a policy of that kind, which goes where `resolution` says.
    pub(crate) fn of(
        references: &[DependencyReference],
        kind: FluxKind,
        (namespace, resolution): (&str, &Arc<Resolution>),
        siblings: &Siblings<'_>,
    ) -> Self {
        let policy = |reference: &DependencyReference| {
            let its = reference.namespace.as_deref().unwrap_or_default();
            let is_ours = its.is_empty() || its == namespace;
            let goes = siblings.get(&reference.name, kind).filter(|_| is_ours)?;
            let elsewhere = (!Arc::ptr_eq(goes, resolution)).then(|| Arc::clone(goes));
            Some(Policy { name: reference.name.clone(), elsewhere })
        };
        let dependencies: Vec<Dependency> = references
            .iter()
            .map(|reference| Dependency { reference: to_map(reference), policy: policy(reference) })
            .collect();
        let is_needed = dependencies.iter().any(|dependency| dependency.policy.is_some());
        Self(if is_needed { dependencies } else { Vec::new() })
    }

    /// Writes what is to be ready first on `target` into a spec; for a sample,
    /// all of it.
    pub(crate) fn fill(
        &self,
        spec: &mut Map<String, Value>,
        target: &Target,
        which: Which<'_>,
        names: &Kept,
    ) {
        if self.0.is_empty() {
            return;
        }
        let is_whole = matches!(which, Which::All);
        let kept = self.0.iter().filter(|dependency| is_whole || dependency.goes_to(target));
        let references: Vec<Value> = kept.map(|dependency| dependency.on(target, names)).collect();
        if references.is_empty() {
            spec.remove("dependsOn");
        } else {
            spec.insert("dependsOn".into(), Value::Array(references));
        }
    }

    /// The policies that are left out on `target`.
    pub(crate) fn left_out<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a str> {
        let left_out = self.0.iter().filter(|dependency| !dependency.goes_to(target));
        left_out.filter_map(|dependency| dependency.policy.as_ref()).map(|policy| policy.name.as_str())
    }
}

impl Dependency {
    fn goes_to(&self, target: &Target) -> bool {
        let elsewhere = self.policy.as_ref().and_then(|policy| policy.elsewhere.as_ref());
        elsewhere.is_none_or(|resolution| resolution.targets.iter().any(|other| other.is(target)))
    }

    fn on(&self, target: &Target, names: &Kept) -> Value {
        let mut reference = self.reference.clone();
        if let Some(policy) = &self.policy {
            reference.insert("name".into(), json!(names.child_name(&policy.name, target)));
        }
        Value::Object(reference)
    }
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{application, rendered, source, two_clusters};
    use crate::{Plan, Target};
    use serde_json::{Value, json};

    fn policy(name: &str, selector: Value, depends_on: Value) -> Value {
        json!({
            "name": name, "destination": {"fleet": "quickstart", "clusterSelector": selector},
            "kustomization": {"interval": "5m", "prune": true, "dependsOn": depends_on},
        })
    }

    fn spec(policies: &[Value]) -> Value {
        json!({"source": source("gitRepository"), "syncPolicies": policies})
    }

    /// `dependsOn` of the object of that name.
    fn of(name: &str, policies: &[Value]) -> Value {
        let objects = rendered(spec(policies), &two_clusters());
        let object = objects.iter().find(|object| object["metadata"]["name"] == name).expect("the object");
        object["spec"].get("dependsOn").cloned().unwrap_or_default()
    }

    #[test]
    fn a_policy_is_its_object_for_the_same_cluster() {
        let everywhere = || policy("db", json!(null), json!(null));
        let on_dev = || policy("db", json!({"matchLabels": {"env": "dev"}}), json!(null));
        let db_on = |cluster: &str| json!([{"name": format!("db-attachedcluster-{cluster}")}]);
        let table = [
            ("of the same destination", everywhere(), "web-attachedcluster-m1", db_on("m1")),
            ("of the same destination", everywhere(), "web-attachedcluster-m2", db_on("m2")),
            ("that goes there, too", on_dev(), "web-attachedcluster-m2", db_on("m2")),
            ("that does not go there", on_dev(), "web-attachedcluster-m1", Value::Null),
        ];
        for (what, db, name, expected) in table {
            let web = policy("web", json!(null), json!([{"name": "db"}]));
            assert_eq!(of(name, &[web, db]), expected, "{what}");
        }
    }

    #[test]
    fn a_policy_is_known_in_any_case() {
        for (written, name) in [("db", "DB"), ("DB", "db"), ("Db", "dB")] {
            let policies = [
                policy("web", json!(null), json!([{"name": written}])),
                policy(name, json!(null), json!(null)),
            ];
            let expected = json!([{"name": "db-attachedcluster-m1"}]);
            assert_eq!(of("web-attachedcluster-m1", &policies), expected, "{written} {name}");
        }
    }

    #[test]
    fn on_the_host_a_policy_is_its_object_there() {
        let mut web = policy("web", json!(null), json!([{"name": "shop-1"}]));
        web["destination"] = Value::Null;
        let db = json!({"kustomization": {"interval": "5m", "prune": true}});
        assert_eq!(
            of("web-currentcluster-host", &[web, db]),
            json!([{"name": "shop-1-currentcluster-host"}])
        );
    }

    #[test]
    fn any_other_name_is_passed_on() {
        let db = || policy("db", json!({"matchLabels": {"env": "dev"}}), json!(null));
        let chart = json!({"name": "chart", "destination": {"fleet": "quickstart"}, "helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}});
        let table = [
            (json!([]), json!([])),
            (json!([{"name": "infra"}]), json!([{"name": "infra"}])),
            (json!([{"name": "chart"}]), json!([{"name": "chart"}])),
            (json!([{"name": "db", "namespace": "other"}]), json!([{"name": "db", "namespace": "other"}])),
            (
                json!([{"name": "infra", "readyExpr": "true"}, {"name": "db", "namespace": "default"}]),
                json!([{"name": "infra", "readyExpr": "true"}]),
            ),
        ];
        for (depends_on, expected) in table {
            let web = policy("web", json!(null), depends_on.clone());
            assert_eq!(of("web-attachedcluster-m1", &[web, db(), chart.clone()]), expected, "{depends_on}");
        }
    }

    #[test]
    fn what_else_a_dependency_says_stays() {
        let web = policy(
            "web",
            json!(null),
            json!([{"name": "db", "namespace": "default", "readyExpr": "dep.spec.suspend"}]),
        );
        let expected = json!([{"name": "db-attachedcluster-m1", "namespace": "default", "readyExpr": "dep.spec.suspend"}]);
        assert_eq!(of("web-attachedcluster-m1", &[web, policy("db", json!(null), json!(null))]), expected);
    }

    #[test]
    fn what_is_left_out_can_be_asked_for_and_a_sample_leaves_nothing_out() {
        let web = policy("web", json!(null), json!([{"name": "infra"}, {"name": "db"}]));
        let db = policy("db", json!({"matchLabels": {"env": "dev"}}), json!(null));
        let plan = Plan::of(&application(spec(&[web, db])), &two_clusters());
        let template = plan.policies[0].template.as_ref().expect("a template");
        let left_out: Vec<(String, Vec<&str>)> = plan.policies[0]
            .resolution
            .targets
            .iter()
            .map(|target: &Target| (target.name().to_owned(), template.left_out(target).collect()))
            .collect();
        assert_eq!(left_out, [("m1".to_owned(), vec!["db"]), ("m2".to_owned(), vec![])]);
        let sample = template.clone().into_sample(&plan.owner);
        assert_eq!(
            sample["spec"]["dependsOn"],
            json!([{"name": "infra"}, {"name": "db-attachedcluster-m1"}])
        );
    }

    #[test]
    fn releases_depend_on_releases() {
        let helm = |name: &str, depends_on: Value| {
            json!({
                "name": name, "destination": {"fleet": "quickstart"},
                "helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}, "dependsOn": depends_on},
            })
        };
        let objects =
            of("web-attachedcluster-m1", &[helm("web", json!([{"name": "db"}])), helm("db", Value::Null)]);
        assert_eq!(objects, json!([{"name": "db-attachedcluster-m1"}]));
    }
}
