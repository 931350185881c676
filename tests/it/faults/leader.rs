//! Two replicas, and the one that leads is killed or frozen while it writes.

use std::ops::Range;
use std::process::Command;
use std::time::Instant;

use super::record::{Expected, Record};
use super::stage::{Half, Stage, source};
use super::{PATIENCE, host};
use crate::replica::Replica;

/// How many clusters an Application delivers to.
const CLUSTERS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_falls_silent_is_followed_and_nothing_is_written_twice() {
    let host = host().await;
    let stage = Stage::set(&host, "led", 2 * CLUSTERS).await;
    let record = Record::begin(&stage).await;
    let mut expected = Expected::default();
    let mut first = stage.controller(&[]);
    first.says("fleetgate_leader 1", PATIENCE).await;
    let second = stage.controller(&[]);
    second.logs("waiting to lead", PATIENCE).await;

    amid(&stage, &mut expected, 0..4, || first.process.0.kill().expect("it can be killed")).await;
    takes_over(&second).await;
    expected.happens(&record).await;

    // One that only seems dead has requests under way, and would go on with the rest.
    let third = stage.controller(&[]);
    third.logs("waiting to lead", PATIENCE).await;
    stage.proxy.forget();
    amid(&stage, &mut expected, 4..8, || signal(&second, "-STOP")).await;
    takes_over(&third).await;
    expected.happens(&record).await;
    signal(&second, "-CONT");
    second.says("fleetgate_leader 0", PATIENCE).await;
    third.says("fleetgate_leader 1", PATIENCE).await;
    stage.stands(expected.standing()).await;
    expected.happens(&record).await;
    assert_eq!(stage.written_again(), 0);
}

/// Has these Applications delivered, and does something at half of the writes.
async fn amid(stage: &Stage<'_>, expected: &mut Expected, applications: Range<usize>, fault: impl FnOnce()) {
    for application in applications.clone() {
        expected.added(stage.on(Half::Even, application).chain([source(application)]));
    }
    let writes = applications.len() * (CLUSTERS + 1);
    let happens = async {
        stage.asked(writes / 2).await;
        fault();
    };
    tokio::join!(stage.deliver(applications, Half::Even), happens);
}

/// Waits until the replica leads.
async fn takes_over(replica: &Replica) {
    let silent = Instant::now();
    replica.says("fleetgate_leader 1", PATIENCE).await;
    println!("taken over after {:.1} s", silent.elapsed().as_secs_f64());
}

fn signal(replica: &Replica, signal: &str) {
    let sent = Command::new("kill").args([signal, &replica.process.0.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
}
