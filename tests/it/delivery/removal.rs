//! What was taken out goes, and what is only missing stays.

use super::*;

#[tokio::test]
async fn a_label_moves_the_workload_and_a_selector_that_finds_nothing_keeps_it() {
    let sandbox = delivery();
    namespace(sandbox, "selected").await;
    member_namespace(sandbox, "selected").await;
    label(sandbox, "selected", "kurator-member1", "env=test").await;
    label(sandbox, "selected", "kurator-member2", "env=dev").await;
    let manifest = selected("selected", &[("web", "env: test")]);
    assert!(apply(sandbox, &manifest).await.success());
    becomes(sandbox, "selected", "shop", "True Succeeded 1/1").await;
    let member = |index| sandbox.member_client(index).expect("a member");
    deployments(member(0), "selected", &["podinfo"]).await;
    deployments(member(1), "selected", &[]).await;

    label(sandbox, "selected", "kurator-member2", "env=test").await;
    deployments(member(1), "selected", &["podinfo"]).await;
    label(sandbox, "selected", "kurator-member1", "env=dev").await;
    deployments(member(0), "selected", &[]).await;

    // Nobody decided to deliver nowhere: what is there stays, and the status says so.
    label(sandbox, "selected", "kurator-member2", "env=dev").await;
    becomes(sandbox, "selected", "shop", "False NoClusters 0/0").await;
    deployments(member(1), "selected", &["podinfo"]).await;

    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "selected", "--timeout=60s"]).await;
    gone(sandbox, "selected").await;
    deployments(member(1), "selected", &[]).await;
}

#[tokio::test]
async fn a_policy_that_is_removed_takes_its_objects_along() {
    let sandbox = delivery();
    namespace(sandbox, "removed").await;
    member_namespace(sandbox, "removed").await;
    label(sandbox, "removed", "kurator-member1", "env=test").await;
    label(sandbox, "removed", "kurator-member2", "env=dev").await;
    assert!(
        apply(sandbox, &selected("removed", &[("one", "env: test"), ("two", "env: dev")])).await.success()
    );
    becomes(sandbox, "removed", "shop", "True Succeeded 2/2").await;
    deployments(sandbox.member_client(1).expect("a member"), "removed", &["podinfo"]).await;
    assert!(apply(sandbox, &selected("removed", &[("one", "env: test")])).await.success());
    becomes(sandbox, "removed", "shop", "True Succeeded 1/1").await;
    deployments(sandbox.member_client(1).expect("a member"), "removed", &[]).await;
    children(sandbox, "removed", &["one-attachedcluster-kurator-member1"]).await;
}

/// What nobody decided is not taken away: a cluster's object that is gone,
/// credentials that are not there.
#[tokio::test]
async fn what_is_only_missing_is_kept() {
    let sandbox = delivery();
    namespace(sandbox, "kept").await;
    member_namespace(sandbox, "kept").await;
    label(sandbox, "kept", "kurator-member1", "env=test").await;
    label(sandbox, "kept", "kurator-member2", "env=test").await;
    let manifest = selected("kept", &[("web", "env: test")]);
    assert!(apply(sandbox, &manifest).await.success());
    becomes(sandbox, "kept", "shop", "True Succeeded 2/2").await;
    let both = ["web-attachedcluster-kurator-member1", "web-attachedcluster-kurator-member2"];
    assert_eq!(kustomizations(sandbox, "kept").await, both);

    // The gate would not have it deleted, but it may not have been asked.
    tear_out(sandbox, "kept", "attachedcluster", "kurator-member2").await;
    becomes(
        sandbox,
        "kept",
        "shop",
        "False DestinationNotFound 1/2: the Fleet lists clusters that do not exist",
    )
    .await;
    assert_eq!(kustomizations(sandbox, "kept").await, both);

    // Taken out of the Fleet is a decision.
    let patch = r#"{"spec":{"clusters":[{"kind":"AttachedCluster","name":"kurator-member1"}]}}"#;
    kubectl(
        sandbox,
        &["patch", "fleet", "quickstart", "--namespace", "kept", "--type=merge", "--patch", patch],
    )
    .await;
    becomes(sandbox, "kept", "shop", "True Succeeded 1/1").await;
    let one = until("the other child to go", PATIENCE, async || {
        let names = kustomizations(sandbox, "kept").await;
        Ok(if names == ["web-attachedcluster-kurator-member1"] {
            Probe::Done(())
        } else {
            Probe::NotYet(names.join(" "))
        })
    });
    one.await.expect("it goes");
}

#[tokio::test]
async fn a_child_that_lost_its_label_is_found_again_and_never_left_behind() {
    let sandbox = delivery();
    namespace(sandbox, "unlabelled").await;
    member_namespace(sandbox, "unlabelled").await;
    label(sandbox, "unlabelled", "kurator-member1", "env=test").await;
    assert!(apply(sandbox, &selected("unlabelled", &[("web", "env: test")])).await.success());
    becomes(sandbox, "unlabelled", "shop", "True Succeeded 1/1").await;
    let child = "web-attachedcluster-kurator-member1";
    kubectl(
        sandbox,
        &["label", "kustomization", child, "apps.kurator.dev/app-name-", "--namespace", "unlabelled"],
    )
    .await;
    let labelled = until("the label to be back", PATIENCE, async || {
        let answer = kubectl(
            sandbox,
            &[
                "get",
                "kustomizations",
                "--namespace",
                "unlabelled",
                "--selector=apps.kurator.dev/app-name=shop",
                "--output",
                "name",
            ],
        )
        .await;
        Ok(if answer.stdout.contains(child) { Probe::Done(()) } else { Probe::NotYet(answer.stdout) })
    });
    labelled.await.expect("it is labelled again");
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "unlabelled", "--timeout=60s"]).await;
    gone(sandbox, "unlabelled").await;
}
