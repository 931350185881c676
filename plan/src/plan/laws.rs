//! What holds for every plan: what it costs, and what its names are like.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Plan;
use crate::names;
use crate::test_fixtures::{Scenario, application, rendered, source, two_clusters};

fn git_spec(policies: Value) -> Value {
    json!({"source": source("gitRepository"), "syncPolicies": policies})
}

/// An Application of 1.5 MB on a thousand clusters makes fifteen million
/// objects. To plan it may not.
#[test]
fn to_plan_costs_nothing_per_cluster() {
    let names: Vec<String> = (0..1_000).map(|index| format!("m{index}")).collect();
    let scenario =
        names.iter().fold(Scenario::new(), |scenario, name| scenario.cluster(name, &[("env", "test")]));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let catalog = scenario.fleet("quickstart", &names).catalog();
    let overrides =
        json!([{"clusterSelector": {"matchLabels": {"env": "test"}}, "patches": [{"patch": "p"}]}]);
    let policy = json!({
        "kustomization": {"interval": "5m", "prune": true, "dependsOn": [{"name": "shop-0"}]}, "overrides": overrides,
    });
    let mut spec = git_spec(json!(vec![policy; 15_000]));
    spec["destination"] = json!({"fleet": "quickstart"});
    let application = application(spec);
    let start = Instant::now();
    let plan = Plan::of(&application, &catalog);
    let took = start.elapsed();
    // Unoptimised and on a busy machine; the objects themselves would take minutes.
    assert!(took < Duration::from_mins(1), "{took:?}");
    let last = plan.policies[14_999].template.as_ref().expect("a template");
    let binding = last.bindings().nth(999).expect("a binding");
    assert_eq!(binding.name, "shop-14999-attachedcluster-m999");
    let object = last.render(&binding, &plan.owner);
    assert_eq!(object.data["spec"]["dependsOn"], json!([{"name": "shop-0-attachedcluster-m999"}]));
    assert_eq!(object.data["spec"]["patches"], json!([{"patch": "p"}]));
}

/// An Application of a few policies of either kind on some clusters.
fn any_spec() -> impl Strategy<Value = Value> {
    let policy = ("[a-z]{1,3}(-attachedcluster-m)?", any::<bool>(), 0..3_usize, "[a-z]{1,3}").prop_map(
        |(name, is_helm, destination, dependency)| {
            let destination = [
                Value::Null,
                json!({"fleet": "quickstart"}),
                json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "dev"}}}),
            ][destination]
                .clone();
            let depends_on = json!([{ "name": dependency }]);
            let kind = if is_helm { "helm" } else { "kustomization" };
            let body = json!({"interval": "5m", "prune": true, "dependsOn": depends_on});
            (name.clone(), json!({"name": name, "destination": destination, kind: body}))
        },
    );
    prop::collection::btree_map("[a-z]{1,2}", policy, 1..6).prop_map(|policies| {
        let distinct: BTreeMap<String, Value> = policies.into_values().collect();
        git_spec(distinct.into_values().collect())
    })
}

proptest! {
    #[test]
    fn a_plan_is_deterministic_and_its_names_are_legal_and_unique(spec in any_spec()) {
        let catalog = two_clusters();
        let objects = rendered(spec.clone(), &catalog);
        prop_assert_eq!(&objects, &rendered(spec.clone(), &catalog));
        let mut seen = BTreeSet::new();
        for object in &objects {
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            prop_assert!(name.len() <= names::MAX_NAME && !name.is_empty());
            prop_assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
            prop_assert!(seen.insert((object["kind"].to_string(), name)));
        }
        let plan = Plan::of(&application(spec), &catalog);
        let bound: usize = plan.templates().map(|template| template.bindings().count()).sum();
        prop_assert_eq!(objects.len(), bound);
        for template in plan.templates() {
            prop_assert!(template.trace("spec.interval").ends_with(".interval"));
        }
    }
}
