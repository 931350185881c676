//! Several replicas of the controller, of which one works on the same.

use std::process::Command;
use std::time::Duration;

use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Sandbox, Scope};
use k8s_openapi::jiff::Timestamp;

use crate::replica::{LEASE, Replica};
use crate::support::{apply, kubectl, options, own, terminate};

const DEADLINE: Duration = Duration::from_secs(40);

/// A watch that only who leads has.
const OF_LEADERS: &str = "fleetgate_watch_age_seconds{watch=\"Secret\"}";

async fn create(sandbox: &Sandbox, namespace: &str, name: &str, labels: &str) {
    let application = format!(
        "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}\n\
         spec:\n  source: {{gitRepository: {{url: 'https://github.com/o/r', interval: 3m}}}}\n  \
         syncPolicies: [{{kustomization: {{interval: 5m, prune: true}}}}]\n"
    );
    assert!(apply(sandbox, &application).await.success());
}

/// Waits for what is said of an Application: this host has no Flux.
async fn is_looked_after(sandbox: &Sandbox, namespace: &str, name: &str) {
    let message = "jsonpath={.status.conditions[0].message}";
    let message = ["get", "application", name, "--namespace", namespace, "--output", message];
    let said = until("the condition", DEADLINE, async || {
        let text = kubectl(sandbox, &message).await.stdout;
        Ok(if text.contains("are not installed on the host") { Probe::Done(()) } else { Probe::NotYet(text) })
    });
    said.await.expect("an Application is looked after");
}

/// When the Lease was renewed last, or taken, as it says itself.
async fn lease_says(sandbox: &Sandbox, field: &str) -> Timestamp {
    let output = format!("jsonpath={{.spec.{field}}}");
    let lease =
        ["get", "lease", "fleetgate-controller", "--namespace", "fleetgate-system", "--output", &output];
    kubectl(sandbox, &lease).await.stdout.parse().expect("a time")
}

async fn sandbox() -> Sandbox {
    own(options(Scope::Admission)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_works_and_another_takes_over() {
    let sandbox = &sandbox().await;
    let mut first = Replica::start(sandbox, &[]);
    first.says("fleetgate_leader 1", DEADLINE).await;
    let mut second = Replica::start(sandbox, &[]);
    second.says("fleetgate_leader 0", DEADLINE).await;
    create(sandbox, "default", "one", "").await;
    is_looked_after(sandbox, "default", "one").await;
    let version = concat!("fleetgate_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1");
    for number in [version, "process_resident_memory_bytes ", "process_open_fds "] {
        second.says(number, DEADLINE).await;
    }
    first.says("fleetgate_reconcile_seconds_count{controller=\"application\"", DEADLINE).await;
    first
        .says("fleetgate_writes_total{verb=\"apply\",kind=\"Application\",outcome=\"succeeded\"}", DEADLINE)
        .await;
    kubectl(sandbox, &["delete", "application", "one", "--timeout=30s"]).await;
    first.says("fleetgate_queue_depth{controller=\"application\"} 0", DEADLINE).await;
    assert!(second.is_idle().await, "who waits looks at nothing");
    second.is_ready(DEADLINE).await;
    assert_eq!(second.get("/livez").await.expect("an answer"), "ok");
    second.says("fleetgate_watch_age_seconds{watch=\"Application\"}", DEADLINE).await;

    // Killed, it cannot say that it goes: it is waited for, and no longer than that.
    let renewed = lease_says(sandbox, "renewTime").await;
    first.process.0.kill().expect("it can be killed");
    second.says("fleetgate_leader 1", DEADLINE).await;
    let taken = lease_says(sandbox, "acquireTime").await;
    assert!(taken >= renewed + LEASE, "it was renewed at {renewed}, and taken at {taken}");
    create(sandbox, "default", "two", "").await;
    is_looked_after(sandbox, "default", "two").await;

    // Asked to stop, it hands over.
    let third = Replica::start(sandbox, &[]);
    third.logs("waiting to lead", DEADLINE).await;
    assert!(terminate(&mut second.process).await.success());
    second.logs("the Lease is released", DEADLINE).await;
    third.says("fleetgate_leader 1", DEADLINE).await;
    create(sandbox, "default", "three", "").await;
    is_looked_after(sandbox, "default", "three").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_looks_after_its_own() {
    let sandbox = &sandbox().await;
    for namespace in ["a", "b", "c"] {
        kubectl(sandbox, &["create", "namespace", namespace]).await;
        create(sandbox, namespace, "plain", "").await;
        create(sandbox, namespace, "ours", "team: shop").await;
    }
    let flags = ["--watch-namespaces", "a,b", "--watch-label-selector", "team in (shop)"];
    let _first = Replica::start(sandbox, &flags);
    is_looked_after(sandbox, "a", "ours").await;
    is_looked_after(sandbox, "b", "ours").await;
    let finalizers =
        "jsonpath={range .items[?(@.metadata.finalizers)]}{.metadata.namespace}/{.metadata.name} {end}";
    let looked_after = ["get", "applications", "--all-namespaces", "--output", finalizers];
    assert_eq!(kubectl(sandbox, &looked_after).await.stdout, "a/ours b/ours ");
    // Who looks after something else does not wait for the first.
    let second = Replica::start(sandbox, &["--watch-namespaces", "c"]);
    second.says("fleetgate_leader 1", DEADLINE).await;
    is_looked_after(sandbox, "c", "plain").await;
    is_looked_after(sandbox, "c", "ours").await;
    assert_eq!(kubectl(sandbox, &looked_after).await.stdout, "a/ours b/ours c/ours c/plain ");

    let output = Command::new(env!("CARGO_BIN_EXE_fleetgate"))
        .args(["controller", "--watch-label-selector", "team in shop"])
        .env("KUBECONFIG", sandbox.controller_kubeconfig())
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("--watch-label-selector \"team in shop\" cannot be watched"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_kurators_manager() {
    let sandbox = &sandbox().await;
    for namespace in ["kurator-system", "shop"] {
        kubectl(sandbox, &["create", "namespace", namespace]).await;
    }
    // Whoever may write in a namespace stops nobody else's deliveries.
    let image = ["create", "deployment", "kurator-fleet-manager", "--image", "none", "--namespace"];
    kubectl(sandbox, &[&image[..], &["shop"]].concat()).await;
    // It counts as in use for a minute before its time and after it: long enough for all that follows.
    let renewed = Timestamp::now() + Duration::from_secs(50);
    for namespace in ["kurator-system", "shop"] {
        let lease = format!(
            "apiVersion: coordination.k8s.io/v1\nkind: Lease\n\
             metadata: {{name: kurator-fleet-manager-leader-elect, namespace: {namespace}}}\n\
             spec: {{holderIdentity: pod, leaseDurationSeconds: 15, renewTime: '{renewed:.6}'}}\n"
        );
        assert!(apply(sandbox, &lease).await.success());
    }
    let replica = Replica::start(sandbox, &[]);
    replica
        .logs("Kurator's controller runs (Lease kurator-system/kurator-fleet-manager-leader-elect)", DEADLINE)
        .await;
    replica.says("fleetgate_leader 0", DEADLINE).await;
    create(sandbox, "default", "one", "").await;
    assert!(replica.is_idle().await, "who waits looks at nothing");
    replica.says_nothing_of(OF_LEADERS, DEADLINE).await;
    kubectl(
        sandbox,
        &["delete", "lease", "kurator-fleet-manager-leader-elect", "--namespace", "kurator-system"],
    )
    .await;
    is_looked_after(sandbox, "default", "one").await;
    replica.says(OF_LEADERS, DEADLINE).await;

    kubectl(sandbox, &[&image[..], &["kurator-system"]].concat()).await;
    replica.says("fleetgate_leader 0", DEADLINE).await;
    // Its controllers' watches have ended, which is no fault of theirs; the Catalog's go on.
    replica.says_nothing_of(OF_LEADERS, DEADLINE).await;
    replica.says("fleetgate_watch_age_seconds{watch=\"Application\"}", DEADLINE).await;
    let scale =
        ["scale", "deployment", "kurator-fleet-manager", "--replicas", "0", "--namespace", "kurator-system"];
    kubectl(sandbox, &scale).await;
    replica.says("fleetgate_leader 1", DEADLINE).await;
    replica.says(OF_LEADERS, DEADLINE).await;
}

#[test]
fn a_lease_that_ends_before_its_leader_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_fleetgate"))
        .args(["controller", "--lease-seconds", "10", "--lease-renew-seconds", "10"])
        .env("KUBECONFIG", "/nonexistent")
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("--lease-seconds must be more than --lease-renew-seconds"), "{text}");
}
