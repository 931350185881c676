//! A policy that somebody suspends: what is there stays, whatever else happens.

use serde_json::json;

use super::protection::{answers, delivered, member};
use super::*;

/// Says whether the only policy is suspended, and which folder it has.
async fn change(sandbox: &Sandbox, namespace: &str, suspend: bool, path: &str) {
    let changes = json!([
        {"op": "add", "path": "/spec/syncPolicies/0/kustomization/suspend", "value": suspend},
        {"op": "add", "path": "/spec/syncPolicies/0/kustomization/path", "value": path},
    ]);
    let arguments = ["patch", "application", "shop", "--namespace", namespace, "--type=json", "--patch"];
    kubectl(sandbox, &[&arguments[..], &[&changes.to_string()]].concat()).await;
}

#[tokio::test]
async fn what_is_suspended_stays_and_goes_on_where_it_was() {
    let sandbox = delivery();
    delivered(sandbox, "suspended").await;
    // A folder that has other Deployments: nobody delivers it for now.
    change(sandbox, "suspended", true, "./deploy/webapp").await;
    let suspended = "True Succeeded 2/2: 2/2 clusters ready; suspended: Kustomization web-attachedcluster-kurator-member1, \
                     Kustomization web-attachedcluster-kurator-member2";
    becomes(sandbox, "suspended", "shop", suspended).await;
    deployments(member(sandbox, 0), "suspended", &["podinfo"]).await;
    // A cluster that leaves is a removal as any other, and what Flux does not look at stays there.
    label(sandbox, "suspended", "kurator-member2", "env=dev").await;
    becomes(sandbox, "suspended", "shop", "True Succeeded 1/1").await;
    deployments(member(sandbox, 1), "suspended", &["podinfo"]).await;

    change(sandbox, "suspended", false, "./kustomize").await;
    becomes(sandbox, "suspended", "shop", "True Succeeded 1/1: 1/1 clusters ready").await;
    let resumed = [
        "get",
        "kustomizations",
        "--namespace",
        "suspended",
        "--output",
        "jsonpath={.items[*].spec.suspend}",
    ];
    answers(sandbox, &resumed, "false").await;
    delete_shop(sandbox, "suspended").await;
    deployments(member(sandbox, 0), "suspended", &[]).await;
}

/// As with Flux's own objects.
#[tokio::test]
async fn what_is_suspended_is_left_behind_by_a_deletion() {
    let sandbox = delivery();
    delivered(sandbox, "paused").await;
    change(sandbox, "paused", true, "./kustomize").await;
    becomes(sandbox, "paused", "shop", "True Succeeded 2/2: 2/2 clusters ready; suspended: ").await;
    delete_shop(sandbox, "paused").await;
    for index in 0..2 {
        deployments(member(sandbox, index), "paused", &["podinfo"]).await;
    }
}
