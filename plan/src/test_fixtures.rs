//! Small objects for tests: chained builders, one `Scenario` per test.

use std::sync::Arc;

use fleetgate_api::application::SyncPolicy;
use fleetgate_api::{Application, Destination, Fleet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::{Catalog, Cluster, ClusterKey, ClusterKind, KubeconfigRef, Plan, Target};

/// Fleets and clusters in the namespace `default`.
#[derive(Default)]
pub(crate) struct Scenario {
    catalog: Catalog,
}

impl Scenario {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn over(catalog: Catalog) -> Self {
        Self { catalog }
    }

    pub(crate) fn cluster(mut self, name: &str, labels: &[(&str, &str)]) -> Self {
        self.catalog.insert_cluster(cluster(name, labels));
        self
    }

    pub(crate) fn cluster_without_kubeconfig(mut self, name: &str) -> Self {
        let cluster = Cluster { kubeconfig: None, ..cluster(name, &[]) };
        self.catalog.insert_cluster(cluster);
        self
    }

    pub(crate) fn fleet(self, name: &str, clusters: &[&str]) -> Self {
        self.fleet_with(name, clusters, json!(null))
    }

    /// A Fleet of one cluster, named by that kind.
    pub(crate) fn fleet_of_kind(mut self, name: &str, cluster: &str, kind: &str) -> Self {
        let fleet: Fleet = serde_json::from_value(json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"clusters": [{"name": cluster, "kind": "AttachedCluster"}, {"name": cluster, "kind": kind}]},
        }))
        .expect("a Fleet");
        self.catalog.insert_fleet(&fleet);
        self
    }

    pub(crate) fn fleet_by_label(self, name: &str, clusters: &[&str], labels: &[(&str, &str)]) -> Self {
        let labels: serde_json::Map<String, Value> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        self.fleet_with(name, clusters, json!({ "matchLabels": labels }))
    }

    pub(crate) fn application(mut self, name: &str, spec: Value) -> Self {
        self.catalog.insert_application(&application_named(name, spec));
        self
    }

    /// One that is on its way out.
    pub(crate) fn deleted_application(mut self, name: &str, spec: Value) -> Self {
        let mut application = application_named(name, spec);
        application.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        self.catalog.insert_application(&application);
        self
    }

    fn fleet_with(mut self, name: &str, clusters: &[&str], selector: Value) -> Self {
        let clusters: Vec<Value> =
            clusters.iter().map(|name| json!({"name": name, "kind": "AttachedCluster"})).collect();
        let fleet: Fleet = serde_json::from_value(json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"clusters": clusters, "clusterSelector": selector},
        }))
        .expect("a Fleet");
        self.catalog.insert_fleet(&fleet);
        self
    }

    pub(crate) fn catalog(self) -> Catalog {
        self.catalog
    }
}

pub(crate) fn cluster(name: &str, labels: &[(&str, &str)]) -> Cluster {
    Cluster {
        key: ClusterKey {
            namespace: "default".into(),
            kind: ClusterKind::AttachedCluster,
            name: name.into(),
        },
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        kubeconfig: Some(KubeconfigRef { secret: name.into(), key: "value".into() }),
        lets_go: false,
    }
}

/// A Fleet of AttachedClusters in `default`.
pub(crate) fn fleet(name: &str, clusters: &[&str]) -> Fleet {
    let clusters: Vec<Value> =
        clusters.iter().map(|name| json!({"name": name, "kind": "AttachedCluster"})).collect();
    serde_json::from_value(json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": name, "namespace": "default"}, "spec": {"clusters": clusters},
    }))
    .expect("a Fleet")
}

/// One that is stored.
fn application_named(name: &str, spec: Value) -> Application {
    let mut application = application(spec);
    application.metadata.name = Some(name.to_owned());
    application.metadata.creation_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    application
}

/// An Application `shop` in `default`; a missing source is an empty one.
pub(crate) fn application(spec: Value) -> Application {
    application_with(json!({}), spec)
}

/// The same with labels of its own.
fn application_with(labels: Value, mut spec: Value) -> Application {
    if spec.get("source").is_none() {
        spec["source"] = json!({});
    }
    serde_json::from_value(json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "default", "uid": "u1", "labels": labels},
        "spec": spec,
    }))
    .expect("an Application")
}

/// Every object that an Application of that spec becomes.
pub(crate) fn rendered(spec: Value, catalog: &Catalog) -> Vec<Value> {
    rendered_with(json!({}), spec, catalog)
}

/// The same of an Application with labels of its own.
pub(crate) fn rendered_with(labels: Value, spec: Value, catalog: &Catalog) -> Vec<Value> {
    let plan = Plan::of(&application_with(labels, spec), catalog);
    let objects = plan.objects().map(|(_, object)| serde_json::to_value(object));
    objects.collect::<Result<_, _>>().expect("objects serialise")
}

/// The Fleet `quickstart` of `m1`, with `env=test`, and `m2`, with `env=dev`.
pub(crate) fn two_clusters() -> Catalog {
    Scenario::new()
        .cluster("m1", &[("env", "test")])
        .cluster("m2", &[("env", "dev")])
        .fleet("quickstart", &["m1", "m2"])
        .catalog()
}

/// A source of that kind.
pub(crate) fn source(field: &str) -> Value {
    let url = match field {
        "ociRepository" => "oci://e.com/a",
        _ => "https://e.com/r",
    };
    match field {
        "bucket" => json!({"bucket": {"bucketName": "b", "endpoint": "e.com", "interval": "3m"}}),
        field => json!({ field: {"url": url, "interval": "3m"} }),
    }
}

pub(crate) fn destination(value: Value) -> Destination {
    serde_json::from_value(value).expect("a destination")
}

pub(crate) fn policy(name: Option<&str>) -> SyncPolicy {
    serde_json::from_value(json!({ "name": name })).expect("a policy")
}

pub(crate) fn names(targets: &[Target]) -> Vec<&str> {
    targets.iter().map(Target::name).collect()
}

pub(crate) fn member_names(members: &[Arc<Cluster>]) -> Vec<&str> {
    members.iter().map(|cluster| cluster.key.name.as_str()).collect()
}
