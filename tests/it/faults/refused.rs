//! Requests are refused, cut off, or their answers lost, and so are watches.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fleetgate_sandbox::{Action, Rule, Verb};
use tokio::time::timeout;

use super::record::{Expected, Record};
use super::stage::{Half, Stage, source};
use super::{PATIENCE, host};
use crate::support::kubectl;

const APPLICATIONS: usize = 6;

/// How many clusters an Application delivers to.
const CLUSTERS: usize = 20;

/// What goes wrong with writes, each so many times.
const FAULTS: [Action; 6] = [
    Action::Answer(409),
    Action::Answer(429),
    Action::Answer(500),
    Action::Answer(503),
    Action::Cut,
    Action::Lose,
];
const TIMES: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_cut_off_arrives_and_is_written_once() {
    let host = host().await;
    let stage = Stage::set(&host, "refused", 2 * CLUSTERS).await;
    let record = Record::begin(&stage).await;
    let goes_wrong = |fault, verb, resource: &str, after, times| {
        stage.proxy.add(Rule::new(fault).verb(verb).resource(resource).after(after).times(times));
    };
    for (place, fault) in FAULTS.into_iter().enumerate() {
        goes_wrong(fault, Verb::Apply, "kustomizations", 7 * place, TIMES);
        goes_wrong(fault, Verb::Apply, "gitrepositories", place, 1);
        goes_wrong(fault, Verb::Patch, "applications", place, 1);
        goes_wrong(fault, Verb::Apply, "applications/status", place, 1);
    }
    // A watch that is told that its version is long gone begins anew.
    goes_wrong(Action::Answer(410), Verb::Watch, "kustomizations", 1, 1);
    for resource in ["kustomizations", "gitrepositories", "applications", "fleets"] {
        goes_wrong(Action::Answer(429), Verb::List, resource, 0, 1);
        goes_wrong(Action::Answer(500), Verb::Watch, resource, 2, 1);
    }

    let mut expected = Expected::default();
    for application in 0..APPLICATIONS {
        expected.added(stage.on(Half::Even, application).chain([source(application)]));
    }
    let _controller = stage.controller(&["--no-leader-election"]);
    let cut = async {
        for writes in [10, 60, 110] {
            stage.asked(writes).await;
            stage.proxy.cut_watches();
        }
    };
    tokio::join!(stage.deliver(0..APPLICATIONS, Half::Even), cut);
    expected.happens(&record).await;
    stage.stands(expected.standing()).await;
    stage.is_said(&format!("False Progressing 0/{CLUSTERS}")).await;
    assert_eq!(stage.written_again(), 0);
    let asked = stage.proxy.count(Verb::Apply, "kustomizations");
    let once = APPLICATIONS * CLUSTERS;
    // What was written though the answer was lost may be heard of by the watch before.
    let most = once + FAULTS.len() * TIMES;
    assert!((most - TIMES..=most).contains(&asked), "each fault costs one request more: {asked}");
}

/// Waits until that was asked of the Kustomizations so often; returns when it was.
async fn asked(stage: &Stage<'_>, verb: Verb, times: usize) -> Vec<Instant> {
    let asked = stage.proxy.when(|proxy| proxy.count(verb, "kustomizations") >= times);
    timeout(PATIENCE, asked).await.expect("it is asked for");
    stage.proxy.times(verb, "kustomizations")
}

/// An API server that refuses is left alone for as long as it asks for, and then for longer and
/// longer.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_long_is_not_asked_for_all_the_time() {
    let host = host().await;
    let stage = Stage::set(&host, "rests", 2).await;
    let record = Record::begin(&stage).await;
    let mut expected = Expected::default();
    expected.added(stage.on(Half::Even, 0).chain([source(0)]));
    stage.proxy.add(Rule::new(Action::Answer(429)).verb(Verb::Apply).resource("kustomizations"));
    let _controller = stage.controller(&["--no-leader-election"]);
    stage.deliver(0..1, Half::Even).await;
    let times = asked(&stage, Verb::Apply, 4).await;
    // It asks for a second, and the event of the source comes before that.
    let rests = [times[1] - times[0], times[3] - times[0]];
    let least = [Duration::from_millis(900), Duration::from_secs(2)];
    assert!(rests.iter().zip(least).all(|(rest, least)| *rest >= least), "{rests:?}");
    stage.proxy.heal();
    expected.happens(&record).await;
    stage.stands(expected.standing()).await;
}

/// What is refused is no nearer to its end for being asked for all the time, and others wait meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_is_refused_for_long_is_not_asked_for_all_the_time() {
    let host = host().await;
    let stage = Stage::set(&host, "leaving", 2).await;
    let controller = stage.controller(&["--no-leader-election"]);
    stage.deliver(0..1, Half::Even).await;
    stage.stands(&stage.on(Half::Even, 0).chain([source(0)]).collect()).await;
    stage.proxy.add(Rule::new(Action::Answer(429)).verb(Verb::Delete).resource("kustomizations"));
    let application = ["application", "app-0", "--namespace", stage.namespace];
    kubectl(&host, &[&["delete"], &application[..], &["--wait=false"]].concat()).await;
    // It asks for a second; the fourth rest is of eight, more or less.
    let times = asked(&stage, Verb::Delete, 5).await;
    let rests = [times[1] - times[0], times[4] - times[3]];
    let least = [Duration::from_millis(900), Duration::from_secs(6)];
    assert!(rests.iter().zip(least).all(|(rest, least)| *rest >= least), "{rests:?}");
    stage
        .is_said("False Deleting 0/1: waiting for Flux to remove Kustomization web-0-attachedcluster-m0 from")
        .await;
    let failed = r#"fleetgate_reconcile_seconds_count{controller="application",outcome="failed"}"#;
    controller.says(failed, PATIENCE).await;
    stage.proxy.heal();
    // A person's word is taken up at once.
    kubectl(&host, &[&["annotate"], &application[..], &["fleetgate.dev/orphan=true"]].concat()).await;
    stage.stands(&BTreeSet::new()).await;
}

/// Before everything has been listed nothing is delivered, which is not to look as if nothing were to be done.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_listed_is_told_by_who_leads() {
    let host = host().await;
    let stage = Stage::set(&host, "unlisted", 2).await;
    stage.proxy.add(Rule::new(Action::Answer(500)).verb(Verb::List).resource("buckets"));
    let controller = stage.controller(&["--no-leader-election"]);
    stage.deliver(0..1, Half::Even).await;
    let age = |of| format!("fleetgate_controller_watch_age_seconds{{watch=\"{of}\"}} ");
    controller.logs("the watch of buckets is broken", PATIENCE).await;
    controller.says(&format!("{}0.0", age("gitrepositories")), PATIENCE).await;
    // Fleets and clusters need no list of what is delivered, and are looked at.
    controller.says("fleetgate_reconcile_seconds_count{controller=\"fleet\"", PATIENCE).await;
    let told = controller.get("/metrics").await.expect("its numbers");
    let buckets = told.lines().find_map(|line| line.strip_prefix(&age("buckets"))).expect("an age");
    assert!(buckets.parse::<f64>().expect("a number") > 0.0, "{told}");
    assert!(!told.contains("fleetgate_reconcile_seconds_count{controller=\"application\""), "{told}");
    assert_eq!(stage.proxy.count(Verb::Apply, "gitrepositories"), 0);
    stage.proxy.heal();
    stage.stands(&stage.on(Half::Even, 0).chain([source(0)]).collect()).await;
    controller.says(&format!("{}0.0", age("buckets")), PATIENCE).await;
}
