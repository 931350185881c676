//! `fleetgate cluster`: a cluster comes, is delivered to, and goes.

use super::protection::{answers, chart, delivered, pods, unplug};
use super::told::run;
use super::*;
use crate::support::kubeconfig_of;

/// The kubeconfig that is stored for a member.
pub(super) async fn kubeconfig(sandbox: &Sandbox, namespace: &str, member: &str) -> String {
    let template = format!("--output=go-template={{{{index .data \"{member}.config\" | base64decode}}}}");
    kubectl(sandbox, &["get", "secret", member, "--namespace", namespace, &template]).await.stdout
}

#[tokio::test]
async fn a_cluster_is_joined_delivered_to_and_detached() {
    let sandbox = delivery();
    kubectl(sandbox, &["create", "namespace", "joined"]).await;
    member_namespace(sandbox, "joined").await;
    let fleet = "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: quickstart, namespace: joined}\nspec: {}\n";
    assert!(apply(sandbox, fleet).await.success());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("member.kubeconfig");
    std::fs::write(&file, kubeconfig(sandbox, "default", "kurator-member1").await).expect("a file");
    let file = file.to_str().expect("a path");
    let cluster = |arguments: &[&str]| {
        let all: Vec<&str> = ["cluster"].iter().chain(arguments).chain(&["-n", "joined"]).copied().collect();
        run(sandbox, &all, "")
    };

    let (code, _, notes) = cluster(&["join", file, "--name", "berlin", "--fleet", "gone"]);
    assert_eq!(code, Some(2));
    assert!(notes.contains("there is no Fleet \"gone\" in namespace \"joined\""), "{notes}");
    // The account that every namespace has, once there is time to make it, may do nothing.
    let account = ["get", "serviceaccount", "default", "--namespace", "joined", "--output", "name"];
    answers(sandbox, &account, "serviceaccount/default").await;
    let limited = kubeconfig_of(sandbox, "joined", "default").await;
    let (code, _, notes) = cluster(&["join", limited.path().to_str().expect("a path"), "--name", "limited"]);
    assert!(code == Some(2) && notes.contains("may not do everything at https://"), "{notes}");
    let written = ["get", "attachedclusters,secrets", "--namespace", "joined", "--output", "name"];
    assert_eq!(kubectl(sandbox, &written).await.stdout, "", "nothing is written before all is looked at");

    let join = ["join", file, "--name", "berlin", "--fleet", "quickstart", "--labels", "env=dev,region=eu"];
    let (code, out, notes) = cluster(&join);
    assert_eq!(code, Some(0), "{notes}");
    assert!(
        out.starts_with("AttachedCluster joined/berlin joined: v1.")
            && out.ends_with(", in Fleet quickstart\n"),
        "{out}"
    );
    // Once is enough, and what is there is not touched by the second attempt.
    let (code, _, notes) = cluster(&[&join[..], &["--force"]].concat());
    assert!(code == Some(2) && notes.contains("already exists"), "{notes}");
    let host = sandbox.kubeconfig().to_str().expect("a path");
    let (code, _, notes) = cluster(&["join", host, "--name", "host"]);
    assert!(code == Some(2) && notes.contains("this is the host itself"), "{notes}");
    let (code, out, _) = cluster(&["labels", "berlin", "env=test", "region-"]);
    assert_eq!((code, out.as_str()), (Some(0), "AttachedCluster joined/berlin: env=test\n"));

    let applied = apply(sandbox, &selected("joined", &[("web", "env: test")])).await;
    assert!(applied.success(), "{}", applied.stderr);
    becomes(sandbox, "joined", "shop", "True Succeeded 1/1").await;
    deployments(sandbox.member_client(0).expect("a member"), "joined", &["podinfo"]).await;
    a_slip_is_warned_of_and_shown(sandbox, &cluster).await;
    let is_ready =
        ["wait", "--for=condition=Ready", "attachedcluster/berlin", "--namespace", "joined", "--timeout=60s"];
    kubectl(sandbox, &is_ready).await;
    let (_, out, _) = cluster(&["list"]);
    let line = out.lines().nth(1).unwrap_or_default();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(cells[..3], ["joined", "berlin", "AttachedCluster"], "{out}");
    assert!(cells[3].starts_with("https://127.0.0.1:") && cells[4].starts_with("v1."), "{out}");
    assert_eq!(cells[5..8], ["True", "quickstart", "env=test"], "{out}");
    let (code, _, notes) = cluster(&["join", file, "--name", "munich"]);
    assert!(code == Some(2) && notes.contains("joined already, as AttachedCluster joined/berlin"), "{notes}");
    let (_, out, _) = cluster(&["list", "--output", "name"]);
    assert_eq!(out, "attachedcluster.cluster.kurator.dev/berlin\n");
    let (_, out, _) = cluster(&["list", "--output", "json"]);
    let list: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        (&list["items"][0]["ready"], &list["items"][0]["reason"]),
        (&true.into(), &"Reachable".into()),
        "{out}"
    );
    assert!(!out.contains("token") && !out.contains("key-data"), "{out}");

    let (code, _, notes) = cluster(&["detach", "berlin"]);
    assert_eq!(code, Some(2));
    assert_eq!(
        notes,
        "fleetgate: Applications deliver to berlin: shop (by Fleet quickstart); \
         take it out of the Fleet first, or delete the Applications; if the cluster is gone for good: --force\n"
    );
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "joined", "--timeout=60s"]).await;
    gone(sandbox, "joined").await;
    let (code, out, notes) = cluster(&["detach", "berlin"]);
    let expected = "Warning: spec.clusters: \"berlin\" leaves the Fleet [fleet/removal]\nAttachedCluster joined/berlin detached\n";
    assert_eq!((code, out.as_str()), (Some(0), expected), "{notes}");
    assert_eq!(kubectl(sandbox, &written).await.stdout, "");
}

/// A label that takes away the last cluster, and back.
async fn a_slip_is_warned_of_and_shown(
    sandbox: &Sandbox,
    cluster: &impl Fn(&[&str]) -> (Option<i32>, String, String),
) {
    let (code, out, _) = cluster(&["labels", "berlin", "env=dev"]);
    let is_warned = out.starts_with("Warning: ") && out.contains("[selector/mass-removal]");
    assert!(code == Some(0) && is_warned && out.ends_with("joined/berlin: env=dev\n"), "{out}");
    let shown = until("status to show what confirms it", PATIENCE, async || {
        let (_, out, _) = run(sandbox, &["status", "shop", "-n", "joined"], "");
        let is_shown = out.contains("What shop holds goes once this confirms it:\n  kubectl annotate");
        Ok(if is_shown { Probe::Done(()) } else { Probe::NotYet(out) })
    });
    shown.await.expect("it shows it");
    let (code, ..) = cluster(&["labels", "berlin", "env=test"]);
    assert_eq!(code, Some(0));
    becomes(sandbox, "joined", "shop", "True Succeeded 1/1").await;
}

/// A cluster that is gone is let go of: nobody waits for it, and nobody touches
/// what may still run there.
#[tokio::test]
async fn by_force_a_cluster_is_detached_that_is_gone() {
    let sandbox = delivery();
    delivered(sandbox, "forced").await;
    unplug(sandbox, "forced", "kurator-member2").await;
    let detach = ["cluster", "detach", "kurator-member2", "-n", "forced"];
    let (code, _, notes) = run(sandbox, &detach, "");
    assert!(code == Some(2) && notes.contains("if the cluster is gone for good: --force"), "{notes}");
    let (code, out, notes) = run(sandbox, &[&detach[..], &["--force"]].concat(), "");
    // What the API server warns of comes first.
    assert!(
        code == Some(0) && out.ends_with("\nAttachedCluster forced/kurator-member2 detached\n"),
        "{out}{notes}"
    );
    becomes(sandbox, "forced", "shop", "True Succeeded 1/1").await;
    assert_eq!(kustomizations(sandbox, "forced").await, ["web-attachedcluster-kurator-member1"]);
    deployments(sandbox.member_client(1).expect("a member"), "forced", &["podinfo"]).await;
    // It was not joined, so that its Secret is someone else's.
    kubectl(sandbox, &["delete", "secret", "kurator-member2", "--namespace", "forced", "--timeout=30s"])
        .await;
}

#[tokio::test]
async fn a_renamed_cluster_keeps_its_workloads() {
    let sandbox = delivery();
    delivered(sandbox, "renamed").await;
    member_namespace(sandbox, "renamed-chart").await;
    let unnamed = chart("renamed", "renamed-chart").replace(r#""releaseName":"podinfo","#, "");
    assert!(apply(sandbox, &unnamed).await.success());
    becomes(sandbox, "renamed", "chart", "True Succeeded 2/2").await;
    let rename = ["cluster", "rename", "kurator-member2", "berlin", "-n", "renamed"];
    let (code, _, notes) = run(sandbox, &rename, "");
    let refused =
        "would be installed anew: HelmRelease chart-attachedcluster-kurator-member2; set helm.releaseName";
    assert!(code == Some(2) && notes.contains(refused), "{notes}");
    kubectl(sandbox, &["delete", "application", "chart", "--namespace", "renamed", "--timeout=60s"]).await;
    gone_but(sandbox, "renamed", "shop").await;

    assert!(apply(sandbox, &chart("renamed", "renamed-chart")).await.success());
    becomes(sandbox, "renamed", "chart", "True Succeeded 2/2").await;
    let before = [pods(sandbox, 1, "renamed").await, pods(sandbox, 1, "renamed-chart").await];
    assert!(before.iter().all(|pods| !pods.is_empty()), "{before:?}");
    let (code, out, notes) = run(sandbox, &rename, "");
    let done = "AttachedCluster renamed/kurator-member2 is berlin now, in Fleet quickstart\n";
    assert!(code == Some(0) && out.ends_with(done), "{out}{notes}");
    let names = ["web-attachedcluster-berlin", "web-attachedcluster-kurator-member1"];
    children(sandbox, "renamed", &names).await;
    becomes(sandbox, "renamed", "shop", "True Succeeded 2/2").await;
    becomes(sandbox, "renamed", "chart", "True Succeeded 2/2").await;
    let after = [pods(sandbox, 1, "renamed").await, pods(sandbox, 1, "renamed-chart").await];
    assert_eq!(after, before, "the same pods");

    // They are its own again, and go with it.
    for application in ["shop", "chart"] {
        let delete = ["delete", "application", application, "--namespace", "renamed", "--timeout=60s"];
        kubectl(sandbox, &delete).await;
    }
    deployments(sandbox.member_client(1).expect("a member"), "renamed", &[]).await;
    deployments(sandbox.member_client(1).expect("a member"), "renamed-chart", &[]).await;
}

/// Waits until of the Applications only that one is left, and no Helm release.
async fn gone_but(sandbox: &Sandbox, namespace: &str, application: &str) {
    let what = format!("only {application} to be left in {namespace}");
    let left = ["get", "applications,helmreleases", "--namespace", namespace, "--output", "name"];
    let seen = until(&what, PATIENCE, async || {
        let answer = kubectl(sandbox, &left).await.stdout;
        let is_met = answer.trim() == format!("application.apps.kurator.dev/{application}");
        Ok(if is_met { Probe::Done(()) } else { Probe::NotYet(answer) })
    });
    seen.await.expect("the rest is gone");
}
