//! Rotation every two seconds while Applications are created: none fails. For some rotations, and for a
//! minute with `FLEETGATE_LONG`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::stage::Stage;
use super::webhook::Webhook;
use crate::load::Load;
use crate::support::{at_least, is_long};

/// A certificate is followed by the next after two seconds.
const FAST: [&str; 4] = ["--certificate-validity", "20s", "--certificate-renew-before", "18s"];

/// How often the certificate is looked at besides.
const LOOK: Duration = Duration::from_millis(200);

const PER_SECOND: u32 = 200;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_mins(3);

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
        let (start, (least, rotations)) = (Instant::now(), enough());
        while start.elapsed() < least || served.len().min(bundles.len()) < rotations {
            turns.tick().await;
            // Between the two the configurations may differ.
            let Ok(bundle) = stage.bundle().await else { continue };
            for webhook in [asked, &beside] {
                served.extend(shown(stage, webhook, &bundle).await);
            }
            bundles.insert(bundle);
        }
    };
    let looked = async { timeout(PATIENCE, look).await.expect("it is rotated as often") };
    let load = Load::during(&stage.client(), PER_SECOND, looked).await;
    println!("{}; {} certificates, {} bundles", load.told(), served.len(), bundles.len());
    assert!(load.failed.is_empty(), "{}: {:?}", load.told(), load.failed.first());
    load.reaches(at_least(PER_SECOND));
}

/// What a replica shows to who reads the bundle now. On a busy machine that one may be over before it is asked.
async fn shown(stage: &Stage, webhook: &Webhook, bundle: &str) -> Option<Vec<u8>> {
    match webhook.shows(bundle).await {
        Ok(shown) => Some(shown),
        Err(error) => {
            let now = stage.bundle().await.ok();
            assert!(now.as_deref() != Some(bundle), "who reads the bundle now does not trust it: {error}");
            None
        }
    }
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

/// For how long at least, and how many certificates and bundles have to be seen.
fn enough() -> (Duration, usize) {
    if is_long() { (Duration::from_mins(1), 20) } else { (Duration::ZERO, 6) }
}
