//! A replica that vanishes, as with its node: nobody tells those who are connected to it, and connections go there
//! until Kubernetes notices. A process that is stopped is as silent.

use std::time::{Duration, Instant};

use fleetgate_sandbox::wait::{Probe, until};
use serde_json::json;
use tokio::time::sleep;

use super::PER_SECOND;
use super::replicas::{AROUND, Replicas};
use crate::certificates::stage::Stage;
use crate::certificates::webhook::PATIENCE;
use crate::load::Load;
use crate::support::{apply, at_least, is_long, kubectl};

/// What the webhook configurations have the API server wait, which `docs/operations.md` tells.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Nobody waits twice, and a busy machine takes its time, too.
const TWICE: Duration = TIMEOUT.saturating_mul(2);

/// How long nobody notices: as long as in a cluster, or some seconds of that.
fn unnoticed() -> Duration {
    Duration::from_secs(if is_long() { 50 } else { 6 })
}

/// Expects of all that failed that it was not answered in time, and of no one that it took longer.
fn is_late_and_no_more(load: &Load) {
    let is_late =
        |text: &&String| text.contains("failed calling webhook") && text.contains("deadline exceeded");
    let other: Vec<&String> = load.failed.iter().filter(|text| !is_late(text)).collect();
    assert!(other.is_empty(), "{other:?}");
    assert!(load.slowest < TWICE + load.paused, "{}", load.told());
}

/// A connection costs one create at most: then the API server gives it up.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_costs_no_more_creates_than_it_had_connections() {
    let stage = &Stage::set().await;
    let mut replicas = Replicas::start(stage, 2).await;
    let vanished = replicas.running.remove(0);
    let mut given = 0;
    let happens = async {
        sleep(AROUND).await;
        vanished.signal("-STOP");
        sleep(unnoticed()).await;
        given = replicas.balancer.remove(vanished.address);
        sleep(AROUND).await;
    };
    let load = Load::during(&stage.client(), PER_SECOND, happens).await;
    println!("one of two vanishes: {}; it was given {given} connections", load.told());
    is_late_and_no_more(&load);
    load.reaches(at_least(PER_SECOND));

    let mut failed = load.failed.len();
    let over = until("nobody to ask it any more", PATIENCE, async || {
        let load = Load::of(&stage.client(), PER_SECOND, AROUND).await;
        is_late_and_no_more(&load);
        failed += load.failed.len();
        Ok(if load.failed.is_empty() { Probe::Done(()) } else { Probe::NotYet(load.told()) })
    });
    over.await.expect("all are admitted");
    assert!(failed <= given, "{failed} creates failed, and it was given {given} connections");
    vanished.signal("-CONT");
    replicas.balancer.stop().await;
}

/// Without another one nothing is created, and what is deleted goes.
#[tokio::test(flavor = "multi_thread")]
async fn without_another_one_creates_fail_in_time_and_what_is_deleted_goes() {
    let stage = &Stage::set().await;
    let replicas = Replicas::start(stage, 1).await;
    let fleet = json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "vanished", "namespace": "default", "finalizers": ["example.com/held"]}, "spec": {},
    });
    let stored = apply(stage.sandbox, &fleet.to_string()).await;
    assert!(stored.success(), "{}", stored.stderr);
    replicas.running[0].signal("-STOP");

    let load = Load::of(&stage.client(), PER_SECOND / 10, Duration::from_millis(200)).await;
    println!("the only one vanishes: {}", load.told());
    is_late_and_no_more(&load);
    assert_eq!(load.admitted, 0, "nobody reviews them");

    let start = Instant::now();
    kubectl(stage.sandbox, &["delete", "fleet", "vanished", "--wait=false"]).await;
    let lets_go = r#"--patch={"metadata": {"finalizers": null}}"#;
    kubectl(stage.sandbox, &["patch", "fleet", "vanished", "--type=merge", lets_go]).await;
    kubectl(stage.sandbox, &["wait", "--for=delete", "fleet", "vanished", "--timeout=30s"]).await;
    println!("a Fleet went within {:?}", start.elapsed());
    replicas.running[0].signal("-CONT");
    replicas.balancer.stop().await;
}
