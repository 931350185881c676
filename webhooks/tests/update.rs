//! Updates, over the router: what is stored is not held against anyone, and
//! what a change takes away is said.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test says what it expects")]

mod support;

use fleetgate_plan::{Catalog, Cluster};
use fleetgate_webhooks::router::{MUTATE_PATH, VALIDATE_PATH};
use serde_json::{Value, json};

use support::{Fixed, application, cluster_request, fleet_request, good, post, request};

fn cluster(name: &str, env: &str) -> Value {
    json!({
        "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
        "metadata": {"name": name, "namespace": "default", "labels": {"env": env}},
        "spec": {"kubeconfig": {"name": name, "key": "value"}},
    })
}

fn fleet(clusters: &[&str]) -> Value {
    let clusters: Vec<Value> =
        clusters.iter().map(|name| json!({"kind": "AttachedCluster", "name": name})).collect();
    json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "quickstart", "namespace": "default"}, "spec": {"clusters": clusters},
    })
}

/// Two clusters in a Fleet, and an Application on the one that is labelled `env=test`.
fn snapshots() -> Fixed {
    let mut catalog = Catalog::default();
    for object in [cluster("m1", "test"), cluster("m2", "dev")] {
        let object = serde_json::from_value(object).expect("an AttachedCluster");
        catalog.insert_cluster(Cluster::from(&object));
    }
    catalog.insert_fleet(&serde_json::from_value(fleet(&["m1", "m2"])).expect("a Fleet"));
    let selector = json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "test"}}});
    let user = application(json!({"source": {}, "destination": selector, "syncPolicies": [{}]}));
    catalog.insert_application(&serde_json::from_value(user).expect("an Application"));
    Fixed { now: catalog, next: None }
}

fn warnings(response: &Value) -> Vec<&str> {
    response["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn a_stored_fault_does_not_keep_an_update_back() {
    let mut stored = good();
    stored["spec"]["syncPolicies"][0]["kustomization"]["interval"] = json!("often");
    let mut update = stored.clone();
    update["spec"]["source"]["gitRepository"]["interval"] = json!("10m");
    let body = request("UPDATE", update.clone(), stored.clone()).to_string();
    for path in [MUTATE_PATH, VALIDATE_PATH] {
        let response = post(path, body.clone(), Fixed::default()).await;
        assert_eq!(response["allowed"], true, "{response}");
        if path == VALIDATE_PATH {
            let [warning] = warnings(&response)[..] else { panic!("{response}") };
            assert!(
                warning.contains("stored so already") && warning.ends_with("[source/interval]"),
                "{warning}"
            );
        }
    }
    update["spec"]["source"]["gitRepository"]["interval"] = json!("seldom");
    let response = post(MUTATE_PATH, request("UPDATE", update, stored).to_string(), Fixed::default()).await;
    assert_eq!(response["allowed"], false);
    let causes = response["status"]["details"]["causes"].as_array().expect("causes");
    let fields: Vec<&str> = causes.iter().filter_map(|cause| cause["field"].as_str()).collect();
    assert_eq!(fields, ["spec.source.gitRepository.interval"]);
}

#[tokio::test]
async fn what_a_fleet_loses_is_said() {
    let body = fleet_request("UPDATE", fleet(&["m2"]), fleet(&["m1", "m2"])).to_string();
    let response = post(VALIDATE_PATH, body, snapshots()).await;
    assert_eq!(response["allowed"], true, "{response}");
    let [removal, mass] = warnings(&response)[..] else { panic!("{response}") };
    assert!(removal.contains("\"m1\" leaves the Fleet") && removal.ends_with("[fleet/removal]"), "{removal}");
    assert!(mass.contains("Application \"shop\"") && mass.ends_with("[selector/mass-removal]"), "{mass}");
}

#[tokio::test]
async fn other_labels_are_warned_about_and_nothing_more() {
    let body = cluster_request("UPDATE", cluster("m1", "dev"), cluster("m1", "test")).to_string();
    for path in [MUTATE_PATH, VALIDATE_PATH] {
        let response = post(path, body.clone(), snapshots()).await;
        assert_eq!(response["allowed"], true, "{response}");
        assert_eq!(response.get("patch"), None);
        let codes: Vec<&str> =
            warnings(&response).iter().filter_map(|text| text.rsplit(' ').next()).collect();
        let expected: &[&str] = if path == VALIDATE_PATH { &["[selector/mass-removal]"] } else { &[] };
        assert_eq!(codes, expected, "{path}");
    }
    // Nothing else of an object whose spec stays is judged.
    let mut broken = cluster("m1", "test");
    broken["spec"]["kubeconfig"]["name"] = json!("m1/a");
    let mut annotated = broken.clone();
    annotated["metadata"]["annotations"] = json!({"a": "b"});
    let response =
        post(VALIDATE_PATH, cluster_request("UPDATE", annotated, broken).to_string(), snapshots()).await;
    assert_eq!((&response["allowed"], response.get("warnings")), (&json!(true), None), "{response}");
}

#[tokio::test]
async fn a_preview_comes_with_the_update() {
    let with = |env: &str| {
        let mut object = good();
        object["spec"]["destination"] =
            json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": env}}});
        object
    };
    let response =
        post(VALIDATE_PATH, request("UPDATE", with("dev"), with("test")).to_string(), snapshots()).await;
    assert_eq!(
        warnings(&response),
        [
            "spec.destination: removes policy \"shop-0\" from \"m1\", and brings it to \"m2\" [selector/preview]"
        ]
    );
}

#[tokio::test]
async fn the_largest_that_may_be_created_may_be_updated_when_it_has_a_status() {
    let policy = |index: usize| json!({"kustomization": {"interval": "5m0s", "path": format!("./{index}"), "prune": true, "force": false}});
    let mut object = good();
    object["spec"]["syncPolicies"] = (0..5_000).map(policy).collect();
    let created =
        post(VALIDATE_PATH, request("CREATE", object.clone(), json!(null)).to_string(), Fixed::default());
    assert_eq!(created.await["allowed"], true);
    let listed: Vec<Value> =
        (0..100).map(|index| json!({"name": format!("shop-{index}"), "ready": "1/1"})).collect();
    object["status"] = json!({"policies": listed});
    let mut changed = object.clone();
    changed["metadata"]["annotations"] = json!({"note": "changed"});
    changed["spec"]["syncPolicies"][0]["kustomization"]["interval"] = json!("6m0s");
    let updated = post(VALIDATE_PATH, request("UPDATE", changed, object).to_string(), Fixed::default()).await;
    assert_eq!(updated["allowed"], true, "{}", updated["status"]);
}
