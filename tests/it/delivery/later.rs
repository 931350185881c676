//! What changes later: the new is there before the old goes, on the host, too.

use super::*;

const MEMBERS: [&str; 2] = ["kurator-member1", "kurator-member2"];

/// One policy with a folder of its own, with that destination.
fn placed(namespace: &str, destination: &str) -> String {
    let on_test = "destination: {fleet: quickstart, clusterSelector: {matchLabels: {env: test}}}";
    selected(namespace, &[("web", "env: test")]).replace(on_test, destination)
}

const FLEET: &str = "destination: {fleet: quickstart}";

fn member(sandbox: &Sandbox, index: usize) -> Client {
    sandbox.member_client(index).expect("a member")
}

async fn delete_shop(sandbox: &Sandbox, namespace: &str) {
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", namespace, "--timeout=60s"]).await;
    gone(sandbox, namespace).await;
}

/// Waits until these are the Kustomizations.
async fn children(sandbox: &Sandbox, namespace: &str, expected: &[&str]) {
    let seen = until("the Kustomizations", PATIENCE, async || {
        let names = kustomizations(sandbox, namespace).await;
        Ok(if names == expected { Probe::Done(()) } else { Probe::NotYet(names.join(" ")) })
    });
    seen.await.expect("the Kustomizations");
}

/// The Fleet's clusters, edited as a user does.
async fn fleet_of(sandbox: &Sandbox, namespace: &str, clusters: &[&str]) {
    let clusters: Vec<Value> =
        clusters.iter().map(|name| serde_json::json!({"kind": "AttachedCluster", "name": name})).collect();
    let patch = serde_json::json!({"spec": {"clusters": clusters}}).to_string();
    let arguments =
        ["patch", "fleet", "quickstart", "--namespace", namespace, "--type=merge", "--patch", &patch];
    kubectl(sandbox, &arguments).await;
}

/// While one of the new objects cannot be written, the old one stays.
#[tokio::test]
async fn from_the_host_to_a_fleet_creates_before_it_removes() {
    let sandbox = delivery();
    namespace(sandbox, "to-fleet").await;
    member_namespace(sandbox, "to-fleet").await;
    assert!(apply(sandbox, &placed("to-fleet", "")).await.success());
    becomes(sandbox, "to-fleet", "shop", "True Succeeded 1/1").await;
    deployments(sandbox.client(), "to-fleet", &["podinfo"]).await;

    let taken = "web-attachedcluster-kurator-member2";
    let foreign = format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {taken}, namespace: to-fleet}}\n\
         spec: {{interval: 5m, prune: true, suspend: true, sourceRef: {{kind: GitRepository, name: shop}}}}\n"
    );
    assert!(apply(sandbox, &foreign).await.success());
    assert!(apply(sandbox, &placed("to-fleet", FLEET)).await.success());
    becomes(sandbox, "to-fleet", "shop", "False Conflict").await;
    deployments(member(sandbox, 0), "to-fleet", &["podinfo"]).await;
    deployments(sandbox.client(), "to-fleet", &["podinfo"]).await;
    let both = MEMBERS.map(|name| format!("web-attachedcluster-{name}"));
    let host = "web-currentcluster-host";
    children(sandbox, "to-fleet", &[&both[0], &both[1], host]).await;

    kubectl(sandbox, &["delete", "kustomization", taken, "--namespace", "to-fleet"]).await;
    becomes(sandbox, "to-fleet", "shop", "True Succeeded 2/2").await;
    children(sandbox, "to-fleet", &[&both[0], &both[1]]).await;
    deployments(sandbox.client(), "to-fleet", &[]).await;
    deployments(member(sandbox, 1), "to-fleet", &["podinfo"]).await;
    delete_shop(sandbox, "to-fleet").await;
}

#[tokio::test]
async fn from_a_fleet_to_the_host() {
    let sandbox = delivery();
    namespace(sandbox, "to-host").await;
    member_namespace(sandbox, "to-host").await;
    assert!(apply(sandbox, &placed("to-host", FLEET)).await.success());
    becomes(sandbox, "to-host", "shop", "True Succeeded 2/2").await;
    assert!(apply(sandbox, &placed("to-host", "")).await.success());
    becomes(sandbox, "to-host", "shop", "True Succeeded 1/1").await;
    deployments(sandbox.client(), "to-host", &["podinfo"]).await;
    for index in 0..2 {
        deployments(member(sandbox, index), "to-host", &[]).await;
    }
    children(sandbox, "to-host", &["web-currentcluster-host"]).await;
    delete_shop(sandbox, "to-host").await;
    deployments(sandbox.client(), "to-host", &[]).await;
}

#[tokio::test]
async fn from_a_kustomization_to_a_chart() {
    let sandbox = delivery();
    namespace(sandbox, "to-chart").await;
    member_namespace(sandbox, "to-chart").await;
    let kustomization = placed("to-chart", FLEET);
    assert!(apply(sandbox, &kustomization).await.success());
    becomes(sandbox, "to-chart", "shop", "True Succeeded 2/2").await;
    let (head, _) = kustomization.split_once("    kustomization:").expect("a kustomization");
    let chart = format!(
        "{head}    helm: {{interval: 5m, releaseName: web, targetNamespace: to-chart, chart: {{spec: {{chart: ./charts/podinfo}}}}}}\n"
    );
    assert!(apply(sandbox, &chart).await.success());
    becomes(sandbox, "to-chart", "shop", "True Succeeded 2/2").await;
    children(sandbox, "to-chart", &[]).await;
    for index in 0..2 {
        deployments(member(sandbox, index), "to-chart", &["web"]).await;
    }
    assert!(apply(sandbox, &kustomization).await.success());
    becomes(sandbox, "to-chart", "shop", "True Succeeded 2/2").await;
    for index in 0..2 {
        deployments(member(sandbox, index), "to-chart", &["podinfo"]).await;
    }
    delete_shop(sandbox, "to-chart").await;
}

#[tokio::test]
async fn a_fleet_loses_a_cluster_and_gets_it_back() {
    let sandbox = delivery();
    namespace(sandbox, "edited").await;
    member_namespace(sandbox, "edited").await;
    assert!(apply(sandbox, &placed("edited", FLEET)).await.success());
    becomes(sandbox, "edited", "shop", "True Succeeded 2/2").await;
    fleet_of(sandbox, "edited", &MEMBERS[..1]).await;
    deployments(member(sandbox, 1), "edited", &[]).await;
    becomes(sandbox, "edited", "shop", "True Succeeded 1/1").await;
    fleet_of(sandbox, "edited", &MEMBERS).await;
    deployments(member(sandbox, 1), "edited", &["podinfo"]).await;
    becomes(sandbox, "edited", "shop", "True Succeeded 2/2").await;
    delete_shop(sandbox, "edited").await;
}
