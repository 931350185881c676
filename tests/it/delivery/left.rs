//! What is left where Flux cannot remove it, or is told not to.

use serde_json::json;

use super::protection::{FINALIZER, answers, delete, delivered, finalizers, member, pods, unplug};
use super::*;

/// What left the plan is gone from it, and its Flux object is not.
#[tokio::test]
async fn what_does_not_go_from_an_unreachable_member_is_said() {
    let sandbox = delivery();
    delivered(sandbox, "stuck").await;
    let before = pods(sandbox, 1, "stuck").await;
    unplug(sandbox, "stuck", "kurator-member2").await;
    label(sandbox, "stuck", "kurator-member2", "env=dev").await;
    becomes(sandbox, "stuck", "shop", "True Succeeded 1/1").await;
    let command = "annotate attachedclusters.cluster.kurator.dev kurator-member2 --namespace stuck --overwrite fleetgate.dev/orphan=true";
    let said = format!(
        "Deleting: waiting for Flux to remove Kustomization web-attachedcluster-kurator-member2 from AttachedCluster/kurator-member2…; \
         if a cluster is gone for good, let go of what is left there: kubectl {command}"
    );
    let stuck = r#"jsonpath={.status.conditions[?(@.type=="PruneStuck")].reason}: {.status.conditions[?(@.type=="PruneStuck")].message}"#;
    let arguments = ["get", "application", "shop", "--namespace", "stuck", "--output", stuck];
    answers(sandbox, &arguments, &said).await;

    kubectl(sandbox, &command.split(' ').collect::<Vec<_>>()).await;
    answers(sandbox, &arguments, ":").await;
    assert_eq!(kustomizations(sandbox, "stuck").await, ["web-attachedcluster-kurator-member1"]);
    assert_eq!(pods(sandbox, 1, "stuck").await, before);
    becomes(sandbox, "stuck", "shop", "True Succeeded 1/1").await;
    delete(sandbox, "stuck", "shop").await;
}

/// Waits until the garbage collector knows what there is of Flux's kinds: of a host
/// that has just begun it would take away what it has not heard of, not orphan it.
async fn collected(sandbox: &Sandbox, namespace: &str) {
    let gone = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "3f2a9c41-0000-4000-8000-d07b00000000"});
    // The last by name, it is the last to be heard of.
    let metadata = json!({"name": "zz-last", "namespace": namespace, "ownerReferences": [gone]});
    let source = json!({"interval": "5m", "url": "https://example.com/gone", "suspend": true});
    let kustomization = json!({
        "interval": "5m", "prune": false, "suspend": true, "sourceRef": {"kind": "GitRepository", "name": "zz-last"},
    });
    let items = [
        json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": metadata, "spec": source}),
        json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata, "spec": kustomization,
        }),
    ];
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    assert!(apply(sandbox, &list.to_string()).await.success());
    for object in ["kustomization/zz-last", "gitrepository/zz-last"] {
        let arguments = ["get", object, "--namespace", namespace, "--ignore-not-found", "--output", "name"];
        answers(sandbox, &arguments, "").await;
    }
}

/// Kubernetes' own word for leaving what an object made: Flux goes on with it.
#[tokio::test]
async fn a_deletion_that_orphans_removes_nothing() {
    let sandbox = delivery();
    delivered(sandbox, "orphaned").await;
    collected(sandbox, "orphaned").await;
    let before = [pods(sandbox, 0, "orphaned").await, pods(sandbox, 1, "orphaned").await];
    let application = ["application", "shop", "--namespace", "orphaned", "--cascade=orphan", "--timeout=60s"];
    kubectl(sandbox, &[&["delete"], &application[..]].concat()).await;
    let owners_and_ends =
        "jsonpath={.items[*].metadata.ownerReferences}{.items[*].metadata.deletionTimestamp}";
    for kind in ["kustomizations", "gitrepositories"] {
        answers(sandbox, &["get", kind, "--namespace", "orphaned", "--output", owners_and_ends], "").await;
    }
    let both = ["web-attachedcluster-kurator-member1", "web-attachedcluster-kurator-member2"];
    assert_eq!(kustomizations(sandbox, "orphaned").await, both);
    assert_eq!([pods(sandbox, 0, "orphaned").await, pods(sandbox, 1, "orphaned").await], before);

    // What they need is kept until they go, too.
    finalizers(sandbox, "orphaned", &[("secret/kurator-member2", FINALIZER)]).await;
    kubectl(sandbox, &["delete", "kustomizations,gitrepositories", "--all", "--namespace", "orphaned"]).await;
    deployments(member(sandbox, 1), "orphaned", &[]).await;
    finalizers(sandbox, "orphaned", &[("secret/kurator-member2", "")]).await;
}
