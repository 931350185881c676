//! What nobody decided is held where it is too much, until someone confirms it.
//!
//! Where Flux is not what is looked at, its objects are suspended: it leaves
//! them alone, and lets them go at once.

use std::collections::BTreeMap;

use fleetgate_sandbox::Verb;
use serde_json::json;

use super::counted::{application, with_fluxs_crds};
use super::told::run;
use super::*;
use crate::replica::Replica;
use crate::support::{past_the_gate, terminate};

mod without_flux;

const CLUSTERS: [&str; 5] = ["c1", "c2", "c3", "c4", "c5"];

/// The Fleet `five` with these clusters.
fn fleet(namespace: &str, clusters: &[&str]) -> Value {
    let clusters: Vec<Value> =
        clusters.iter().map(|name| json!({"kind": "AttachedCluster", "name": name})).collect();
    json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "five", "namespace": namespace}, "spec": {"clusters": clusters},
    })
}

/// The Application `shop`, to the clusters of the Fleet that have the label `env`.
fn shop(namespace: &str, env: &str) -> Value {
    shop_to(namespace, &json!({"env": env}))
}

/// The same by any labels.
fn shop_to(namespace: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": {
            "source": {"gitRepository": {"url": "https://github.com/stefanprodan/podinfo", "interval": "3m", "suspend": true}},
            "syncPolicies": [{
                "name": "web", "destination": {"fleet": "five", "clusterSelector": {"matchLabels": labels}},
                "kustomization": {"interval": "5m", "path": "./kustomize", "prune": true, "suspend": true},
            }],
        },
    })
}

/// A namespace with five clusters, all of them with `env=test`; `shop` is
/// delivered to all.
async fn five(sandbox: &Sandbox, name: &str) {
    namespace(sandbox, name).await;
    let cluster = |cluster: &&str| {
        json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": cluster, "namespace": name, "labels": {"env": "test", "name": cluster}},
            "spec": {"kubeconfig": {"name": "kurator-member1", "key": "kurator-member1.config"}},
        })
    };
    let mut objects: Vec<Value> = CLUSTERS.iter().map(cluster).collect();
    objects.extend([fleet(name, &CLUSTERS), shop(name, "test")]);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    assert!(apply(sandbox, &list.to_string()).await.success());
    left(sandbox, name, &CLUSTERS).await;
}

/// Has the Fleet consist of these clusters alone, by one write: returns what is warned of.
async fn keep(sandbox: &Sandbox, namespace: &str, clusters: &[&str]) -> String {
    let answer = apply(sandbox, &fleet(namespace, clusters).to_string()).await;
    assert!(answer.success(), "{}", answer.stderr);
    answer.stderr
}

/// The children, each with its uid.
async fn children(sandbox: &Sandbox, namespace: &str) -> BTreeMap<String, String> {
    let answer =
        kubectl(sandbox, &["get", "kustomizations", "--namespace", namespace, "--output", "json"]).await;
    let list: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = list["items"].as_array().into_iter().flatten().map(|child| &child["metadata"]);
    metadata.map(|metadata| (text(&metadata["name"]), text(&metadata["uid"]))).collect()
}

/// Waits until `web` is on these clusters alone.
async fn left(sandbox: &Sandbox, namespace: &str, clusters: &[&str]) {
    let expected: Vec<String> = clusters.iter().map(|name| format!("web-attachedcluster-{name}")).collect();
    let what = format!("the children to be {expected:?}");
    let seen = until(&what, PATIENCE, async || {
        let names = kustomizations(sandbox, namespace).await;
        Ok(if names == expected { Probe::Done(()) } else { Probe::NotYet(names.join(" ")) })
    });
    seen.await.expect("the children");
}

/// The condition that says what is held.
fn condition(application: &Value) -> Option<Value> {
    let conditions = application["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == "PruneHeld").cloned()
}

/// Waits until a removal is held, by another digest than that: returns its
/// digest, and what the condition says.
async fn held(sandbox: &Sandbox, namespace: &str, before: &str) -> (String, String) {
    let seen = until("a removal to be held", PATIENCE, async || {
        let application = get(sandbox, namespace, "shop").await;
        let digest = application["status"]["held"]["digest"].as_str().unwrap_or_default().to_owned();
        Ok(match condition(&application) {
            Some(condition) if digest != before => Probe::Done((digest, condition)),
            _ => Probe::NotYet(application["status"].to_string()),
        })
    });
    let (digest, condition) = seen.await.expect("it is held");
    assert_eq!((&condition["status"], &condition["reason"]), (&json!("True"), &json!("PruneHeld")));
    let message = condition["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains(&format!("fleetgate.dev/confirm-prune={digest}")), "{message}");
    (digest, message)
}

/// Runs the command that the condition gives.
async fn confirm(sandbox: &Sandbox, message: &str) {
    let (_, command) = message.split_once("kubectl ").expect("a command");
    kubectl(sandbox, &command.split_whitespace().collect::<Vec<_>>()).await;
}

async fn nothing_is_held(sandbox: &Sandbox, namespace: &str) {
    let seen = until("nothing to be held", PATIENCE, async || {
        let application = get(sandbox, namespace, "shop").await;
        let is_held = condition(&application).is_some() || application["status"].get("held").is_some();
        Ok(if is_held { Probe::NotYet(application["status"].to_string()) } else { Probe::Done(()) })
    });
    seen.await.expect("nothing is held");
}

#[tokio::test]
async fn most_of_five_is_held_and_confirmed() {
    let sandbox = delivery();
    five(sandbox, "most").await;
    let before = children(sandbox, "most").await;
    let warning = keep(sandbox, "most", &["c4", "c5"]).await;
    assert!(warning.contains("takes every cluster, or more than half of 5 or more, away from"), "{warning}");
    let (_, message) = held(sandbox, "most", "").await;
    assert!(
        message.starts_with("policy \"web\" would lose 3 of its 5 clusters; nobody decided that"),
        "{message}"
    );
    let names = ["c1", "c2", "c3"].map(|name| format!("Kustomization web-attachedcluster-{name}")).join(", ");
    assert!(message.contains(&names), "{message}");
    assert_eq!(get(sandbox, "most", "shop").await["status"]["held"]["count"], 3);
    assert_eq!(children(sandbox, "most").await, before, "nothing went");
    let told =
        ["get", "events", "--namespace", "most", "--field-selector", "reason=PruneHeld", "--output", "name"];
    let seen = until("the event", PATIENCE, async || {
        let events = kubectl(sandbox, &told).await.stdout;
        Ok(if events.lines().count() == 1 { Probe::Done(()) } else { Probe::NotYet(events) })
    });
    seen.await.expect("one event");

    confirm(sandbox, &message).await;
    left(sandbox, "most", &["c4", "c5"]).await;
    nothing_is_held(sandbox, "most").await;
    delete_shop(sandbox, "most").await;
}

#[tokio::test]
async fn another_set_needs_another_digest() {
    let sandbox = delivery();
    five(sandbox, "another").await;
    let before = children(sandbox, "another").await;
    keep(sandbox, "another", &["c4", "c5"]).await;
    let (first, message) = held(sandbox, "another", "").await;
    keep(sandbox, "another", &["c5"]).await;
    let (second, _) = held(sandbox, "another", &first).await;
    confirm(sandbox, &message).await;
    keep(sandbox, "another", &["c1", "c2"]).await;
    held(sandbox, "another", &second).await;
    assert_eq!(children(sandbox, "another").await, before, "what was confirmed was another set");

    // That very set again.
    keep(sandbox, "another", &["c4", "c5"]).await;
    left(sandbox, "another", &["c4", "c5"]).await;

    // What is made again is another set, whatever its names.
    keep(sandbox, "another", &CLUSTERS).await;
    left(sandbox, "another", &CLUSTERS).await;
    let before = children(sandbox, "another").await;
    keep(sandbox, "another", &["c4", "c5"]).await;
    let (third, _) = held(sandbox, "another", "").await;
    assert_ne!(third, first);
    assert_eq!(children(sandbox, "another").await, before);
    delete_shop(sandbox, "another").await;
}

/// With Flux, and a workload that stays until someone says otherwise.
#[tokio::test]
async fn the_last_cluster_is_held() {
    let sandbox = delivery();
    namespace(sandbox, "last").await;
    member_namespace(sandbox, "last").await;
    label(sandbox, "last", "kurator-member1", "env=test").await;
    assert!(apply(sandbox, &selected("last", &[("web", "env: test")])).await.success());
    becomes(sandbox, "last", "shop", "True Succeeded 1/1").await;
    let before = children(sandbox, "last").await;
    label(sandbox, "last", "kurator-member1", "env=dev").await;
    held(sandbox, "last", "").await;
    becomes(sandbox, "last", "shop", "False NoClusters 0/0").await;
    label(sandbox, "last", "kurator-member1", "env=test").await;
    nothing_is_held(sandbox, "last").await;
    assert_eq!(children(sandbox, "last").await, before, "a slip costs nothing");

    label(sandbox, "last", "kurator-member1", "env=dev").await;
    let (_, message) = held(sandbox, "last", "").await;
    assert!(
        message.starts_with("policy \"web\" would lose all of its clusters; nobody decided that"),
        "{message}"
    );
    let member = || sandbox.member_client(0).expect("a member");
    deployments(member(), "last", &["podinfo"]).await;
    confirm(sandbox, &message).await;
    deployments(member(), "last", &[]).await;
    nothing_is_held(sandbox, "last").await;
    delete_shop(sandbox, "last").await;
}

#[tokio::test]
async fn moving_on_purpose_goes_at_once() {
    let sandbox = delivery();
    five(sandbox, "purpose").await;
    label(sandbox, "purpose", "c5", "env=dev").await;
    left(sandbox, "purpose", &["c1", "c2", "c3", "c4"]).await;
    assert!(apply(sandbox, &shop("purpose", "dev").to_string()).await.success());
    left(sandbox, "purpose", &["c5"]).await;
    assert_eq!(condition(&get(sandbox, "purpose", "shop").await), None);

    // To nowhere is no move.
    assert!(apply(sandbox, &shop("purpose", "nowhere").to_string()).await.success());
    held(sandbox, "purpose", "").await;
    left(sandbox, "purpose", &["c5"]).await;
    delete_shop(sandbox, "purpose").await;
}

/// What is held was lost before the edit, and nobody has said yet that it may go.
#[tokio::test]
async fn an_edit_lets_go_of_nothing_that_is_held() {
    let (sandbox, name) = (delivery(), "edited-while-held");
    five(sandbox, name).await;
    let before = children(sandbox, name).await;
    keep(sandbox, name, &["c4", "c5"]).await;
    let (first, message) = held(sandbox, name, "").await;
    assert!(message.starts_with("policy \"web\" would lose 3 of its 5 clusters"), "{message}");

    let edited = shop_to(name, &json!({"name": "c5"}));
    let (code, told, _) = run(sandbox, &["diff", "-f", "-"], &edited.to_string());
    assert_eq!((code, told.matches("keeps").count()), (Some(0), 4), "{told}");
    let selector = r#"[{"op": "replace", "path": "/spec/syncPolicies/0/destination/clusterSelector", "value": {"matchLabels": {"name": "c5"}}}]"#;
    let asked = ["patch", "application", "shop", "--namespace", name, "--dry-run=server", "--type=json"];
    let answer = kubectl(sandbox, &[&asked[..], &["--patch", selector]].concat()).await;
    assert!(answer.stderr.contains("judged with what is held (PruneHeld)"), "{}", answer.stderr);
    // Not by way of what cannot be delivered either.
    let nothing =
        ["patch", "application", "shop", "--type=merge", "--patch", r#"{"spec":{"syncPolicies":[]}}"#];
    past_the_gate(sandbox, name, &nothing, "").await;
    becomes(sandbox, name, "shop", "False InvalidSpec").await;
    held(sandbox, name, "").await;

    assert!(apply(sandbox, &edited.to_string()).await.success());
    let (second, message) = held(sandbox, name, &first).await;
    assert!(message.starts_with("policy \"web\" would lose 4 of its 5 clusters"), "{message}");
    assert!(told.contains(&format!("confirm-prune={second}")), "{told}");
    assert_eq!(children(sandbox, name).await, before, "nothing went");

    confirm(sandbox, &message).await;
    left(sandbox, name, &["c5"]).await;
    nothing_is_held(sandbox, name).await;
    delete_shop(sandbox, name).await;
}

#[tokio::test]
async fn deleting_the_application_is_a_decision() {
    let sandbox = delivery();
    five(sandbox, "deleted").await;
    keep(sandbox, "deleted", &["c4", "c5"]).await;
    held(sandbox, "deleted", "").await;
    delete_shop(sandbox, "deleted").await;
}
