//! Small objects for tests: an Application, and a Catalog with the Fleet
//! `quickstart` of two clusters labelled `env=test` and `env=dev`.

use std::collections::{BTreeMap, BTreeSet};

use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster, ClusterKey, ClusterKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::credentials::Credentials;
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
    for (kind, name) in [
        (ClusterKind::Cluster, "kurators"),
        (ClusterKind::CustomCluster, "custom"),
        (ClusterKind::ClusterApi, "capi"),
    ] {
        let key = ClusterKey { namespace: "default".to_owned(), kind, name: name.to_owned() };
        catalog.insert_cluster(Cluster { key, labels: BTreeMap::new(), kubeconfig: None, lets_go: false });
    }
    catalog.insert_fleet(&fleet("quickstart"));
    catalog
}

/// That Catalog, with stored Applications of these names and specs, whose source is empty.
pub(crate) fn catalog_with(applications: &[(&str, Value)]) -> Catalog {
    let mut catalog = catalog();
    for (name, spec) in applications {
        let mut object = application(name, spec.clone());
        object["spec"]["source"] = json!({});
        object["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        catalog.insert_application(&serde_json::from_value(object).expect("an Application"));
    }
    catalog
}

/// The Secrets `m1`, with a kubeconfig under `value`, and `m1-exec`, with one
/// that runs a program.
pub(crate) fn credentials() -> Credentials {
    let mut credentials = Credentials::default();
    for (name, user) in [("m1", "token: t"), ("m1-exec", "exec: {command: sh}")] {
        let kubeconfig = format!(
            "clusters:\n- {{name: c, cluster: {{server: 'https://m1:6443'}}}}\nusers:\n- {{name: u, user: {{{user}}}}}\n\
             contexts:\n- {{name: x, context: {{cluster: c, user: u}}}}\ncurrent-context: x\n"
        );
        let secret =
            json!({"metadata": {"name": name, "namespace": "default"}, "stringData": {"value": kubeconfig}});
        credentials.insert_secret(serde_json::from_value(secret).expect("a Secret"));
    }
    credentials.insert_service_account("default", "deployer");
    credentials
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

pub(crate) fn fleet_object(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    })
}

pub(crate) fn cluster_object(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    })
}

/// What is said about an object of any kind, on an update beside the stored one.
pub(crate) fn said(object: &Value, stored: Option<&Value>, catalog: &Catalog) -> Vec<String> {
    let kind = object["kind"].as_str().expect("a kind");
    let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind).expect("a kind of ours");
    judge(kind, object.clone(), stored, catalog).findings.iter().map(ToString::to_string).collect()
}

/// What is said about a Fleet with that spec.
pub(crate) fn fleet_findings(spec: Value) -> Vec<Finding> {
    judge(Kind::Fleet, fleet_object("quickstart", spec), None, &catalog()).findings
}

/// The codes of those findings, as [`codes`] has them.
pub(crate) fn fleet_codes(spec: Value) -> String {
    codes_of(&fleet_findings(spec))
}

/// The codes of what is said about an AttachedCluster with that spec.
pub(crate) fn cluster_codes(spec: Value) -> String {
    codes_of(&judge(Kind::AttachedCluster, cluster_object("m1", spec), None, &catalog()).findings)
}

/// What is said about an Application with that spec.
pub(crate) fn findings(spec: Value) -> Vec<Finding> {
    judge(Kind::Application, application("shop", spec), None, &catalog()).findings
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
    codes_of(&judge(Kind::Application, application(name, spec), None, &catalog()).findings)
}

pub(crate) fn codes_of(findings: &[Finding]) -> String {
    let codes: BTreeSet<String> = findings
        .iter()
        .map(|finding| match finding.severity {
            Severity::Error => format!("E {}", finding.code),
            Severity::Warning => format!("W {}", finding.code),
        })
        .collect();
    codes.into_iter().collect::<Vec<_>>().join(", ")
}

/// Any JSON, its texts of the pattern `texts`, with these names where there are names.
pub(crate) fn any_json(texts: &'static str, names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        texts.prop_map(Value::from),
    ];
    let names = prop::sample::select(names);
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
