//! Clusters that others provision. Their CRDs come when Fleetgate runs already.

use fleetgate_plan::ClusterKind;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::json;

use super::*;
use crate::replica::Replica;
use crate::support::install_crds;

/// Installs a kind of cluster in these versions, as small as a CRD can be.
pub(crate) async fn install(sandbox: &Sandbox, kind: ClusterKind, versions: &[&str]) {
    let last = versions.last();
    let versions = versions.iter().map(|version| {
        json!({"name": version, "served": true, "storage": Some(version) == last, "schema": {"openAPIV3Schema": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": true,
        }}})
    });
    let crd: CustomResourceDefinition = serde_json::from_value(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name(), "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}},
        "spec": {
            "group": kind.group(), "scope": "Namespaced", "versions": versions.collect::<Vec<_>>(),
            "names": {
                "kind": kind.as_str(), "plural": kind.plural(), "singular": kind.as_str().to_lowercase(),
                "listKind": format!("{}List", kind.as_str()),
            },
        },
    }))
    .expect("a CRD");
    install_crds(sandbox, &[crd]).await;
}

fn api_version(kind: ClusterKind, version: &str) -> String {
    format!("{}/{version}", kind.group())
}

/// A namespace with the Fleet `quickstart` of these kinds' clusters `prod`, and
/// what the Fleet's admission says.
async fn fleet_of(sandbox: &Sandbox, namespace: &str, kinds: &[(ClusterKind, &str)]) -> String {
    kubectl(sandbox, &["create", "namespace", namespace]).await;
    member_namespace(sandbox, namespace).await;
    fleet(sandbox, namespace, kinds).await
}

async fn fleet(sandbox: &Sandbox, namespace: &str, kinds: &[(ClusterKind, &str)]) -> String {
    let clusters = kinds.iter().map(|(kind, version)| {
        json!({"apiVersion": api_version(*kind, version), "kind": kind.as_str(), "name": "prod"})
    });
    let fleet = json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "quickstart", "namespace": namespace},
        "spec": {"clusters": clusters.collect::<Vec<_>>()},
    });
    let answer = apply(sandbox, &fleet.to_string()).await;
    assert!(answer.success(), "{}", answer.stderr);
    answer.stderr
}

/// The kubeconfig of a member as a provisioner would leave it.
pub(super) async fn kubeconfig(sandbox: &Sandbox, namespace: &str, name: &str, member: &str) {
    let secret = ["get", "secret", member, "--namespace", "default", "--output", "json"];
    let secret: Value = serde_json::from_str(&kubectl(sandbox, &secret).await.stdout).expect("JSON");
    let data = secret["data"].as_object().expect("data").values().next().cloned();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace}, "data": {"value": data},
    });
    assert!(apply(sandbox, &secret.to_string()).await.success());
}

pub(super) async fn cluster(
    sandbox: &Sandbox,
    namespace: &str,
    kind: ClusterKind,
    version: &str,
    status: Value,
) {
    let cluster = json!({
        "apiVersion": api_version(kind, version), "kind": kind.as_str(),
        "metadata": {"name": "prod", "namespace": namespace, "labels": {"env": "test"}}, "status": status,
    });
    let answer = apply(sandbox, &cluster.to_string()).await;
    assert!(answer.success(), "{}", answer.stderr);
}

/// Kurator says where the kubeconfig is once the cluster is up; until then
/// nothing is written that would land on the host.
#[tokio::test]
async fn a_cluster_of_kurators() {
    let (sandbox, namespace, kind) = (delivery(), "of-kurator", ClusterKind::Cluster);
    install(sandbox, kind, &["v1alpha1"]).await;
    kubectl(sandbox, &["create", "namespace", namespace]).await;
    member_namespace(sandbox, namespace).await;
    kubeconfig(sandbox, namespace, "admin-of-prod", "kurator-member1").await;
    cluster(sandbox, namespace, kind, "v1alpha1", json!({})).await;
    let admitted = until("the Fleet to be admitted without a warning", PATIENCE, async || {
        let said = fleet(sandbox, namespace, &[(kind, "v1alpha1")]).await;
        Ok(if said.is_empty() { Probe::Done(()) } else { Probe::NotYet(said) })
    });
    admitted.await.expect("the webhook knows the cluster");
    assert!(apply(sandbox, &selected(namespace, &[("web", "env: test")])).await.success());
    becomes(sandbox, namespace, "shop", "False DestinationNotFound …prod (names no kubeconfig Secret)").await;
    assert_eq!(kustomizations(sandbox, namespace).await, [""; 0]);

    cluster(sandbox, namespace, kind, "v1alpha1", json!({"kubeconfigSecretRef": "admin-of-prod"})).await;
    becomes(sandbox, namespace, "shop", "True Succeeded 1/1").await;
    assert_eq!(kustomizations(sandbox, namespace).await, ["web-cluster-prod"]);
    deployments(sandbox.member_client(0).expect("a member"), namespace, &["podinfo"]).await;
}

/// The CRD comes, is renewed and goes, and everything follows it.
#[tokio::test]
async fn a_custom_cluster_whose_crd_comes_later() {
    let (sandbox, namespace, kind) = (delivery(), "custom", ClusterKind::CustomCluster);
    // It looks after nothing that there is, and knows of all clusters.
    let onlooker = Replica::start(sandbox, &["--watch-namespaces", "custom-onlooker"]);
    let warned = fleet_of(sandbox, namespace, &[(kind, "v1alpha1")]).await;
    assert!(warned.contains("there is no CustomCluster of that name"), "{warned}");
    kubeconfig(sandbox, namespace, "prod-kubeconfig", "kurator-member1").await;
    assert!(apply(sandbox, &selected(namespace, &[("web", "env: test")])).await.success());
    becomes(sandbox, namespace, "shop", "False DestinationNotFound …CustomCluster/prod").await;

    install(sandbox, kind, &["v1alpha1"]).await;
    cluster(sandbox, namespace, kind, "v1alpha1", json!({})).await;
    becomes(sandbox, namespace, "shop", "True Succeeded 1/1").await;
    assert_eq!(kustomizations(sandbox, namespace).await, ["web-customcluster-prod"]);
    let watch = "fleetgate_watch_age_seconds{watch=\"CustomCluster\"}";
    onlooker.says(watch, PATIENCE).await;

    install(sandbox, kind, &["v1alpha1", "v1beta1"]).await;
    let resource = format!("{}/prod", kind.crd_name());
    kubectl(sandbox, &["label", &resource, "env=dev", "--overwrite", "--namespace", namespace]).await;
    becomes(sandbox, namespace, "shop", "False NoClusters 0/0").await;
    kubectl(sandbox, &["label", &resource, "env=test", "--overwrite", "--namespace", namespace]).await;
    becomes(sandbox, namespace, "shop", "True Succeeded 1/1").await;

    // Nobody decided that the cluster is to be left.
    kubectl(sandbox, &["delete", "crd", &kind.crd_name(), "--timeout=60s"]).await;
    becomes(sandbox, namespace, "shop", "False DestinationNotFound").await;
    assert_eq!(kustomizations(sandbox, namespace).await, ["web-customcluster-prod"]);
    onlooker.says_nothing_of(watch, PATIENCE).await;
    deployments(sandbox.member_client(0).expect("a member"), namespace, &["podinfo"]).await;
}

/// Kurator makes a Cluster of Cluster API for each of its own, of the same name.
#[tokio::test]
async fn two_clusters_of_one_name() {
    let (sandbox, namespace) = (delivery(), "one-name");
    let kinds = [(ClusterKind::Cluster, "v1alpha1"), (ClusterKind::ClusterApi, "v1beta2")];
    let warned = fleet_of(sandbox, namespace, &kinds).await;
    assert!(warned.contains("there is no Cluster.cluster.x-k8s.io of that name"), "{warned}");
    kubeconfig(sandbox, namespace, "of-prod", "kurator-member1").await;
    kubeconfig(sandbox, namespace, "prod-kubeconfig", "kurator-member2").await;
    assert!(apply(sandbox, &selected(namespace, &[("web", "env: test")])).await.success());
    for (kind, version) in kinds {
        install(sandbox, kind, &[version]).await;
        cluster(sandbox, namespace, kind, version, json!({"kubeconfigSecretRef": "of-prod"})).await;
    }
    becomes(sandbox, namespace, "shop", "True Succeeded 2/2").await;
    assert_eq!(kustomizations(sandbox, namespace).await, ["web-cluster-prod", "web-clusterapi-prod"]);
    for index in 0..2 {
        deployments(sandbox.member_client(index).expect("a member"), namespace, &["podinfo"]).await;
    }
}
