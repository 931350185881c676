//! Kubeconfig Secrets that somebody takes away, or takes for his own, while they
//! are needed.

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
