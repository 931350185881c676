//! What is needed to take away what was delivered stays for as long, and whoever
//! has had enough of waiting can let go.

use fleetgate_sandbox::Verb;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::counted::with_fluxs_crds;
use super::joined::kubeconfig;
use super::*;
use crate::replica::Replica;

mod given_up;
mod still_to_come;
mod unreadable;

pub(crate) const FINALIZER: &str = "fleetgate.dev/in-use";

/// A namespace here and in the members, whose clusters are both meant.
async fn prepared(sandbox: &Sandbox, name: &str) {
    namespace(sandbox, name).await;
    member_namespace(sandbox, name).await;
    label(sandbox, name, "kurator-member1", "env=test").await;
    label(sandbox, name, "kurator-member2", "env=test").await;
}

/// The same with an Application that has arrived in both, and whose pods run.
pub(super) async fn delivered(sandbox: &Sandbox, name: &str) {
    prepared(sandbox, name).await;
    assert!(apply(sandbox, &selected(name, &[("web", "env: test")])).await.success());
    becomes(sandbox, name, "shop", "True Succeeded 2/2").await;
    for index in 0..2 {
        deployments(member(sandbox, index), name, &["podinfo"]).await;
    }
}

pub(super) fn member(sandbox: &Sandbox, index: usize) -> Client {
    sandbox.member_client(index).expect("a member")
}

/// Waits until what kubectl answers is that; for `…` there may be anything.
pub(super) async fn answers(sandbox: &Sandbox, arguments: &[&str], expected: &str) {
    let what = format!("kubectl {} to answer {expected:?}", arguments.join(" "));
    let seen = until(&what, PATIENCE, async || {
        let answer = sandbox.kubectl().run(arguments).await?;
        let text = format!("{}{}", answer.stdout, answer.stderr);
        let is_met = match expected.split_once('…') {
            Some((first, last)) => text.starts_with(first) && text.trim().ends_with(last),
            None => text.trim() == expected,
        };
        Ok(if is_met { Probe::Done(()) } else { Probe::NotYet(text) })
    });
    seen.await.expect("the answer");
}

/// Waits until these have that finalizer, or none.
pub(crate) async fn finalizers(sandbox: &Sandbox, namespace: &str, objects: &[(&str, &str)]) {
    for (object, expected) in objects {
        let finalizers =
            ["get", object, "--namespace", namespace, "--output", "jsonpath={.metadata.finalizers[*]}"];
        answers(sandbox, &finalizers, expected).await;
    }
}

/// Waits until an object that is being deleted says why it waits; for `…` there may be anything.
async fn waits(sandbox: &Sandbox, namespace: &str, object: &str, expected: &str) {
    let ready = r#"jsonpath={.metadata.deletionTimestamp} {.status.conditions[?(@.type=="Ready")].reason}: {.status.conditions[?(@.type=="Ready")].message}"#;
    let what = format!("{object} to wait: {expected}");
    let seen = until(&what, PATIENCE, async || {
        let answer =
            sandbox.kubectl().run(&["get", object, "--namespace", namespace, "--output", ready]).await?;
        let said = answer.stdout.split_once(' ').map(|(since, said)| (!since.is_empty(), said));
        let (first, rest) = expected.split_once('…').unwrap_or((expected, ""));
        let is_met = said.is_some_and(|(is_going, said)| {
            is_going && said.strip_prefix(first).is_some_and(|said| said.contains(rest))
        });
        Ok(if is_met {
            Probe::Done(())
        } else {
            Probe::NotYet(format!("{}{}", answer.stdout, answer.stderr))
        })
    });
    seen.await.expect("it waits");
}

async fn is_gone(sandbox: &Sandbox, namespace: &str, object: &str) {
    answers(
        sandbox,
        &["get", object, "--namespace", namespace, "--ignore-not-found", "--output", "name"],
        "",
    )
    .await;
}

pub(super) async fn delete(sandbox: &Sandbox, namespace: &str, application: &str) {
    kubectl(sandbox, &["delete", "application", application, "--namespace", namespace, "--timeout=60s"])
        .await;
}

/// The uids of the pods of a namespace in a member.
pub(super) async fn pods(sandbox: &Sandbox, index: usize, namespace: &str) -> Vec<String> {
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(member(sandbox, index), namespace);
    let pods = pods.list(&ListParams::default()).await.expect("the pods");
    let mut uids: Vec<String> = pods.into_iter().filter_map(|pod| pod.metadata.uid).collect();
    uids.sort();
    uids
}

/// A chart in both members, in a namespace of its own there.
pub(super) fn chart(namespace: &str, target: &str) -> String {
    let helm = json!({
        "interval": "5m", "releaseName": "podinfo", "targetNamespace": target, "chart": {"spec": {"chart": "podinfo"}},
    });
    let source =
        json!({"helmRepository": {"url": "https://stefanprodan.github.io/podinfo", "interval": "5m"}});
    json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "chart", "namespace": namespace},
        "spec": {"source": source, "destination": {"fleet": "quickstart"}, "syncPolicies": [{"name": "chart", "helm": helm}]},
    })
    .to_string()
}

/// Applications, clusters and their Secrets go in whatever order Kubernetes takes
/// them, and the members end up clean.
#[tokio::test]
async fn a_namespace_is_deleted_at_once() {
    let sandbox = delivery();
    delivered(sandbox, "at-once").await;
    member_namespace(sandbox, "at-once-chart").await;
    let applied = apply(sandbox, &chart("at-once", "at-once-chart")).await;
    assert!(applied.success(), "{}", applied.stderr);
    becomes(sandbox, "at-once", "chart", "True Succeeded 2/2").await;
    for index in 0..2 {
        deployments(member(sandbox, index), "at-once", &["podinfo"]).await;
        deployments(member(sandbox, index), "at-once-chart", &["podinfo"]).await;
    }
    kubectl(sandbox, &["delete", "namespace", "at-once", "--timeout=90s"]).await;
    for index in 0..2 {
        deployments(member(sandbox, index), "at-once", &[]).await;
        deployments(member(sandbox, index), "at-once-chart", &[]).await;
        let secrets: Api<Secret> = Api::namespaced(member(sandbox, index), "at-once");
        let releases = secrets.list(&ListParams::default().labels("owner=helm")).await.expect("the Secrets");
        assert_eq!(releases.items.len(), 0, "what helm remembers");
    }
}

#[tokio::test]
async fn a_fleet_deleted_past_the_gate_waits() {
    let sandbox = delivery();
    delivered(sandbox, "fleet-waits").await;
    finalizers(sandbox, "fleet-waits", &[("fleet/quickstart", "fleet.kurator.dev")]).await;
    past_the_gate(sandbox, "fleet-waits", &["delete", "fleet", "quickstart", "--wait=false"], "").await;
    let why = "InUse: is being deleted, and stays while Applications deliver to it: shop; delete them";
    waits(sandbox, "fleet-waits", "fleet/quickstart", why).await;
    becomes(sandbox, "fleet-waits", "shop", "True Succeeded 2/2").await;
    delete(sandbox, "fleet-waits", "shop").await;
    is_gone(sandbox, "fleet-waits", "fleet/quickstart").await;
}

#[tokio::test]
async fn a_cluster_in_use_waits_with_its_secret() {
    let sandbox = delivery();
    delivered(sandbox, "cluster-waits").await;
    let all = ["attachedcluster/kurator-member1", "secret/kurator-member1"];
    finalizers(sandbox, "cluster-waits", &all.map(|object| (object, FINALIZER))).await;
    past_the_gate(sandbox, "cluster-waits", &["delete", all[0], all[1], "--wait=false"], "").await;
    let why = "InUse: is being deleted, and stays while Applications deliver to it: shop (by Fleet quickstart); take it out of";
    waits(sandbox, "cluster-waits", all[0], why).await;
    becomes(sandbox, "cluster-waits", "shop", "True Succeeded 2/2").await;

    // Taken out of the Fleet it is not needed any more, once what was there is gone.
    let patch = r#"{"spec":{"clusters":[{"kind":"AttachedCluster","name":"kurator-member2"}]}}"#;
    kubectl(
        sandbox,
        &["patch", "fleet", "quickstart", "--namespace", "cluster-waits", "--type=merge", "--patch", patch],
    )
    .await;
    for object in all {
        is_gone(sandbox, "cluster-waits", object).await;
    }
    deployments(member(sandbox, 0), "cluster-waits", &[]).await;
    becomes(sandbox, "cluster-waits", "shop", "True Succeeded 1/1").await;
}

/// What Flux could not take away again is not delivered, and holds up nothing else.
#[tokio::test]
async fn without_a_secret_nothing_is_written_for_its_cluster() {
    let sandbox = delivery();
    prepared(sandbox, "no-secret").await;
    let key = "kurator-member2";
    let content = kubeconfig(sandbox, "no-secret", key).await;
    kubectl(sandbox, &["delete", "secret", key, "--namespace", "no-secret"]).await;
    assert!(apply(sandbox, &selected("no-secret", &[("web", "env: test")])).await.success());
    let said =
        r#"False KubeconfigNotFound 1/2: there is no Secret "kurator-member2" in namespace "no-secret""#;
    becomes(sandbox, "no-secret", "shop", said).await;
    assert_eq!(kustomizations(sandbox, "no-secret").await, ["web-attachedcluster-kurator-member1"]);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": key, "namespace": "no-secret"},
        "stringData": {"kurator-member2.config": content},
    });
    assert!(apply(sandbox, &secret.to_string()).await.success());
    becomes(sandbox, "no-secret", "shop", "True Succeeded 2/2").await;
    finalizers(sandbox, "no-secret", &[("secret/kurator-member2", FINALIZER)]).await;
    delete(sandbox, "no-secret", "shop").await;
}

#[tokio::test]
async fn an_unused_one_goes() {
    let sandbox = delivery();
    delivered(sandbox, "unused").await;
    let objects = ["fleet/quickstart", "attachedcluster/kurator-member2", "secret/kurator-member2"];
    finalizers(
        sandbox,
        "unused",
        &[(objects[0], "fleet.kurator.dev"), (objects[1], FINALIZER), (objects[2], FINALIZER)],
    )
    .await;
    delete(sandbox, "unused", "shop").await;
    finalizers(sandbox, "unused", &objects.map(|object| (object, ""))).await;
    let all: Vec<&str> =
        ["delete"].into_iter().chain(objects).chain(["--namespace", "unused", "--timeout=30s"]).collect();
    kubectl(sandbox, &all).await;
}

/// Neither the Fleet nor the cluster is asked for when an Application goes.
#[tokio::test]
async fn a_missing_fleet_does_not_hold_a_deletion() {
    let sandbox = delivery();
    delivered(sandbox, "torn").await;
    let objects = [("fleet/quickstart", "fleet.kurator.dev"), ("attachedcluster/kurator-member1", FINALIZER)];
    finalizers(sandbox, "torn", &objects).await;
    tear_out(sandbox, "torn", "fleet", "quickstart").await;
    tear_out(sandbox, "torn", "attachedcluster", "kurator-member1").await;
    becomes(sandbox, "torn", "shop", "False DestinationNotFound").await;
    delete(sandbox, "torn", "shop").await;
    gone(sandbox, "torn").await;
    for index in 0..2 {
        deployments(member(sandbox, index), "torn", &[]).await;
    }
}

/// Nobody answers where the kubeconfig of `member` says from now on.
pub(super) async fn unplug(sandbox: &Sandbox, namespace: &str, name: &str) {
    let key = format!("{name}.config");
    let text = kubeconfig(sandbox, namespace, name).await;
    let mut kubeconfig: Value = serde_saphyr::from_str(&text).expect("YAML");
    kubeconfig["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1");
    let patch = json!({"stringData": {key: kubeconfig.to_string()}}).to_string();
    kubectl(sandbox, &["patch", "secret", name, "--namespace", namespace, "--patch", &patch]).await;
}

#[tokio::test]
async fn an_unreachable_member_holds_its_part_only() {
    let sandbox = delivery();
    delivered(sandbox, "unplugged").await;
    unplug(sandbox, "unplugged", "kurator-member2").await;
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "unplugged", "--wait=false"]).await;
    deployments(member(sandbox, 0), "unplugged", &[]).await;
    let left = "web-attachedcluster-kurator-member2";
    let only = until("only the part of the other to be left", PATIENCE, async || {
        let names = kustomizations(sandbox, "unplugged").await;
        Ok(if names == [left] { Probe::Done(()) } else { Probe::NotYet(names.join(" ")) })
    });
    only.await.expect("one is left");
    let why = format!(
        "Deleting: waiting for Flux to remove Kustomization {left} from AttachedCluster/kurator-member2…; if a cluster is gone for good, \
         let go of what is left there: kubectl annotate applications.apps.kurator.dev shop --namespace unplugged \
         --overwrite fleetgate.dev/orphan=true"
    );
    waits(sandbox, "unplugged", "application/shop", &why).await;
    finalizers(
        sandbox,
        "unplugged",
        &[("secret/kurator-member1", ""), ("secret/kurator-member2", FINALIZER)],
    )
    .await;

    kubectl(
        sandbox,
        &["annotate", "application", "shop", "--namespace", "unplugged", "fleetgate.dev/orphan=true"],
    )
    .await;
    gone(sandbox, "unplugged").await;
    deployments(member(sandbox, 1), "unplugged", &["podinfo"]).await;
    finalizers(sandbox, "unplugged", &[("secret/kurator-member2", "")]).await;
}
