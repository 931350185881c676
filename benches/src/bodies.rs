//! The requests and the Catalogs that reviews are measured with, made from the
//! examples.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster};
use fleetgate_webhooks::{Kind, judge};
use serde_json::{Value, json};

/// The Fleet that they are sent to, whichever the example names.
pub(crate) const FLEET: &str = "quickstart";

/// An example, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Bodies {
    /// As the user applies it, for the mutating endpoint.
    pub(crate) mutating: Vec<u8>,
    /// As the mutating endpoint has left it, for the validating one.
    pub(crate) validating: Vec<u8>,
}

/// The first Application of that file under `examples/`.
pub(crate) fn application(file: &str) -> anyhow::Result<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text)?;
    let mut application = documents
        .into_iter()
        .find(|document| document["kind"] == "Application")
        .with_context(|| format!("no Application in {file}"))?;
    application["metadata"]["namespace"] = json!("default");
    if let Some(fleet) = application.pointer_mut("/spec/destination/fleet") {
        *fleet = json!(FLEET);
    }
    Ok(application)
}

/// One of many made of an example, by its number: no two Applications make one
/// object, and one workload has one rollout in a cluster.
pub(crate) fn numbered(example: &Value, number: usize) -> Value {
    let mut application = example.clone();
    application["metadata"]["name"] = json!(format!("app-{number}"));
    for policy in application["spec"]["syncPolicies"].as_array_mut().into_iter().flatten() {
        if let Some(name) = policy.get_mut("name") {
            *name = json!(format!("app-{number}"));
        }
        // What is delivered where the rollout looks for it.
        for namespace in ["/rollout/workload/namespace", "/kustomization/targetNamespace"] {
            if let Some(namespace) = policy.pointer_mut(namespace) {
                *namespace = json!(format!("ns-{number}"));
            }
        }
    }
    application
}

/// The requests for the example in that file, and that it has no findings.
pub(crate) fn of(file: &str, clusters: usize) -> anyhow::Result<Bodies> {
    let application = application(file)?;
    let verdict = judge(Kind::Application, application.clone(), None, &catalog(clusters)?);
    for finding in &verdict.findings {
        println!("{file} has a finding, so that the figure is not that of a clean review: {finding}");
    }
    Ok(Bodies { mutating: review(&application)?, validating: review(&verdict.object)? })
}

fn review(object: &Value) -> anyhow::Result<Vec<u8>> {
    let kind = json!({"group": "apps.kurator.dev", "version": "v1alpha1", "kind": "Application"});
    let resource = json!({"group": "apps.kurator.dev", "version": "v1alpha1", "resource": "applications"});
    let review = json!({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "d51abad1-5a08-4bf6-90b3-6ba0dbc3790a",
            "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
            "name": object["metadata"]["name"], "namespace": "default", "operation": "CREATE",
            "userInfo": {"username": "admin", "groups": ["system:masters", "system:authenticated"]},
            "object": object, "oldObject": null, "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    });
    Ok(serde_json::to_vec(&review)?)
}

/// That many clusters, and the Fleet of all of them.
pub(crate) fn fleet(clusters: usize) -> (Vec<Value>, Value) {
    let name = |index: usize| format!("member-{index}");
    let cluster = |index: usize| {
        let env = if index.is_multiple_of(2) { "test" } else { "dev" };
        json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": name(index), "namespace": "default", "labels": {"env": env}},
            "spec": {"kubeconfig": {"name": name(index), "key": "value"}},
        })
    };
    let listed: Vec<Value> =
        (0..clusters).map(|index| json!({"kind": "AttachedCluster", "name": name(index)})).collect();
    // What the rollouts of the examples ask of a Fleet.
    let plugin = json!({"flagger": {"trafficRoutingProvider": "nginx"}});
    let fleet = json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": FLEET, "namespace": "default"}, "spec": {"clusters": listed, "plugin": plugin},
    });
    ((0..clusters).map(cluster).collect(), fleet)
}

/// A Catalog with that many clusters in one Fleet.
pub(crate) fn catalog(clusters: usize) -> anyhow::Result<Catalog> {
    let mut catalog = Catalog::default();
    let (clusters, fleet) = fleet(clusters);
    for cluster in clusters {
        catalog.insert_cluster(Cluster::from(&serde_json::from_value::<AttachedCluster>(cluster)?));
    }
    catalog.insert_fleet(&serde_json::from_value::<Fleet>(fleet)?);
    Ok(catalog)
}
