//! Small objects for tests: an Application, and a Catalog with the Fleet
//! `quickstart` of two clusters labelled `env=test` and `env=dev`.

use std::collections::BTreeSet;

use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster};
use serde_json::{Value, json};

use crate::finding::{Finding, Severity};
use crate::judge::judge;
use crate::schema::Kind;

pub(crate) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for (name, env) in [("m1", "test"), ("m2", "dev")] {
        let cluster: AttachedCluster = serde_json::from_value(json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": name, "namespace": "default", "labels": {"env": env}},
            "spec": {"kubeconfig": {"name": name, "key": "value"}},
        }))
        .expect("an AttachedCluster");
        catalog.insert_cluster(Cluster::from(&cluster));
    }
    catalog.insert_fleet(&fleet("quickstart"));
    catalog
}

pub(crate) fn fleet(name: &str) -> Fleet {
    serde_json::from_value(json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusters": [{"name": "m1", "kind": "AttachedCluster"}, {"name": "m2", "kind": "AttachedCluster"}]},
    }))
    .expect("a Fleet")
}

pub(crate) fn git_source() -> Value {
    json!({"gitRepository": {"url": "https://github.com/o/r", "interval": "3m0s", "ref": {"branch": "main"}}})
}

pub(crate) fn kustomization() -> Value {
    json!({"interval": "5m0s", "path": "./deploy", "prune": true})
}

/// Each kustomization with a folder of its own: two of one folder fight.
pub(crate) fn apart(mut policies: Value) -> Value {
    for (index, policy) in policies.as_array_mut().into_iter().flatten().enumerate() {
        if let Some(path) = policy.pointer_mut("/kustomization/path") {
            *path = json!(format!("./deploy/{index}"));
        }
    }
    policies
}

pub(crate) fn application(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    })
}

/// What is said about an Application with that spec.
pub(crate) fn findings(spec: Value) -> Vec<Finding> {
    judge(Kind::Application, &application("shop", spec), None, &catalog()).findings
}

/// The codes of those findings, each once, as `E source/url, W ref/fleet`.
pub(crate) fn codes(spec: Value) -> String {
    codes_named("shop", spec)
}

/// The same for an Application of that name; an empty spec is a valid one.
pub(crate) fn codes_named(name: &str, mut spec: Value) -> String {
    if spec == json!({}) {
        spec = json!({"source": git_source(), "syncPolicies": [{"kustomization": kustomization()}]});
    }
    let verdict = judge(Kind::Application, &application(name, spec), None, &catalog());
    let codes: BTreeSet<String> = verdict
        .findings
        .iter()
        .map(|finding| match finding.severity {
            Severity::Error => format!("E {}", finding.code),
            Severity::Warning => format!("W {}", finding.code),
        })
        .collect();
    codes.into_iter().collect::<Vec<_>>().join(", ")
}
