//! What Flux substitutes in the manifests of a kustomization, cluster by cluster.
//!
//! A policy that sets `postBuild.substitute`, be it to nothing, gets the
//! cluster's variables beside its own: `cluster_name`, and `cluster_label_<key>`
//! for every label, with `_` for whatever a variable's name may not have. One
//! that does not is left alone: to Flux it takes a single variable to replace
//! every `${…}` of the manifests, and a script in them would lose its own. What
//! the user sets wins. The host cluster has neither name nor labels here.

use serde_json::{Map, Value, json};

use crate::{Cluster, FluxKind};

/// Adds the variables of `cluster` to the spec of a kustomization that asks for them.
pub(crate) fn fill(spec: &mut Map<String, Value>, cluster: &Cluster, kind: FluxKind) {
    if kind != FluxKind::Kustomization {
        return;
    }
    let substitute = spec.get_mut("postBuild").and_then(|post_build| post_build.get_mut("substitute"));
    let Some(Value::Object(variables)) = substitute else {
        return;
    };
    variables.entry("cluster_name").or_insert_with(|| json!(cluster.key.name));
    // Of two keys that make one name, the first in alphabetical order.
    for (key, value) in &cluster.labels {
        variables.entry(name_of(key)).or_insert_with(|| json!(value));
    }
}

/// The variable that holds the label `key`.
fn name_of(key: &str) -> String {
    let legal = key.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '_' });
    format!("cluster_label_{}", legal.collect::<String>())
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{Scenario, rendered, source};
    use serde_json::{Value, json};

    /// `postBuild` of the one object that such a policy becomes.
    fn post_build(destination: Value, post_build: Value) -> Value {
        let labels =
            [("env", "test"), ("topology.kubernetes.io/region", "eu"), ("a.b", "first"), ("a_b", "second")];
        let catalog = Scenario::new().cluster("m1", &labels).fleet("quickstart", &["m1"]).catalog();
        let kustomization = json!({"interval": "5m", "prune": true, "postBuild": post_build});
        let policies = json!([{"destination": destination, "kustomization": kustomization}]);
        let objects =
            rendered(json!({"source": source("gitRepository"), "syncPolicies": policies}), &catalog);
        objects[1]["spec"].get("postBuild").cloned().unwrap_or_default()
    }

    #[test]
    fn a_cluster_adds_its_variables_where_substitution_is_asked_for() {
        let member = || json!({"fleet": "quickstart"});
        let all = json!({
            "cluster_name": "m1", "cluster_label_env": "test", "cluster_label_a_b": "first",
            "cluster_label_topology_kubernetes_io_region": "eu",
        });
        assert_eq!(post_build(member(), json!({"substitute": {}})), json!({"substitute": all}));
        let mut own = all.clone();
        own["cluster_label_env"] = json!("mine");
        own["tier"] = json!("1");
        let set = json!({"substitute": {"cluster_label_env": "mine", "tier": "1"}});
        assert_eq!(post_build(member(), set), json!({"substitute": own}));
    }

    #[test]
    fn nothing_is_added_unasked() {
        let from = json!({"substituteFrom": [{"kind": "ConfigMap", "name": "vars"}]});
        let table = [
            (json!({"fleet": "quickstart"}), Value::Null),
            (json!({"fleet": "quickstart"}), json!({})),
            (json!({"fleet": "quickstart"}), from),
            (Value::Null, json!({"substitute": {"a": "b"}})),
        ];
        for (destination, set) in table {
            assert_eq!(post_build(destination.clone(), set.clone()), set, "{destination} {set}");
        }
    }
}
