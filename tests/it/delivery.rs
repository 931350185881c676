//! Delivery with the real Flux: what was admitted arrives in every member, and
//! goes again.

use std::time::Duration;

use fleetgate_sandbox::Sandbox;
use fleetgate_sandbox::wait::{Probe, until};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::Value;

use crate::support::{apply, delivery, file, kubectl, namespace};

/// How long Flux and the members may take.
const PATIENCE: Duration = Duration::from_mins(1);

fn example(name: &str) -> String {
    std::fs::read_to_string(file("examples/application").join(name)).expect("the example")
}

/// An example in a namespace of the test's own, with a namespace of its own in
/// the members, too, so that tests do not share workloads.
fn in_namespace(example: &str, name: &str) -> String {
    example.replace("namespace: default", &format!("namespace: {name}"))
}

async fn get(sandbox: &Sandbox, namespace: &str, name: &str) -> Value {
    let answer =
        kubectl(sandbox, &["get", "application", name, "--namespace", namespace, "--output", "json"]).await;
    serde_json::from_str(&answer.stdout).expect("JSON")
}

/// The Ready condition as `False Progressing 0/2: …`.
fn ready(application: &Value) -> String {
    let conditions = application["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap_or_default();
    let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
    let clusters = application["status"]["ready"].as_str().unwrap_or_default();
    format!("{} {} {clusters}: {}", text("status"), text("reason"), text("message"))
}

/// Waits until the Ready condition of the current generation starts with `expected`.
async fn becomes(sandbox: &Sandbox, namespace: &str, name: &str, expected: &str) -> Value {
    let what = format!("{namespace}/{name} to be {expected:?}");
    let seen = until(&what, PATIENCE, async || {
        let application = get(sandbox, namespace, name).await;
        let is_current = application["status"]["observedGeneration"] == application["metadata"]["generation"];
        let text = ready(&application);
        Ok(if is_current && text.starts_with(expected) {
            Probe::Done(application)
        } else {
            Probe::NotYet(text)
        })
    });
    seen.await.expect("the condition")
}

/// Waits until exactly these Deployments exist in a cluster's namespace, all available.
async fn deployments(client: Client, namespace: &str, expected: &[&str]) {
    let api: Api<Deployment> = Api::namespaced(client, namespace);
    let what = format!("Deployments {expected:?} in {namespace}");
    let seen = until(&what, PATIENCE, async || {
        let found = api.list(&ListParams::default()).await?;
        let mut available: Vec<String> = Vec::new();
        for deployment in &found {
            let status = deployment.status.clone().unwrap_or_default();
            let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            if status.available_replicas == Some(wanted) {
                available.extend(deployment.metadata.name.clone());
            }
        }
        available.sort();
        let is_met = available == expected && found.items.len() == expected.len();
        Ok(if is_met {
            Probe::Done(())
        } else {
            Probe::NotYet(format!("{available:?} of {} available", found.items.len()))
        })
    });
    seen.await.expect("the Deployments");
}

/// The names of an Application's Kustomizations.
async fn kustomizations(sandbox: &Sandbox, namespace: &str) -> Vec<String> {
    let answer =
        kubectl(sandbox, &["get", "kustomizations", "--namespace", namespace, "--output", "name"]).await;
    answer.stdout.lines().filter_map(|line| line.split_once('/')).map(|(_, name)| name.to_owned()).collect()
}

async fn gone(sandbox: &Sandbox, namespace: &str) {
    let what = format!("{namespace} to be empty");
    let seen = until(&what, PATIENCE, async || {
        let answer = kubectl(
            sandbox,
            &[
                "get",
                "applications,kustomizations,gitrepositories",
                "--namespace",
                namespace,
                "--output",
                "name",
            ],
        )
        .await;
        Ok(if answer.stdout.trim().is_empty() { Probe::Done(()) } else { Probe::NotYet(answer.stdout) })
    });
    seen.await.expect("nothing is left");
}

/// The README's story, word for word, in the namespace of the documents.
#[tokio::test]
async fn the_demo_reaches_both_members_and_goes_again() {
    let sandbox = delivery();
    let path = file("examples/application/gitrepo-kustomization-demo.yaml");
    let path = path.to_str().expect("a path");
    let applied = kubectl(sandbox, &["apply", "-f", path]).await;
    assert_eq!(applied.stderr, "", "the demo is admitted without a warning");
    kubectl(
        sandbox,
        &["wait", "--for=condition=Ready", "--timeout=60s", "application/gitrepo-kustomization-demo"],
    )
    .await;

    let line =
        kubectl(sandbox, &["get", "applications", "gitrepo-kustomization-demo", "--no-headers"]).await.stdout;
    let columns: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(columns[..4], ["gitrepo-kustomization-demo", "GitRepository", "quickstart", "2/2"], "{line}");
    for index in 0..2 {
        let member = || sandbox.member_client(index).expect("a member");
        deployments(member(), "webapp", &["backend", "frontend"]).await;
        deployments(member(), "default", &["podinfo"]).await;
    }
    assert_eq!(
        kustomizations(sandbox, "default").await,
        [
            "gitrepo-kustomization-demo-0-attachedcluster-kurator-member1",
            "gitrepo-kustomization-demo-0-attachedcluster-kurator-member2",
            "gitrepo-kustomization-demo-1-attachedcluster-kurator-member1",
            "gitrepo-kustomization-demo-1-attachedcluster-kurator-member2",
        ]
    );

    kubectl(sandbox, &["delete", "-f", path, "--timeout=60s"]).await;
    gone(sandbox, "default").await;
    for index in 0..2 {
        let member = || sandbox.member_client(index).expect("a member");
        deployments(member(), "webapp", &[]).await;
        deployments(member(), "default", &[]).await;
    }
}

#[tokio::test]
async fn without_a_destination_the_host_is_meant() {
    let sandbox = delivery();
    kubectl(sandbox, &["create", "namespace", "on-host"]).await;
    let manifest = in_namespace(&example("gitrepo-kustomization-demo-without-fleet.yaml"), "on-host")
        .replace("targetNamespace: default", "targetNamespace: on-host");
    let answer = apply(sandbox, &manifest).await;
    assert!(answer.success() && answer.stderr.contains("[source/interval]"), "{}", answer.stderr);
    let application = becomes(sandbox, "on-host", "without-fleet-demo", "True Succeeded 1/1").await;
    assert_eq!(application["status"]["destination"], "host");
    deployments(sandbox.client(), "on-host", &["podinfo"]).await;
    assert_eq!(
        kustomizations(sandbox, "on-host").await,
        ["without-fleet-demo-0-currentcluster-host", "without-fleet-demo-1-currentcluster-host"]
    );
    kubectl(
        sandbox,
        &["delete", "application", "without-fleet-demo", "--namespace", "on-host", "--timeout=60s"],
    )
    .await;
    gone(sandbox, "on-host").await;
    deployments(sandbox.client(), "on-host", &[]).await;
}

/// One policy with a folder of its own namespace, to the clusters of a selector.
fn selected(namespace: &str, policies: &[(&str, &str)]) -> String {
    let policies = policies
        .iter()
        .map(|(name, labels)| {
            format!(
                "  - name: {name}\n    destination: {{fleet: quickstart, clusterSelector: {{matchLabels: {{{labels}}}}}}}\n    \
                 kustomization: {{interval: 5m, path: ./kustomize, prune: true, targetNamespace: {namespace}}}\n"
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!(
        "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {{name: shop, namespace: {namespace}}}\nspec:\n  \
         source: {{gitRepository: {{url: 'https://github.com/stefanprodan/podinfo', interval: 3m, ref: {{branch: master}}}}}}\n  syncPolicies:\n{policies}"
    )
}

async fn label(sandbox: &Sandbox, namespace: &str, cluster: &str, label: &str) {
    kubectl(sandbox, &["label", "attachedcluster", cluster, label, "--overwrite", "--namespace", namespace])
        .await;
}

async fn member_namespace(sandbox: &Sandbox, name: &str) {
    for index in 0..2 {
        let api: Api<k8s_openapi::api::core::v1::Namespace> =
            Api::all(sandbox.member_client(index).expect("a member"));
        let namespace =
            serde_json::from_value(serde_json::json!({"metadata": {"name": name}})).expect("a namespace");
        api.create(&kube::api::PostParams::default(), &namespace).await.expect("the namespace is created");
    }
}

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
    assert_eq!(kustomizations(sandbox, "removed").await, ["one-attachedcluster-kurator-member1"]);
}

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
    // A change of the Catalog that concerns nothing here makes every Application be looked at.
    label(sandbox, "steady", "kurator-member2", "color=blue").await;
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
async fn what_is_not_delivered_is_said_in_a_condition() {
    let sandbox = delivery();
    namespace(sandbox, "not-yet").await;
    let manifest = in_namespace(&example("helmrepo-helmrelease-demo.yaml"), "not-yet");
    assert!(apply(sandbox, &manifest).await.success());
    let application = becomes(
        sandbox,
        "not-yet",
        "helmrepo-helmrelease-demo",
        "False NotSupported 0/2: spec.source.helmRepository: ",
    )
    .await;
    let stalled = application["status"]["conditions"]
        .as_array()
        .is_some_and(|conditions| conditions.iter().any(|condition| condition["type"] == "Stalled"));
    assert!(stalled, "{application}");
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

/// What nobody decided is not taken away: a part that is not delivered, a
/// cluster's object that is gone, credentials that are not there.
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

    let rollout = "    rollout: {port: 80, serviceName: podinfo, trafficRoutingProvider: istio, workload: {name: podinfo}, rolloutPolicy: {}}\n";
    assert!(apply(sandbox, &format!("{manifest}{rollout}")).await.success());
    becomes(sandbox, "kept", "shop", "False NotSupported 0/2: spec.syncPolicies[0].rollout: ").await;
    assert_eq!(kustomizations(sandbox, "kept").await, both);
    let bucket = manifest.replace(
        "gitRepository: {url: 'https://github.com/stefanprodan/podinfo', interval: 3m, ref: {branch: master}}",
        "bucket: {bucketName: b, endpoint: e.example.com, interval: 3m}",
    );
    assert!(apply(sandbox, &bucket).await.success());
    becomes(sandbox, "kept", "shop", "False NotSupported 0/2: spec.source.bucket: ").await;
    assert_eq!(kustomizations(sandbox, "kept").await, both);
    kubectl(sandbox, &["get", "gitrepository", "shop", "--namespace", "kept"]).await;

    assert!(apply(sandbox, &manifest).await.success());
    becomes(sandbox, "kept", "shop", "True Succeeded 2/2").await;
    kubectl(sandbox, &["delete", "attachedcluster", "kurator-member2", "--namespace", "kept"]).await;
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
