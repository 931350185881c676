//! Any process can be killed, started again, and frozen; what it kept in etcd is still there.

#![allow(clippy::expect_used, reason = "a test says what it expects")]

use std::path::Path;
use std::time::Duration;

use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Options, Progress, Sandbox, Scope};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, PostParams};

const APISERVER: &str = "host-kube-apiserver";
const CONTROLLER: &str = "fleetgate-second";

/// A program in Fleetgate's place, which says how it was started.
fn program(folder: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let program = folder.join("program");
    std::fs::write(&program, "#!/bin/sh\necho \"$$ $*\"\nexec sleep 600\n").expect("the program is written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    program
}

/// The lines of a process's log, once there are that many.
async fn lines(sandbox: &Sandbox, process: &str, count: usize) -> Vec<String> {
    let log = sandbox.log(process);
    let seen = until("the process to say that it runs", Duration::from_secs(30), async || {
        let text = std::fs::read_to_string(&log)?;
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        Ok(if lines.len() == count { Probe::Done(lines) } else { Probe::NotYet(text) })
    });
    seen.await.expect("the lines")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_killed_paused_and_started_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options::new(program(folder.path()), Scope::Host);
    let sandbox = Sandbox::start(options, &Progress::stderr()).await.expect("the sandbox starts");
    let kubeconfig = sandbox.controller_kubeconfig().to_owned();

    sandbox.run_controller("second", &kubeconfig, &["--some-flag"]).expect("it starts");
    assert!(sandbox.run_controller("second", &kubeconfig, &[]).is_err(), "names are taken once");
    let first = lines(&sandbox, CONTROLLER, 1).await;
    assert!(first.iter().all(|line| line.ends_with(" controller --some-flag")), "{first:?}");
    let runs = sandbox.revive(CONTROLLER).await.expect_err("it runs");
    assert_eq!(runs.to_string(), "fleetgate-second runs already: kill it first");
    sandbox.restart(CONTROLLER).await.expect("it is killed and starts again");
    let [first, second] = lines(&sandbox, CONTROLLER, 2).await.try_into().expect("two lines");
    assert_ne!(first, second, "another process by the same command line");
    sandbox.terminate(CONTROLLER).await.expect("it ends");

    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client());
    let kept =
        serde_json::from_value(serde_json::json!({"metadata": {"name": "kept"}})).expect("a ConfigMap");
    maps.create(&PostParams::default(), &kept).await.expect("it is created");
    sandbox.kill(APISERVER).await.expect("it is killed");
    assert!(maps.get_opt("kept").await.is_err(), "nobody answers");
    sandbox.revive(APISERVER).await.expect("it comes up again");
    maps.get("kept").await.expect("what was written is still there");

    sandbox.pause(APISERVER).expect("it is paused");
    let silent = tokio::time::timeout(Duration::from_millis(300), maps.get("kept")).await;
    assert!(silent.is_err(), "it says nothing");
    sandbox.resume(APISERVER).expect("it goes on");
    maps.get("kept").await.expect("it answers again");

    let unknown = sandbox.kill("nobody").await.expect_err("there is none").to_string();
    assert!(unknown.starts_with("no process nobody; there are etcd, host-kube-apiserver"), "{unknown}");
    sandbox.stop().await;
}

/// A member is its API server to everybody outside.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_goes_down_and_comes_back() {
    let options = Options { without_fleetgate: true, ..Options::new("", Scope::Delivery) };
    let sandbox = Sandbox::start(options, &Progress::stderr()).await.expect("the sandbox starts");
    sandbox.kill("kurator-member1-kube-apiserver").await.expect("it is killed");
    let namespaces = |index| Api::<Namespace>::all(sandbox.member_client(index).expect("a member"));
    assert!(namespaces(0).get("default").await.is_err());
    namespaces(1).get("default").await.expect("the other member is not concerned");
    sandbox.revive("kurator-member1-kube-apiserver").await.expect("it comes up again");
    namespaces(0).get("default").await.expect("it is back");
    sandbox.restart("kustomize-controller").await.expect("Flux starts again");
    sandbox.stop().await;
}
