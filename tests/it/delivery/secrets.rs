//! Kubeconfig Secrets that somebody takes away, or takes for his own, while they
//! are needed.

use serde_json::json;

use super::joined::kubeconfig;
use super::protection::{delivered, finalizers};
use super::*;

const FINALIZER: &str = "fleetgate.dev/in-use";

/// Of a Secret without the label nobody is told.
#[tokio::test]
async fn a_secret_that_is_stripped_bare_is_held_anew() {
    let sandbox = delivery();
    delivered(sandbox, "stripped").await;
    finalizers(sandbox, "stripped", &[("secret/kurator-member1", FINALIZER)]).await;
    let bare = r#"{"metadata":{"labels":null,"finalizers":null}}"#;
    let patch =
        ["patch", "secret", "kurator-member1", "--namespace", "stripped", "--type=merge", "--patch", bare];
    kubectl(sandbox, &patch).await;
    finalizers(sandbox, "stripped", &[("secret/kurator-member1", FINALIZER)]).await;
}

#[tokio::test]
async fn a_secret_that_is_deleted_while_it_is_needed_is_said() {
    let sandbox = delivery();
    delivered(sandbox, "taken").await;
    kubectl(sandbox, &["delete", "secret", "kurator-member1", "--namespace", "taken", "--wait=false"]).await;
    let ready = r#"jsonpath={.status.conditions[?(@.type=="Ready")].message}"#;
    let cluster = ["get", "attachedcluster", "kurator-member1", "--namespace", "taken", "--output", ready];
    let said = until("the cluster to say so", PATIENCE, async || {
        let message = kubectl(sandbox, &cluster).await.stdout;
        let is_said =
            message.contains("; its Secret \"kurator-member1\" is being deleted, and stays only while");
        Ok(if is_said { Probe::Done(message) } else { Probe::NotYet(message) })
    });
    println!("{}", said.await.expect("the message"));
}

/// What was to be delivered while the credentials were refused arrives with the new ones.
#[tokio::test]
async fn a_kubeconfig_that_is_rotated_is_delivered_with() {
    let sandbox = delivery();
    delivered(sandbox, "renewed").await;
    let good = kubeconfig(sandbox, "default", "kurator-member1").await;
    let mut refused: Value = serde_saphyr::from_str(&good).expect("YAML");
    refused["users"][0]["user"] = json!({"token": "expired"});
    rotate(sandbox, &refused.to_string()).await;
    kubectl(
        sandbox,
        &["label", "attachedcluster", "kurator-member2", "--namespace", "renewed", "env=dev", "--overwrite"],
    )
    .await;
    let changed = selected("renewed", &[("web", "env: test"), ("api", "env: test")]);
    // Two folders that do not meet in the member.
    let changed = changed.replacen("./kustomize", "./deploy/webapp", 1);
    assert!(apply(sandbox, &changed).await.success());
    let kustomization =
        ["get", "kustomization", "api-attachedcluster-kurator-member1", "--namespace", "renewed"];
    let ready = "jsonpath={.status.conditions[?(@.type==\"Ready\")].message}";
    let refused = until("Flux to be refused", PATIENCE, async || {
        let answer = sandbox.kubectl().run(&[&kustomization[..], &["--output", ready]].concat()).await?;
        let is_refused =
            answer.stdout.contains("nauthorized") || answer.stdout.contains("provide credentials");
        Ok(if is_refused { Probe::Done(()) } else { Probe::NotYet(answer.stdout) })
    });
    refused.await.expect("it is refused");
    rotate(sandbox, &good).await;
    becomes(sandbox, "renewed", "shop", "True Succeeded 1/1").await;
    delete_shop(sandbox, "renewed").await;
}

/// Gives the Secret of the first member another kubeconfig.
async fn rotate(sandbox: &Sandbox, kubeconfig: &str) {
    let patch = json!({"stringData": {"kurator-member1.config": kubeconfig}}).to_string();
    let secret = ["patch", "secret", "kurator-member1", "--namespace", "renewed", "--type=merge", "--patch"];
    kubectl(sandbox, &[&secret[..], &[&patch]].concat()).await;
}
