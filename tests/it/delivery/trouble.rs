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
async fn what_is_left_out_is_said_in_a_condition() {
    let sandbox = delivery();
    namespace(sandbox, "not-yet").await;
    member_namespace(sandbox, "not-yet").await;
    let manifest = format!("{}{}", selected("not-yet", &[("web", "env: test")]), rollout("not-yet"));
    label(sandbox, "not-yet", "kurator-member1", "env=test").await;
    assert!(apply(sandbox, &manifest).await.success());
    let application = becomes(sandbox, "not-yet", "shop", "True Succeeded 1/1").await;
    let conditions = application["status"]["conditions"].as_array().expect("conditions");
    let left_out = conditions.iter().find(|condition| condition["type"] == "Undelivered");
    let left_out = left_out.expect("the condition");
    assert_eq!((&left_out["status"], &left_out["reason"]), (&"True".into(), &"NotSupported".into()));
    let message = left_out["message"].as_str().expect("a message");
    assert!(message.starts_with("spec.syncPolicies[0].rollout: "), "{message}");
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

#[tokio::test]
async fn what_the_host_lacks_is_said_until_it_is_there() {
    let sandbox = delivery();
    kubectl(sandbox, &["create", "namespace", "lacking"]).await;
    let manifest = "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: lacking}\nspec:\n  \
         source: {gitRepository: {url: 'https://github.com/stefanprodan/podinfo', interval: 3m, ref: {branch: master}}}\n  syncPolicies:\n  \
         - kustomization: {interval: 5m, path: ./kustomize, prune: true, serviceAccountName: deployer, \
         postBuild: {substituteFrom: [{kind: Secret, name: settings}]}}\n";
    assert!(apply(sandbox, manifest).await.success());
    let said = missing_reference(sandbox, "lacking", "[ref/secret], ").await;
    let secret = "spec.syncPolicies[0].kustomization.postBuild.substituteFrom[0]: Not found: \"settings\": names a Secret that does not";
    let account = "spec.syncPolicies[0].kustomization.serviceAccountName: Not found: \"deployer\": does not exist in namespace \"lacking\"";
    assert!(said.starts_with(secret) && said.contains(account), "{said}");

    kubectl(
        sandbox,
        &["create", "secret", "generic", "settings", "--from-literal=tier=web", "--namespace", "lacking"],
    )
    .await;
    missing_reference(sandbox, "lacking", "spec.syncPolicies[0].kustomization.serviceAccountName").await;
    kubectl(sandbox, &["create", "serviceaccount", "deployer", "--namespace", "lacking"]).await;
    missing_reference(sandbox, "lacking", "").await;
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "lacking", "--timeout=60s"]).await;
}

/// Waits until the condition of missing references starts with, or has,
/// `expected`; nothing stands for no such condition.
async fn missing_reference(sandbox: &Sandbox, namespace: &str, expected: &str) -> String {
    let seen = until("the condition of missing references", PATIENCE, async || {
        let application = get(sandbox, namespace, "shop").await;
        let conditions = application["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let missing = conditions.iter().find(|condition| condition["type"] == "MissingReferences");
        let said = missing.and_then(|missing| missing["message"].as_str()).unwrap_or_default().to_owned();
        let is_met = said.contains(expected) && (expected.is_empty() == said.is_empty());
        Ok(if is_met && !conditions.is_empty() { Probe::Done(said) } else { Probe::NotYet(said) })
    });
    seen.await.expect("the condition")
}
