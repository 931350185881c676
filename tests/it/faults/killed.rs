//! The controller is killed at any moment, and started again.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::record::{Expected, Record};
use super::stage::{Half, Stage, source};
use super::{PATIENCE, host, seed};
use crate::support::kubectl;

const MOMENTS: usize = 20;

/// How many clusters an Application delivers to.
const CLUSTERS: usize = 20;

/// There is one controller at a time, and nobody waits for a dead one's Lease.
const ALONE: [&str; 1] = ["--no-leader-election"];

/// What becomes of one Application after the other.
#[derive(Clone, Copy, Debug)]
enum Change {
    Create,
    Move,
    Delete,
}

impl Change {
    const ALL: [Self; 3] = [Self::Create, Self::Move, Self::Delete];

    /// How many writes it takes.
    const fn writes(self) -> usize {
        match self {
            Self::Create | Self::Delete => CLUSTERS + 1,
            Self::Move => 2 * CLUSTERS,
        }
    }

    async fn ask(self, stage: &Stage<'_>, application: usize) {
        let applications = application..application + 1;
        match self {
            Self::Create => stage.deliver(applications, Half::Even).await,
            Self::Move => stage.deliver(applications, Half::Odd).await,
            Self::Delete => {
                let name = format!("app-{application}");
                let delete = ["delete", "application", &name, "--namespace", stage.namespace, "--wait=false"];
                kubectl(stage.sandbox, &delete).await;
            }
        }
    }
}

/// Notes what the change has to bring about.
fn note(expected: &mut Expected, change: Change, application: usize, stage: &Stage<'_>) {
    let (even, odd) = (|| stage.on(Half::Even, application), || stage.on(Half::Odd, application));
    let source = [source(application)];
    match change {
        Change::Create => expected.added(even().chain(source)),
        Change::Move => {
            expected.added(odd());
            expected.removed(even());
        }
        Change::Delete => expected.removed(odd().chain(source)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_nine_at_twenty_moments() {
    let host = host().await;
    let stage = Stage::set(&host, "killed", 2 * CLUSTERS).await;
    let record = Record::begin(&stage).await;
    let (seed, mut expected) = (seed(), Expected::default());
    let mut controller = stage.controller(&ALONE);
    for (moment, change) in Change::ALL.into_iter().cycle().take(MOMENTS).enumerate() {
        let application = moment / Change::ALL.len();
        note(&mut expected, change, application, &stage);
        stage.proxy.forget();
        let write = 1 + random(seed, moment) % change.writes();
        let killed = async {
            stage.asked(write).await;
            controller.process.0.kill().expect("it can be killed");
            controller.process.0.wait().expect("it ends");
        };
        tokio::join!(change.ask(&stage, application), killed);
        println!("{change:?} of app-{application}: killed at write {write} of {}", change.writes());
        controller = stage.controller(&ALONE);
        expected.happens(&record).await;
        stage.stands(expected.standing()).await;
        assert_eq!(stage.written_again(), 0);
    }
    drop(controller);
    stage.proxy.forget();
    let controller = stage.controller(&ALONE);
    controller.says("fleetgate_reconcile_seconds_count{controller=\"application\"", PATIENCE).await;
    assert_eq!(stage.writes(), 0, "all has been done");
    expected.happens(&record).await;
}

/// Some number, the same for the same seed and moment.
fn random(seed: u64, moment: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    (seed, moment).hash(&mut hasher);
    usize::try_from(hasher.finish() >> 33).expect("a number of 31 bits")
}
