//! Small objects for the tests of commands.

use fleetgate_api::{Application, AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster};
use fleetgate_webhooks::Kind;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn object<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).expect("an object")
}

/// The Application `shop` with those policies to the Fleet `quickstart`, as it is stored.
pub(super) fn application(policies: Value, status: Value) -> Application {
    let mut application = json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {
            "name": "shop", "namespace": "default", "uid": "u1", "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "source": {"gitRepository": {"url": "https://e.com/shop", "interval": "5m"}},
            "destination": {"fleet": "quickstart"}, "syncPolicies": policies,
        },
        "status": status,
    });
    Kind::Application.schema().prepare(&mut application);
    object(application)
}

/// The clusters `m1` (`env=test`) and `m2` (`env=dev`), each with its own Secret.
pub(super) fn clusters() -> [AttachedCluster; 2] {
    [("m1", "test"), ("m2", "dev")].map(|(name, env)| {
        object(json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": name, "namespace": "default", "labels": {"env": env}},
            "spec": {"kubeconfig": {"name": format!("{name}-kubeconfig")}},
        }))
    })
}

/// The Fleet `quickstart` of those clusters.
pub(super) fn fleet(clusters: &[&str]) -> Fleet {
    let clusters: Vec<Value> =
        clusters.iter().map(|name| json!({"kind": "AttachedCluster", "name": name})).collect();
    object(json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "quickstart", "namespace": "default"}, "spec": {"clusters": clusters},
    }))
}

/// The clusters, and the Fleet of those that are named.
pub(super) fn catalog(listed: &[&str]) -> Catalog {
    let mut catalog = Catalog::default();
    for cluster in clusters() {
        catalog.insert_cluster(Cluster::from(&cluster));
    }
    catalog.insert_fleet(&fleet(listed));
    catalog
}
