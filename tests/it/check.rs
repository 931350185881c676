//! `fleetgate check --context`: files beside the Catalog of a cluster that runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use fleetgate_plan::ClusterKind;
use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Options, Sandbox, Scope};
use serde_json::{Value, json};

use crate::delivery::install_kind_of_cluster;
use crate::support::{admission, apply, file, kubeconfig_of, kubectl, options, own, past_the_gate};

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
    // As a person runs it, who here is the administrator: it has nobody's rights but theirs.
    is_told_of_the_fleet(&check(sandbox, sandbox.kubeconfig()).await);
}

/// `check` of the Application beside the cluster, as whom that kubeconfig names.
pub(crate) async fn check(sandbox: &Sandbox, kubeconfig: &Path) -> Output {
    let context = kubectl(sandbox, &["config", "current-context"]).await.stdout;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("app.yaml"), APPLICATION).expect("a file");
    Command::new(env!("CARGO_BIN_EXE_fleetgate"))
        .args(["check", "app.yaml", "--output", "json", "--context", context.trim()])
        .current_dir(folder.path())
        .env("KUBECONFIG", kubeconfig)
        .output()
        .expect("check runs")
}

fn is_told_of_the_fleet(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let finding = &document["findings"][0];
    assert_eq!(finding["code"], "ref/fleet", "{document}");
    assert_eq!(finding["hint"], "did you mean \"quickstart\"?");
    assert_eq!(document["summary"]["unknown"], json!([]));
}

/// With every kind of cluster there is, under the role of `docs/check.md` and no other.
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_rights_are_those_that_a_pipeline_needs() {
    let sandbox = &own(Options { without_fleetgate: true, ..options(Scope::Admission) }).await;
    for kind in ClusterKind::PROVISIONED {
        install_kind_of_cluster(sandbox, kind, &["v1beta1"]).await;
    }
    for namespace in ["checked", "ci"] {
        kubectl(sandbox, &["create", "namespace", namespace]).await;
    }
    past_the_gate(sandbox, "checked", &["create", "-f", "-"], FLEET).await;
    let page = fs::read_to_string(file("docs/check.md")).expect("the page");
    let (_, section) = page.split_once("### Rights for --context\n").expect("the section");
    let commands = section.lines().filter_map(|line| line.strip_prefix("$ kubectl "));
    let commands: Vec<Vec<&str>> = commands.map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(commands.len(), 2);
    for command in &commands {
        kubectl(sandbox, command).await;
    }
    let account = kubeconfig_of(sandbox, "ci", "fleetgate-check").await;
    let refused = check(sandbox, account.path()).await;
    assert_eq!(refused.status.code(), Some(2));

    let (_, role) = section.split_once("```yaml\n").expect("the role");
    let (role, _) = role.split_once("```").expect("its end");
    assert!(apply(sandbox, role).await.success());
    is_told_of_the_fleet(&comes_to(sandbox, account.path(), 0).await);

    // And it needs every one of them.
    let role: Value = serde_saphyr::from_str(role).expect("YAML");
    let rules = role["rules"].as_array().expect("rules");
    for (missing, rule) in rules.iter().enumerate() {
        let mut less = role.clone();
        less["rules"].as_array_mut().expect("rules").remove(missing);
        assert!(apply(sandbox, &less.to_string()).await.success());
        let refused = comes_to(sandbox, account.path(), 2).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        let resource = rule["resources"][0].as_str().expect("a resource");
        assert!(said.contains("is forbidden") && said.contains(resource), "{said}");
        assert!(apply(sandbox, &role.to_string()).await.success());
        comes_to(sandbox, account.path(), 0).await;
    }
}

/// What is said once `check` ends with that code: rights change a moment after their role.
async fn comes_to(sandbox: &Sandbox, kubeconfig: &Path, code: i32) -> Output {
    let ended = until("check to end with that code", Duration::from_secs(30), async || {
        let output = check(sandbox, kubeconfig).await;
        let is_so = output.status.code() == Some(code);
        Ok(if is_so { Probe::Done(output) } else { Probe::NotYet(format!("{output:?}")) })
    });
    ended.await.expect("it does")
}
