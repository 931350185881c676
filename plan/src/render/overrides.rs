//! What is different on some of a policy's clusters: patches that are appended
//! to a kustomization's, values that are merged over a chart's.
//!
//! Every override that matches a cluster is applied, in the order of the spec,
//! so that a later one has the last word.

use fleetgate_api::Override;
use fleetgate_api::application::SyncPolicy;
use kube::core::{Selector, SelectorExt};
use serde_json::{Map, Value};

use crate::{FluxKind, Target};

/// A policy's overrides, as far as they mean something to its kind of object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Overrides(Vec<Change>);

/// Which overrides are applied.
#[derive(Clone, Copy)]
pub(crate) enum Which<'a> {
    /// Those that match that target.
    Matching(&'a Target),
    /// Every one, for a sample.
    All,
}

#[derive(Clone, Debug, PartialEq)]
struct Change {
    /// `None` where the selector cannot be read, and then it finds nobody.
    selector: Option<Selector>,
    patches: Vec<Value>,
    values: Option<Value>,
}

impl Overrides {
    /// Those of `policy`, whose objects are of that kind.
    pub(crate) fn of(policy: &SyncPolicy, kind: FluxKind) -> Self {
        let changes = policy.overrides.iter().flatten();
        Self(changes.map(|change| Change::of(change, kind)).collect())
    }

    /// Applies them to a spec.
    pub(crate) fn apply(&self, spec: &mut Map<String, Value>, which: Which<'_>) {
        for change in self.0.iter().filter(|change| change.is_meant(which)) {
            if !change.patches.is_empty()
                && let Value::Array(patches) =
                    spec.entry("patches").or_insert_with(|| Value::Array(Vec::new()))
            {
                patches.extend_from_slice(&change.patches);
            }
            if let Some(values) = &change.values {
                merge(spec.entry("values").or_insert(Value::Null), values);
            }
        }
    }

    /// The field of the policy that a field of a spec comes from, all overrides
    /// being applied to `base`; `None` if it is not from an override.
    pub(crate) fn trace(&self, field: &str, base: &Map<String, Value>) -> Option<String> {
        if let Some(rest) = field.strip_prefix(".patches[") {
            let (number, rest) = rest.split_once(']')?;
            let own = base.get("patches").and_then(Value::as_array).map_or(0, Vec::len);
            let (index, patch) = self.patch(number.parse::<usize>().ok()?.checked_sub(own)?)?;
            return Some(format!("overrides[{index}].patches[{patch}]{rest}"));
        }
        let rest = field.strip_prefix(".values").filter(|_| !base.contains_key("values"))?;
        let index = self.0.iter().position(|change| change.values.is_some())?;
        Some(format!("overrides[{index}].values{rest}"))
    }

    /// Which override has the patch at that place among the patches of all, and where.
    fn patch(&self, mut place: usize) -> Option<(usize, usize)> {
        for (index, change) in self.0.iter().enumerate() {
            if place < change.patches.len() {
                return Some((index, place));
            }
            place -= change.patches.len();
        }
        None
    }
}

impl Change {
    fn of(change: &Override, kind: FluxKind) -> Self {
        let is_kustomization = kind == FluxKind::Kustomization;
        let patches = change.patches.iter().flatten().filter(|_| is_kustomization);
        Self {
            selector: Selector::try_from(change.cluster_selector.clone().unwrap_or_default()).ok(),
            patches: patches.filter_map(|patch| serde_json::to_value(patch).ok()).collect(),
            values: change.values.clone().filter(|_| !is_kustomization),
        }
    }

    /// The host cluster has no labels to be found by: it is meant where all clusters are.
    fn is_meant(&self, which: Which<'_>) -> bool {
        match (&self.selector, which) {
            (_, Which::All) => true,
            (None, _) => false,
            (Some(selector), Which::Matching(Target::Host)) => selector.selects_all(),
            (Some(selector), Which::Matching(Target::Member(cluster))) => selector.matches(&cluster.labels),
        }
    }
}

/// Merges values as Helm merges its values files: maps are merged, anything
/// else is replaced. A null stays, and is what makes Helm take a key away, the
/// chart's own default included.
fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, over) in over {
                match base.get_mut(key) {
                    Some(base) => merge(base, over),
                    None => drop(base.insert(key.clone(), over.clone())),
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{Scenario, application, rendered, source, two_clusters};
    use crate::{Catalog, Plan};
    use proptest::prelude::*;
    use serde_json::json;

    fn on(labels: Value) -> Value {
        json!({ "matchLabels": labels })
    }

    fn patch(text: &str) -> Value {
        json!({ "patch": text })
    }

    fn kustomization(overrides: Value, patches: Value) -> Value {
        let kustomization = json!({"interval": "5m", "prune": true, "patches": patches});
        json!({
            "source": source("gitRepository"), "destination": {"fleet": "quickstart"},
            "syncPolicies": [{"name": "web", "kustomization": kustomization, "overrides": overrides}],
        })
    }

    fn helm(overrides: Value, values: Value) -> Value {
        let helm = json!({"interval": "5m", "chart": {"spec": {"chart": "c"}}, "values": values});
        json!({
            "source": source("helmRepository"), "destination": {"fleet": "quickstart"},
            "syncPolicies": [{"name": "web", "helm": helm, "overrides": overrides}],
        })
    }

    /// A field of the objects for the clusters, in their order.
    fn on_clusters(spec: Value, catalog: &Catalog, field: &str) -> Vec<Value> {
        let objects = rendered(spec, catalog).into_iter().skip(1);
        objects.map(|object| object["spec"].get(field).cloned().unwrap_or_default()).collect()
    }

    #[test]
    fn patches_are_appended_in_order_where_the_selector_matches() {
        let overrides = json!([
            {"clusterSelector": on(json!({"env": "dev"})), "patches": [patch("dev")]},
            {"patches": [patch("all")]},
            {"clusterSelector": {}, "patches": [patch("all, too")]},
            {"clusterSelector": {"matchExpressions": [{"key": "env", "operator": "Exists"}]}, "patches": [patch("any")]},
            {"clusterSelector": {"matchExpressions": [{"key": "env", "operator": "Near"}]}, "patches": [patch("none")]},
        ]);
        let m1 = json!([patch("own"), patch("all"), patch("all, too"), patch("any")]);
        let m2 = json!([patch("own"), patch("dev"), patch("all"), patch("all, too"), patch("any")]);
        let spec = kustomization(overrides, json!([patch("own")]));
        assert_eq!(on_clusters(spec, &two_clusters(), "patches"), [m1, m2]);
    }

    #[test]
    fn without_patches_of_its_own_a_policy_has_the_overrides() {
        let overrides = json!([{"clusterSelector": on(json!({"env": "dev"})), "patches": [patch("dev")]}]);
        let spec = kustomization(overrides, Value::Null);
        assert_eq!(
            on_clusters(spec, &two_clusters(), "patches"),
            [Value::Null, json!([patch("dev")])],
            "nothing is added where nothing matches"
        );
    }

    #[test]
    fn values_are_merged_as_helm_merges_them() {
        let own =
            json!({"image": {"tag": "1", "pull": "Always"}, "hosts": ["a", "b"], "debug": {"on": true}});
        let overrides = json!([
            {"clusterSelector": on(json!({"env": "dev"})), "values": {"image": {"tag": "2"}, "hosts": ["c"], "debug": null, "new": {"a": null}}},
            {"clusterSelector": on(json!({"env": "dev"})), "values": {"image": {"tag": "3"}}},
        ]);
        let dev = json!({"image": {"tag": "3", "pull": "Always"}, "hosts": ["c"], "debug": null, "new": {"a": null}});
        let spec = helm(overrides.clone(), own.clone());
        assert_eq!(on_clusters(spec, &two_clusters(), "values"), [own, dev]);
        let without = helm(overrides, Value::Null);
        assert_eq!(on_clusters(without, &two_clusters(), "values")[0], Value::Null);
    }

    #[test]
    fn what_is_not_the_policys_kind_is_left_out() {
        let overrides = json!([{"values": {"a": 1}, "patches": [patch("all")]}]);
        let spec = kustomization(overrides.clone(), Value::Null);
        assert_eq!(on_clusters(spec, &two_clusters(), "values"), [Value::Null, Value::Null]);
        let spec = helm(overrides, Value::Null);
        assert_eq!(on_clusters(spec, &two_clusters(), "patches"), [Value::Null, Value::Null]);
    }

    #[test]
    fn on_the_host_only_an_override_for_all_counts() {
        let not_dev = json!({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["dev"]}]});
        let overrides =
            json!([{"clusterSelector": not_dev, "patches": [patch("no")]}, {"patches": [patch("yes")]}]);
        let mut spec = kustomization(overrides, Value::Null);
        spec["destination"] = Value::Null;
        assert_eq!(on_clusters(spec, &Catalog::default(), "patches"), [json!([patch("yes")])]);
    }

    #[test]
    fn a_sample_has_every_override_and_knows_where_each_comes_from() {
        let nobody = on(json!({"env": "none"}));
        let overrides = json!([
            {"clusterSelector": nobody, "patches": [patch("a"), patch("b")]}, {}, {"patches": [patch("c")]},
        ]);
        let plan = Plan::of(
            &application(kustomization(overrides, json!([patch("own")]))),
            &Scenario::new().catalog(),
        );
        let template = plan.policies[0].template.as_ref().expect("a template");
        let sample = template.clone().into_sample(&plan.owner);
        assert_eq!(
            sample["spec"]["patches"],
            json!([patch("own"), patch("a"), patch("b"), patch("c")]),
            "though there is no cluster"
        );
        let table = [
            ("spec.patches[0].patch", "spec.syncPolicies[0].kustomization.patches[0].patch"),
            ("spec.patches[2].patch", "spec.syncPolicies[0].overrides[0].patches[1].patch"),
            ("spec.patches[3]", "spec.syncPolicies[0].overrides[2].patches[0]"),
            ("spec.patches[9]", "spec.syncPolicies[0].kustomization.patches[9]"),
            ("spec.patches", "spec.syncPolicies[0].kustomization.patches"),
            ("spec.path", "spec.syncPolicies[0].kustomization.path"),
            ("spec.sourceRef.kind", "spec.source"),
            ("spec.sourceReference", "spec.syncPolicies[0].kustomization.sourceReference"),
            ("spec.kubeConfig", "spec.syncPolicies[0].destination"),
            ("metadata.name", "spec.syncPolicies[0].name"),
            ("spec", "spec.syncPolicies[0].kustomization"),
        ];
        for (path, expected) in table {
            assert_eq!(template.trace(path), expected, "{path}");
        }
    }

    #[test]
    fn values_that_only_an_override_has_are_the_overrides() {
        let overrides = json!([{}, {"values": {"a": 1}}]);
        for (own, expected) in [
            (Value::Null, "spec.syncPolicies[0].overrides[1].values.a"),
            (json!({}), "spec.syncPolicies[0].helm.values.a"),
        ] {
            let plan = Plan::of(&application(helm(overrides.clone(), own)), &two_clusters());
            let template = plan.policies[0].template.as_ref().expect("a template");
            assert_eq!(template.trace("spec.values.a"), expected);
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<u8>().prop_map(Value::from), Just(json!([1, 2]))];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect()))
        })
    }

    proptest! {
        #[test]
        fn the_last_word_is_the_last_overrides(base in value(), one in value(), two in value()) {
            let mut merged = base.clone();
            merge(&mut merged, &one);
            merge(&mut merged, &two);
            // Whatever is no map in the last one stands as it is.
            let mut open = vec![(&merged, &two)];
            while let Some((merged, over)) = open.pop() {
                match over {
                    Value::Object(over) => open.extend(over.iter().map(|(key, over)| (&merged[key], over))),
                    over => prop_assert_eq!(merged, over),
                }
            }
            let before = merged.clone();
            merge(&mut merged, &two);
            prop_assert_eq!(merged, before);
        }
    }
}
