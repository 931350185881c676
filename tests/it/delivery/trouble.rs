//! What cannot be delivered is said in a condition.

use super::*;

#[tokio::test]
async fn a_missing_fleet_is_a_condition_until_it_exists() {
    let sandbox = delivery();
    kubectl(sandbox, &["create", "namespace", "early"]).await;
    let manifest = in_namespace(&example("gitrepo-kustomization-demo.yaml"), "early")
        .replace("fleet: quickstart", "fleet: later");
    assert!(apply(sandbox, &manifest).await.success());
    let application = becomes(
        sandbox,
        "early",
        "gitrepo-kustomization-demo",
        "False DestinationNotFound 0/0: there is no Fleet \"later\"",
    )
    .await;
    assert_eq!(application["status"]["destination"], "later");
    let fleet = "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: later, namespace: early}\nspec: {clusters: [{kind: AttachedCluster, name: gone}]}\n";
    assert!(apply(sandbox, fleet).await.success());
    becomes(sandbox, "early", "gitrepo-kustomization-demo", "False DestinationNotFound 0/1: the Fleet lists clusters that do not exist or cannot be used: AttachedCluster/gone").await;
}

#[tokio::test]
async fn what_is_not_delivered_is_said_in_a_condition() {
    let sandbox = delivery();
    namespace(sandbox, "not-yet").await;
    let manifest = format!("{}{}", selected("not-yet", &[("web", "env: test")]), rollout("not-yet"));
    label(sandbox, "not-yet", "kurator-member1", "env=test").await;
    assert!(apply(sandbox, &manifest).await.success());
    let application =
        becomes(sandbox, "not-yet", "shop", "False NotSupported 0/1: spec.syncPolicies[0].rollout: ").await;
    let stalled = application["status"]["conditions"]
        .as_array()
        .is_some_and(|conditions| conditions.iter().any(|condition| condition["type"] == "Stalled"));
    assert!(stalled, "{application}");
}

#[tokio::test]
async fn an_object_of_someone_elses_is_never_taken() {
    let sandbox = delivery();
    namespace(sandbox, "conflict").await;
    let foreign = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: shop, namespace: conflict}\nspec: {url: 'https://example.com/other', interval: 9m}\n";
    assert!(apply(sandbox, foreign).await.success());
    assert!(apply(sandbox, &selected("conflict", &[("web", "env: test")])).await.success());
    becomes(sandbox, "conflict", "shop", "False Conflict").await;
    let url = kubectl(
        sandbox,
        &["get", "gitrepository", "shop", "--namespace", "conflict", "--output", "jsonpath={.spec.url}"],
    )
    .await
    .stdout;
    assert_eq!(url, "https://example.com/other");
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "conflict", "--timeout=60s"]).await;
    kubectl(sandbox, &["get", "gitrepository", "shop", "--namespace", "conflict"]).await;
}

#[tokio::test]
async fn what_flux_cannot_apply_is_said_in_its_words() {
    let sandbox = delivery();
    namespace(sandbox, "nowhere").await;
    member_namespace(sandbox, "nowhere").await;
    label(sandbox, "nowhere", "kurator-member1", "env=test").await;
    let good = selected("nowhere", &[("web", "env: test")]);
    assert!(apply(sandbox, &good.replace("./kustomize", "./nowhere")).await.success());
    let expected = "False DeliveryFailed 0/1: Kustomization web-attachedcluster-kurator-member1: kustomization path not found";
    becomes(sandbox, "nowhere", "shop", expected).await;
    assert!(apply(sandbox, &good).await.success());
    becomes(sandbox, "nowhere", "shop", "True Succeeded 1/1").await;
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "nowhere", "--timeout=60s"]).await;
    gone(sandbox, "nowhere").await;
}
