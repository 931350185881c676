//! An installation that Kurator manages is taken over: nothing is deployed again,
//! and nothing goes.

mod kurator;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::json;
use tokio::sync::OnceCell;

use self::kurator::child_name;
use super::flux_fields::{GIT, applied};
use super::*;
use crate::replica::Replica;
use crate::support::before_fleetgate;

const BOTH: [&str; 2] = ["kurator-member1", "kurator-member2"];

/// A name that Kurator cuts within that of the member, so that both members get the same.
const LONG: &str = "a-policy-with-a-name-of-exactly-40-bytes";

/// A namespace of the test's own on a host with Kurator, and in the members.
pub(super) async fn prepared(name: &str) -> &'static Sandbox {
    static PREPARED: OnceCell<()> = OnceCell::const_new();
    let sandbox = before_fleetgate();
    PREPARED.get_or_init(async || kurator::prepare(sandbox).await).await;
    namespace(sandbox, name).await;
    member_namespace(sandbox, name).await;
    sandbox
}

/// The Application `shop` with one policy, to the clusters of the Fleet with that label, or to all.
fn shop(namespace: &str, source: &str, label: &str, policy: &str) -> String {
    format!(
        "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {{name: shop, namespace: {namespace}}}\nspec:\n  \
         source: {{{source}}}\n  destination: {{fleet: quickstart, clusterSelector: {{matchLabels: {{{label}}}}}}}\n  \
         syncPolicies:\n  - {policy}\n"
    )
}

fn kustomization(namespace: &str, name: &str, fields: &str) -> String {
    format!(
        "{{name: {name}, kustomization: {{interval: 5m, path: ./kustomize, prune: true, targetNamespace: {namespace}{fields}}}}}"
    )
}

/// Has Kurator deliver a kustomization of podinfo, and waits until it is there.
async fn delivered(sandbox: &Sandbox, namespace: &str, name: &str, label: &str, clusters: &[&str]) {
    applied(sandbox, &shop(namespace, GIT, label, &kustomization(namespace, name, ""))).await;
    kurator::deliver(sandbox, namespace, clusters).await;
    for (index, cluster) in BOTH.iter().enumerate() {
        // Of two that are cut alike, Kurator delivers to the one that it looked at last.
        if clusters.last() == Some(cluster) || (clusters.contains(cluster) && name != LONG) {
            deployments(member(sandbox, index), namespace, &["podinfo"]).await;
        }
    }
}

/// Fleetgate comes, for this namespace.
fn take_over(sandbox: &Sandbox, namespace: &str) -> Replica {
    Replica::start(sandbox, &["--watch-namespaces", namespace])
}

fn member(sandbox: &Sandbox, index: usize) -> Client {
    sandbox.member_client(index).expect("a member")
}

async fn object(sandbox: &Sandbox, namespace: &str, name: &str) -> Value {
    let answer = kubectl(
        sandbox,
        &["get", name, "--namespace", namespace, "--show-managed-fields", "--output", "json"],
    )
    .await;
    serde_json::from_str(&answer.stdout).expect("JSON")
}

/// Of everything of an Application its uid, labels and finalizers, by kind and name.
async fn everything(sandbox: &Sandbox, namespace: &str) -> BTreeMap<String, Value> {
    let kinds = "applications,gitrepositories,helmrepositories,helmcharts,kustomizations,helmreleases";
    let all = object(sandbox, namespace, kinds).await;
    let all = all["items"].as_array().cloned().unwrap_or_default().into_iter().map(|object| {
        let metadata = &object["metadata"];
        let name = format!("{}/{}", object["kind"].as_str().unwrap_or_default(), metadata["name"]);
        (name, json!([metadata["uid"], metadata["labels"], metadata["finalizers"]]))
    });
    all.collect()
}

/// The uid of podinfo in each member that has it.
async fn workloads(sandbox: &Sandbox, namespace: &str) -> Vec<String> {
    let mut uids = Vec::new();
    for index in 0..2 {
        let api: Api<Deployment> = Api::namespaced(member(sandbox, index), namespace);
        uids.extend(
            api.list(&ListParams::default()).await.expect("a list").items.iter().filter_map(ResourceExt::uid),
        );
    }
    uids
}

#[tokio::test]
async fn names_labels_and_finalizers_stay() {
    let sandbox = prepared("taken").await;
    delivered(sandbox, "taken", "web", "", &BOTH).await;
    let before = (everything(sandbox, "taken").await, workloads(sandbox, "taken").await);
    assert_eq!((before.0.len(), before.1.len()), (4, 2), "{before:?}");

    let _controller = take_over(sandbox, "taken");
    becomes(sandbox, "taken", "shop", "True Succeeded 2/2").await;
    assert_eq!((everything(sandbox, "taken").await, workloads(sandbox, "taken").await), before);
    for name in ["gitrepository/shop", "kustomization/web-attachedcluster-kurator-member1"] {
        let child = object(sandbox, "taken", name).await;
        let owners = child["metadata"]["ownerReferences"].as_array().expect("owners");
        assert_eq!((owners.len(), &owners[0]["controller"]), (1, &json!(true)), "{child}");
        assert!(child["metadata"]["annotations"]["fleetgate.dev/applied"].is_string(), "{child}");
    }
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "taken", "--timeout=60s"]).await;
    gone(sandbox, "taken").await;
    deployments(member(sandbox, 1), "taken", &[]).await;
}

#[tokio::test]
async fn a_field_kurator_wrote_can_be_removed() {
    let sandbox = prepared("fields").await;
    let manifest = |fields: &str| shop("fields", GIT, "", &kustomization("fields", "web", fields));
    applied(sandbox, &manifest(", timeout: 2m, force: true")).await;
    kurator::deliver(sandbox, "fields", &BOTH).await;
    let _controller = take_over(sandbox, "fields");
    becomes(sandbox, "fields", "shop", "True Succeeded 2/2").await;
    for name in ["gitrepository/shop", "kustomization/web-attachedcluster-kurator-member2"] {
        let child = object(sandbox, "fields", name).await;
        let fields = child["metadata"]["managedFields"].as_array().expect("managed fields");
        assert!(fields.iter().all(|entry| entry["manager"] != kurator::MANAGER), "{child}");
    }
    applied(sandbox, &manifest("")).await;
    let path = "jsonpath={.spec.timeout},{.spec.force}";
    let child = ["get", "kustomization", "web-attachedcluster-kurator-member2", "--namespace", "fields"];
    let gone = until("the fields to be gone", PATIENCE, async || {
        let seen = kubectl(sandbox, &[&child[..], &["--output", path]].concat()).await.stdout;
        Ok(if seen == ",false" { Probe::Done(()) } else { Probe::NotYet(seen) })
    });
    gone.await.expect("nobody else holds them");
}

#[tokio::test]
async fn helm_history_has_one_revision() {
    let sandbox = prepared("charted").await;
    let source = "helmRepository: {url: 'https://stefanprodan.github.io/podinfo', interval: 5m}";
    let policy = "{name: web, helm: {interval: 5m, timeout: 1m, values: {replicaCount: 2}, chart: {spec: {chart: podinfo}}}}";
    label(sandbox, "charted", "kurator-member1", "env=test").await;
    applied(sandbox, &shop("charted", source, "env: test", policy)).await;
    kurator::deliver(sandbox, "charted", &BOTH[..1]).await;
    let release = "helmrelease/web-attachedcluster-kurator-member1";
    kubectl(sandbox, &["wait", "--for=condition=Ready", "--timeout=60s", "--namespace", "charted", release])
        .await;
    let before = (everything(sandbox, "charted").await, workloads(sandbox, "charted").await);

    let _controller = take_over(sandbox, "charted");
    becomes(sandbox, "charted", "shop", "True Succeeded 1/1").await;
    // And Flux has looked at it since.
    kubectl(sandbox, &["annotate", release, "--namespace", "charted", "reconcile.fluxcd.io/requestedAt=now"])
        .await;
    let looked = until("Flux to look at the release", PATIENCE, async || {
        let release = object(sandbox, "charted", release).await;
        let is_done = release["status"]["lastHandledReconcileAt"] == "now"
            && release["status"]["observedGeneration"] == release["metadata"]["generation"];
        Ok(if is_done { Probe::Done(release) } else { Probe::NotYet(release["status"].to_string()) })
    });
    let release = looked.await.expect("it looks");
    assert_eq!((everything(sandbox, "charted").await, workloads(sandbox, "charted").await), before);
    let history = release["status"]["history"].as_array().expect("a history");
    assert_eq!(history.iter().map(|one| &one["version"]).collect::<Vec<_>>(), [&json!(1)], "{history:?}");
    let secrets: Api<Secret> = Api::namespaced(member(sandbox, 0), "charted");
    let revisions = secrets.list(&ListParams::default().fields("type=helm.sh/release.v1")).await;
    assert_eq!(revisions.expect("a list").items.len(), 1);
}

#[tokio::test]
async fn a_cut_name_is_kept() {
    let sandbox = prepared("cut").await;
    label(sandbox, "cut", "kurator-member1", "env=test").await;
    delivered(sandbox, "cut", LONG, "env: test", &BOTH[..1]).await;
    let before = (everything(sandbox, "cut").await, workloads(sandbox, "cut").await);

    let _controller = take_over(sandbox, "cut");
    becomes(sandbox, "cut", "shop", "True Succeeded 1/1").await;
    let name = child_name(LONG, BOTH[0]);
    assert_eq!(kustomizations(sandbox, "cut").await, [name.as_str()]);
    let (code, tree, notes) = told::run(sandbox, &["status", "shop", "--namespace", "cut"], "");
    assert!(code == Some(0) && tree.contains(&name), "{tree}{notes}");
    assert_eq!((everything(sandbox, "cut").await, workloads(sandbox, "cut").await), before);
}

#[tokio::test]
async fn two_that_cut_alike_get_their_own() {
    let sandbox = prepared("alike").await;
    assert_eq!(child_name(LONG, BOTH[0]), child_name(LONG, BOTH[1]));
    delivered(sandbox, "alike", LONG, "", &BOTH).await;

    let _controller = take_over(sandbox, "alike");
    becomes(sandbox, "alike", "shop", "True Succeeded 2/2").await;
    let names = kustomizations(sandbox, "alike").await;
    let own = names.iter().filter(|name| **name != child_name(LONG, BOTH[0])).count();
    assert_eq!(own, 2, "{names:?}");
    for index in 0..2 {
        deployments(member(sandbox, index), "alike", &["podinfo"]).await;
    }
}

#[tokio::test]
async fn a_cluster_that_is_missing_loses_nothing() {
    let sandbox = prepared("missing").await;
    delivered(sandbox, "missing", "web", "", &BOTH).await;
    let before = (everything(sandbox, "missing").await, workloads(sandbox, "missing").await);
    kubectl(sandbox, &["delete", "attachedcluster", BOTH[1], "--namespace", "missing"]).await;

    let _controller = take_over(sandbox, "missing");
    becomes(sandbox, "missing", "shop", "False DestinationNotFound 1/2").await;
    assert_eq!((everything(sandbox, "missing").await, workloads(sandbox, "missing").await), before);
}
