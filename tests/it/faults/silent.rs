//! An API server that takes requests, and never answers some of them.

use std::time::Duration;

use fleetgate_sandbox::{Action, Rule, Verb};
use tokio::time::timeout;

use super::stage::{Half, SECRET, Stage, source};
use super::{PATIENCE, host};
use crate::delivery::{FINALIZER, finalizers};
use crate::support::{is_long, kubectl, terminate};

/// How long an answer is waited for, as `docs/running.md` says.
const LIMIT: Duration = Duration::from_secs(65);

/// A program that waits for no answer has stopped by then, also on a busy machine, and one that waits has not.
const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_answered_holds_up_nothing_else_and_is_asked_for_again() {
    let host = host().await;
    let stage = Stage::set(&host, "silent", 2).await;
    stage.proxy.add(Rule::new(Action::Hold).verb(Verb::Apply).resource("kustomizations").times(1));
    let _controller = stage.controller(&["--no-leader-election"]);
    let asked =
        async |times| stage.proxy.when(|proxy| proxy.count(Verb::Apply, "kustomizations") >= times).await;
    stage.deliver(0..1, Half::Even).await;
    timeout(PATIENCE, asked(1)).await.expect("the one is asked for that is not answered");
    // Nor does anybody wait who needs the same Secret, whatever becomes of it meanwhile.
    let emptied = r#"{"metadata": {"finalizers": null}}"#;
    let secret = ["secret", SECRET, "--namespace", stage.namespace];
    let answer = kubectl(stage.sandbox, &[&["patch"], &secret[..], &["--patch", emptied]].concat()).await;
    assert!(answer.success(), "{}", answer.stderr);
    stage.deliver(1..3, Half::Even).await;
    let others = (1..3).flat_map(|number| stage.on(Half::Even, number));
    let answered = others.chain((0..3).map(source)).collect();
    stage.stands(&answered).await;
    finalizers(stage.sandbox, stage.namespace, &[(&format!("secret/{SECRET}"), FINALIZER)]).await;
    if is_long() {
        timeout(LIMIT + PATIENCE, asked(4)).await.expect("it is asked for again");
        let told = ["events", "--for", "application/app-0", "--namespace", stage.namespace];
        let told = kubectl(stage.sandbox, &told).await.stdout;
        assert!(told.contains("was not answered within 65s"), "{told}");
        stage.stands(&answered.into_iter().chain(stage.on(Half::Even, 0)).collect()).await;
        assert_eq!(stage.written_again(), 0);
    }
}

/// As many as are written at a time, of one Application.
#[tokio::test(flavor = "multi_thread")]
async fn however_many_are_not_answered_the_others_are_written() {
    const AT_ONCE: usize = 16;
    let host = host().await;
    let stage = Stage::set(&host, "silent-many", 40).await;
    stage.proxy.add(Rule::new(Action::Hold).verb(Verb::Apply).resource("kustomizations").times(AT_ONCE));
    let _controller = stage.controller(&["--no-leader-election"]);
    stage.deliver(0..1, Half::Even).await;
    let asked = stage.proxy.when(|proxy| proxy.count(Verb::Apply, "kustomizations") == AT_ONCE);
    timeout(PATIENCE, asked).await.expect("those are asked for that are not answered");
    stage.deliver(1..2, Half::Even).await;
    stage.stands(&stage.on(Half::Even, 1).chain((0..2).map(source)).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_answered_at_the_start_stops_when_asked() {
    let host = host().await;
    let stage = Stage::set(&host, "silent-start", 2).await;
    stage.proxy.add(Rule::new(Action::Hold).resource("/version"));
    // The first list of them is the Catalog's. The next one asks whether they can be watched at all.
    stage.proxy.add(Rule::new(Action::Hold).verb(Verb::List).resource("applications").after(1));
    let mut controller = stage.controller(&[]);
    let asked = stage.proxy.when(|proxy| {
        proxy.count(Verb::Get, "/version") == 1 && proxy.count(Verb::List, "applications") == 2
    });
    timeout(PATIENCE, asked).await.expect("both are asked for");
    let ended = timeout(SOON, terminate(&mut controller.process)).await;
    assert!(ended.expect("it stops").success());
}
