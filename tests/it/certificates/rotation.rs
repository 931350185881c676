//! Rotation every two seconds while Applications are created: none fails. For twenty seconds, and for a
//! minute with `FLEETGATE_LONG`.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::stage::Stage;
use super::webhook::Webhook;
use crate::load::Load;
use crate::support::{at_least, is_long};

/// A certificate is followed by the next after two seconds.
const FAST: [&str; 4] = ["--certificate-validity", "20s", "--certificate-renew-before", "18s"];

/// How often the certificate is looked at besides.
const LOOK: Duration = Duration::from_millis(200);

const PER_SECOND: u32 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn no_admission_fails_while_certificates_change() {
    let stage = &Stage::set().await;
    let asked = &Webhook::asked(stage.sandbox, &FAST);
    // Another replica wants to write just the same.
    let beside = Webhook::beside(stage.sandbox, &FAST);
    stage.admits().await;
    beside.serves_what(stage).await;
    let (mut served, mut bundles) = (BTreeSet::new(), BTreeSet::new());
    let look = async {
        let mut turns = interval(LOOK);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            // Between the two the configurations may differ.
            let Ok(bundle) = stage.bundle().await else { continue };
            for webhook in [asked, &beside] {
                served
                    .insert(webhook.shows(&bundle).await.expect("it is trusted by who reads the bundle now"));
            }
            bundles.insert(bundle);
        }
    };
    let client = stage.client();
    let load = tokio::select! {
        load = Load::of(&client, PER_SECOND, duration()) => load,
        () = look => unreachable!("it looks for ever"),
    };
    println!("{}; {} certificates, {} bundles", load.told(), served.len(), bundles.len());
    assert!(load.failed.is_empty(), "{}: {:?}", load.told(), load.failed.first());
    load.reaches(at_least(PER_SECOND));
    let seconds = usize::try_from(duration().as_secs()).expect("a number");
    assert!(served.len() >= seconds / 3 && bundles.len() >= seconds / 3, "{} certificates", served.len());
}

/// A replica that was frozen for some rotations wakes with what it knew then, and puts none of it back.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_frozen_puts_nothing_back() {
    let stage = &Stage::set().await;
    let _asked = Webhook::asked(stage.sandbox, &FAST);
    stage.admits().await;
    let beside = Webhook::beside(stage.sandbox, &FAST);
    stage.trusts().await;
    beside.serves_what(stage).await;
    beside.signal("-STOP");
    let mut before = stage.stored().await.expect("an answer").expect("a Secret");
    for _ in 0..3 {
        before = stage.holds("a rotation", |stored| stored["tls.crt"] != before["tls.crt"]).await;
    }
    beside.signal("-CONT");
    let load = Load::of(&stage.client(), PER_SECOND / 2, Duration::from_secs(5)).await;
    assert!(load.failed.is_empty(), "{}: {:?}", load.told(), load.failed.first());
    beside.serves_what(stage).await;
}

fn duration() -> Duration {
    if is_long() { Duration::from_mins(1) } else { Duration::from_secs(20) }
}
