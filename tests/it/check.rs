//! `fleetgate check --context`: files beside the Catalog of a cluster that runs.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::{admission, apply, kubectl};

const FLEET: &str = "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: quickstart, namespace: checked}\nspec: {}\n";

const APPLICATION: &str = "apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: shop, namespace: checked}
spec:
  source: {gitRepository: {url: 'https://github.com/o/r', interval: 3m0s}}
  destination: {fleet: quikstart}
  syncPolicies: [{kustomization: {interval: 5m0s, path: ./deploy, prune: true}}]
";

#[tokio::test]
async fn the_fleets_of_a_cluster_are_what_files_are_checked_against() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "checked"]).await;
    let applied = apply(sandbox, FLEET).await;
    assert!(applied.success(), "{}", applied.stderr);
    let context = kubectl(sandbox, &["config", "current-context"]).await.stdout;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("app.yaml"), APPLICATION).expect("a file");
    // As a person runs it, who here is the administrator: it has nobody's rights but theirs.
    let output = Command::new(env!("CARGO_BIN_EXE_fleetgate"))
        .args(["check", "app.yaml", "--output", "json", "--context", context.trim()])
        .current_dir(folder.path())
        .env("KUBECONFIG", sandbox.kubeconfig())
        .output()
        .expect("check runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let finding = &document["findings"][0];
    assert_eq!(finding["code"], "ref/fleet", "{document}");
    assert_eq!(finding["hint"], "did you mean \"quickstart\"?");
    assert_eq!(document["summary"]["unknown"], serde_json::json!([]));
}
