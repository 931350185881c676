//! Deletions, over the router: what is in use is not deleted, and whatever is
//! on its way out is in nobody's way.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test says what it expects")]

mod support;

use fleetgate_plan::{Catalog, Cluster};
use fleetgate_webhooks::router::{MUTATE_PATH, VALIDATE_PATH};
use serde_json::{Value, json};

use support::{Fixed, application, bad, cluster_request, fleet_request, post, request};

fn stored_fleet() -> Value {
    json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "quickstart", "namespace": "default"},
        "spec": {"clusters": [{"kind": "AttachedCluster", "name": "m1"}]},
    })
}

fn stored_cluster() -> Value {
    json!({
        "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
        "metadata": {"name": "m1", "namespace": "default"},
        "spec": {"kubeconfig": {"name": "m1", "key": "value"}},
    })
}

/// An Application that delivers to the Fleet of the one cluster.
fn user() -> Value {
    application(json!({"source": {}, "destination": {"fleet": "quickstart"}, "syncPolicies": [{}]}))
}

fn deleted(mut object: Value) -> Value {
    object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    object
}

fn catalog(applications: &[Value]) -> Catalog {
    let mut catalog = Catalog::default();
    catalog.insert_fleet(&serde_json::from_value(stored_fleet()).expect("a Fleet"));
    let cluster = serde_json::from_value(stored_cluster()).expect("an AttachedCluster");
    catalog.insert_cluster(Cluster::from(&cluster));
    for application in applications {
        catalog.insert_application(&serde_json::from_value(application.clone()).expect("an Application"));
    }
    catalog
}

fn fixed(applications: &[Value]) -> Fixed {
    Fixed { now: catalog(applications), next: None }
}

fn deletion_of_fleet() -> Value {
    fleet_request("DELETE", Value::Null, stored_fleet())
}

#[tokio::test]
async fn what_is_in_use_is_not_deleted() {
    let table = [
        (
            deletion_of_fleet(),
            "The Fleet \"quickstart\" is in use: Application \"shop\" delivers to it; \
             delete them first, or give them another destination [fleet/in-use]",
        ),
        (
            cluster_request("DELETE", Value::Null, stored_cluster()),
            "The AttachedCluster \"m1\" is in use: Application \"shop\" delivers to it by Fleet \"quickstart\"; \
             take it out of the Fleet first, or delete the Applications [cluster/in-use]",
        ),
    ];
    for (request, message) in table {
        let response = post(VALIDATE_PATH, request.to_string(), fixed(&[user()])).await;
        assert_eq!(response["allowed"], false, "{response}");
        let status = &response["status"];
        assert_eq!(status["message"], message);
        assert_eq!((&status["reason"], &status["code"]), (&json!("Forbidden"), &json!(403)));
        assert_eq!(status["details"]["name"], request["request"]["name"]);
    }
}

#[tokio::test]
async fn what_nobody_uses_is_let_go() {
    let mut terminating = catalog(&[user()]);
    terminating.set_terminating("default", true);
    let terminating = Fixed { now: terminating, next: None };
    let table = [
        ("no Application", deletion_of_fleet(), fixed(&[])),
        ("an Application on its way out", deletion_of_fleet(), fixed(&[deleted(user())])),
        (
            "a Fleet on its way out",
            fleet_request("DELETE", Value::Null, deleted(stored_fleet())),
            fixed(&[user()]),
        ),
        ("a namespace on its way out", deletion_of_fleet(), terminating),
        ("an Application", request("DELETE", Value::Null, bad()), fixed(&[user()])),
        (
            "a Fleet that cannot be read",
            fleet_request("DELETE", Value::Null, json!("text")),
            fixed(&[user()]),
        ),
        ("nothing", fleet_request("DELETE", Value::Null, Value::Null), fixed(&[user()])),
    ];
    for (what, request, snapshots) in table {
        let response = post(VALIDATE_PATH, request.to_string(), snapshots).await;
        assert_eq!(response["allowed"], true, "{what}: {response}");
    }
    // The mutating configuration asks for no deletions.
    let response = post(MUTATE_PATH, deletion_of_fleet().to_string(), fixed(&[user()])).await;
    assert_eq!(response["allowed"], true);
}

#[tokio::test]
async fn an_application_of_the_same_delete_is_waited_for() {
    let waits = Fixed { now: catalog(&[user()]), next: Some(catalog(&[deleted(user())])) };
    let response = post(VALIDATE_PATH, deletion_of_fleet().to_string(), waits).await;
    assert_eq!(response["allowed"], true, "{response}");
}
