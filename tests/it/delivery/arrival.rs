//! What was admitted arrives, and the status says when.

use super::*;

#[tokio::test]
async fn nothing_is_written_when_nothing_changed_and_drift_is_mended() {
    let sandbox = delivery();
    namespace(sandbox, "steady").await;
    member_namespace(sandbox, "steady").await;
    label(sandbox, "steady", "kurator-member1", "env=test").await;
    assert!(apply(sandbox, &selected("steady", &[("web", "env: test")])).await.success());
    becomes(sandbox, "steady", "shop", "True Succeeded 1/1").await;
    let child = [
        "get",
        "kustomization",
        "web-attachedcluster-kurator-member1",
        "--namespace",
        "steady",
        "--output",
        "jsonpath={.metadata.generation} {.spec.path}",
    ];
    let before = kubectl(sandbox, &child).await.stdout;
    let version = get(sandbox, "steady", "shop").await["metadata"]["resourceVersion"].clone();
    // A label of a cluster that is meant has the Application looked at, and means nothing to it.
    label(sandbox, "steady", "kurator-member1", "color=blue").await;
    let patch = [
        "patch",
        "kustomization",
        "web-attachedcluster-kurator-member1",
        "--namespace",
        "steady",
        "--type=merge",
        "--patch",
        r#"{"spec":{"path":"./elsewhere"}}"#,
    ];
    assert_eq!(before, "1 ./kustomize");
    assert_eq!(get(sandbox, "steady", "shop").await["metadata"]["resourceVersion"], version);
    kubectl(sandbox, &patch).await;
    let mended = until("the path to be mended", PATIENCE, async || {
        let seen = kubectl(sandbox, &child).await.stdout;
        Ok(if seen == "3 ./kustomize" { Probe::Done(()) } else { Probe::NotYet(seen) })
    });
    mended.await.expect("drift is mended");
}

/// Not ready before the revision that was asked for is everywhere.
#[tokio::test]
async fn ready_means_the_revision_that_the_source_has() {
    let sandbox = delivery();
    namespace(sandbox, "revision").await;
    member_namespace(sandbox, "revision").await;
    label(sandbox, "revision", "kurator-member1", "env=test").await;
    let manifest = selected("revision", &[("web", "env: test")]);
    assert!(apply(sandbox, &manifest).await.success());
    becomes(sandbox, "revision", "shop", "True Succeeded 1/1").await;
    sandbox.git().tag("v1").await.expect("a tag");
    assert!(apply(sandbox, &manifest.replace("branch: master", "tag: v1")).await.success());
    let application = becomes(sandbox, "revision", "shop", "True Succeeded 1/1").await;
    let revision = application["status"]["source"]["revision"].as_str().expect("a revision").to_owned();
    assert!(revision.starts_with("v1@sha1:"), "{revision}");
    let applied = kubectl(
        sandbox,
        &[
            "get",
            "kustomization",
            "web-attachedcluster-kurator-member1",
            "--namespace",
            "revision",
            "--output",
            "jsonpath={.status.lastAppliedRevision}",
        ],
    )
    .await;
    assert_eq!(applied.stdout, revision);
}

#[tokio::test]
async fn clusters_and_fleets_say_how_they_are() {
    let sandbox = delivery();
    namespace(sandbox, "shown").await;
    kubectl(
        sandbox,
        &[
            "wait",
            "--for=condition=Ready",
            "--timeout=60s",
            "--namespace",
            "shown",
            "fleet/quickstart",
            "attachedcluster/kurator-member1",
        ],
    )
    .await;
    let line = kubectl(
        sandbox,
        &["get", "attachedclusters", "kurator-member1", "--namespace", "shown", "--no-headers"],
    )
    .await
    .stdout;
    assert!(line.contains("v1.36"), "{line}");
    let hostile = "apiVersion: v1\nkind: Secret\nmetadata: {name: hostile, namespace: shown}\nstringData:\n  value: |\n    apiVersion: v1\n    kind: Config\n    \
                   clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n    users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: touch}}}]\n    \
                   contexts: [{name: x, context: {cluster: c, user: u}}]\n    current-context: x\n---\n\
                   apiVersion: cluster.kurator.dev/v1alpha1\nkind: AttachedCluster\nmetadata: {name: hostile, namespace: shown}\nspec: {kubeconfig: {name: hostile}}\n";
    assert!(apply(sandbox, hostile).await.success());
    kubectl(
        sandbox,
        &[
            "wait",
            "--for=condition=Stalled",
            "--timeout=60s",
            "--namespace",
            "shown",
            "attachedcluster/hostile",
        ],
    )
    .await;
    let message = kubectl(
        sandbox,
        &[
            "get",
            "attachedcluster",
            "hostile",
            "--namespace",
            "shown",
            "--output",
            "jsonpath={.status.conditions[0].message}",
        ],
    )
    .await
    .stdout;
    assert!(message.contains("users[].user.exec, which is not allowed here"), "{message}");
}

/// As Kurator stored it long ago, and as no gate has seen it since.
#[tokio::test]
async fn what_was_stored_under_early_names_is_delivered_and_follows_labels() {
    let sandbox = delivery();
    namespace(sandbox, "early-names").await;
    member_namespace(sandbox, "early-names").await;
    label(sandbox, "early-names", "kurator-member1", "env=test").await;
    let manifest = selected("early-names", &[("web", "env: test")])
        .replace("gitRepository:", "gitRepo:")
        .replace("syncPolicies:", "syncPolicies: []\n  syncPolicy:");
    past_the_gate(sandbox, "early-names", &["create", "-f", "-"], &manifest).await;
    becomes(sandbox, "early-names", "shop", "True Succeeded 1/1").await;
    assert_eq!(kustomizations(sandbox, "early-names").await, ["web-attachedcluster-kurator-member1"]);

    label(sandbox, "early-names", "kurator-member2", "env=test").await;
    becomes(sandbox, "early-names", "shop", "True Succeeded 2/2").await;
    deployments(sandbox.member_client(1).expect("a member"), "early-names", &["podinfo"]).await;
    let (code, tree, notes) = told::run(sandbox, &["status", "shop", "--namespace", "early-names"], "");
    assert!(code == Some(0) && tree.contains("AttachedCluster kurator-member2"), "{tree}{notes}");
}
