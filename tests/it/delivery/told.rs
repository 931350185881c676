//! `fleetgate status` and `fleetgate diff`: what they tell is what is there, and what comes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::*;
use crate::support::Running;

/// The program against the host; exit code, output and what is said beside it.
pub(super) fn run(sandbox: &Sandbox, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut child = command(sandbox, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    // One that reads no input closes it, which is no error of ours.
    let _closed = child.stdin.take().expect("its input").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let [out, notes] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    (output.status.code(), out, notes)
}

/// As a person runs it, who here is the administrator: it has nobody's rights but theirs.
fn command(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetgate"));
    command.args(arguments).arg("--kubeconfig").arg(sandbox.kubeconfig());
    command
}

/// The first words of each line of a tree, without what draws it, and without digits of revisions.
fn tree(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let words =
            line.trim_start_matches(['│', '├', '└', '─', ' ']).split("  ").filter(|word| !word.is_empty());
        words.take(2).map(str::trim).collect::<Vec<_>>().join(": ")
    };
    text.lines().map(line).collect()
}

/// What a program prints, line by line.
fn lines(running: &mut Running) -> Receiver<String> {
    let (sender, receiver) = channel();
    let out = running.0.stdout.take().expect("its output");
    thread::spawn(move || {
        BufReader::new(out)
            .lines()
            .map_while(Result::ok)
            .take_while(|line| sender.send(line.clone()).is_ok())
            .count()
    });
    receiver
}

#[tokio::test]
async fn status_draws_what_is_ready_and_what_is_broken() {
    let sandbox = delivery();
    namespace(sandbox, "told").await;
    member_namespace(sandbox, "told").await;
    label(sandbox, "told", "kurator-member1", "env=test").await;
    let good = selected("told", &[("web", "env: test")]);
    assert!(apply(sandbox, &good).await.success());
    becomes(sandbox, "told", "shop", "True Succeeded 1/1").await;
    let ready = [
        "NAME: STATE",
        "Application told/shop: Ready 1/1",
        "GitRepository shop: Ready",
        "Policy web (quickstart, env=test): Ready 1/1",
        "AttachedCluster kurator-member1: Ready",
        "Kustomization web-attachedcluster-kurator-member1: Ready",
    ];
    // It is told what Flux says right now, which may look once more at what it has just applied.
    let seen = until("the tree to be ready", PATIENCE, async || {
        let (code, out, notes) = run(sandbox, &["status", "shop", "-n", "told"], "");
        Ok(if tree(&out) == ready { Probe::Done((code, out, notes)) } else { Probe::NotYet(out) })
    });
    let (code, out, notes) = seen.await.expect("it is ready");
    assert_eq!((code, notes.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("master@sha1:") && !out.contains('\x1b'), "{out}");
    for (variables, coloured) in
        [(&["CLICOLOR_FORCE"][..], true), (&["NO_COLOR"], false), (&["NO_COLOR", "CLICOLOR_FORCE"], false)]
    {
        let mut status = command(sandbox, &["status", "shop", "-n", "told"]);
        status
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .envs(variables.iter().map(|name| (name, "1")));
        let shown = status.output().expect("it runs").stdout;
        assert_eq!(shown.contains(&b'\x1b'), coloured, "{variables:?}");
    }

    let watching = ["status", "--namespace", "told", "--watch"];
    let watching = command(sandbox, &watching).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut watching = Running(watching);
    let watched = lines(&mut watching);
    assert!(apply(sandbox, &good.replace("./kustomize", "./nowhere")).await.success());
    becomes(sandbox, "told", "shop", "False DeliveryFailed").await;
    let (code, out, _) = run(sandbox, &["status", "shop", "-n", "told"], "");
    assert_eq!(code, Some(1), "{out}");
    assert_eq!(tree(&out)[5], "Kustomization web-attachedcluster-kurator-member1: Failed", "{out}");
    assert!(out.contains("kustomization path not found"), "{out}");
    let is_failed = |line: &String| line.starts_with("Application told/shop") && line.contains("Failed 0/1");
    let seen = std::iter::from_fn(|| watched.recv_timeout(PATIENCE).ok()).find(is_failed);
    assert!(seen.is_some(), "it is shown again");

    let (code, out, _) = run(sandbox, &["status", "--all-namespaces", "--output", "json"], "");
    assert_eq!(code, Some(1));
    let document: Value = serde_json::from_str(&out).expect("JSON");
    let items = document["items"].as_array().expect("a list");
    let shop = items.iter().find(|item| item["namespace"] == "told").expect("the Application");
    assert_eq!(shop.pointer("/children/0/children/0/children/0/children/0/state"), Some(&"Failed".into()));
    let (code, _, notes) = run(sandbox, &["status", "none", "-n", "told"], "");
    assert_eq!(code, Some(2));
    assert_eq!(notes, "fleetgate: there is no Application \"none\" in namespace \"told\"\n");
}

#[tokio::test]
async fn diff_says_what_comes_and_writes_nothing() {
    let sandbox = delivery();
    namespace(sandbox, "moved").await;
    member_namespace(sandbox, "moved").await;
    label(sandbox, "moved", "kurator-member1", "env=test").await;
    label(sandbox, "moved", "kurator-member2", "env=dev").await;
    let on_m1 = selected("moved", &[("web", "env: test")]);
    let on_m2 = selected("moved", &[("web", "env: dev")]);
    let diff = |manifest: &str| run(sandbox, &["diff", "-f", "-"], manifest);
    let (code, out, _) = diff(&on_m1);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.ends_with("2 to make, 0 to change, 0 to delete\n"), "{out}");

    assert!(apply(sandbox, &on_m1).await.success());
    becomes(sandbox, "moved", "shop", "True Succeeded 1/1").await;
    let (code, out, notes) = diff(&on_m1);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{notes}");

    let before = get(sandbox, "moved", "shop").await;
    let (code, out, _) = diff(&on_m2);
    assert_eq!(code, Some(1), "{out}");
    let expected = "Application moved/shop
  AttachedCluster/kurator-member1  loses      Kustomization web-attachedcluster-kurator-member1
  AttachedCluster/kurator-member2  gains      Kustomization web-attachedcluster-kurator-member2

1 to make, 0 to change, 1 to delete
";
    assert_eq!(out, expected);
    assert_eq!(get(sandbox, "moved", "shop").await["spec"], before["spec"]);
    assert_eq!(kustomizations(sandbox, "moved").await, ["web-attachedcluster-kurator-member1"]);

    let (code, out, notes) = diff(&on_m2.replace("interval: 3m", "interval: often"));
    assert_eq!((code, out.as_str()), (Some(2), ""), "{notes}");
    assert!(notes.contains("spec.source.gitRepository.interval: Invalid value: \"often\""), "{notes}");

    let fleet = "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: quickstart}\nspec: {clusters: [{kind: AttachedCluster, name: kurator-member2}]}\n";
    let (code, out, notes) = run(sandbox, &["diff", "-f", "-", "--namespace", "moved"], fleet);
    assert!(
        out.contains("keeps      Kustomization web-attachedcluster-kurator-member1"),
        "{code:?} {out} {notes}"
    );

    assert!(apply(sandbox, &on_m2).await.success());
    becomes(sandbox, "moved", "shop", "True Succeeded 1/1").await;
    assert_eq!(diff(&on_m2).0, Some(0));
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "moved", "--timeout=60s"]).await;
    gone(sandbox, "moved").await;
}
