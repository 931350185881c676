//! Many creates of Applications through the API server, each answer of which is counted.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetgate_api::Application;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// More are not under way at the same time: on a busy machine the rate falls, and not the answers. What was
/// asked for late is made up for as soon as that goes.
const AT_ONCE: usize = 32;

/// Where this process does not get to run for so long, others do not answer in time, which is no fault of theirs.
const PAUSE: Duration = Duration::from_secs(3);

/// How often it is seen whether this process gets to run.
const BEAT: Duration = Duration::from_millis(100);

/// What became of them.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// How many were admitted.
    pub(crate) admitted: usize,
    /// What was said of each other one, but for those that were late when the machine stood still.
    pub(crate) failed: Vec<String>,
    /// How long it took.
    pub(crate) took: Duration,
    /// How long the slowest of them took.
    pub(crate) slowest: Duration,
    /// How long this process did not get to run, at most.
    pub(crate) paused: Duration,
}

impl Load {
    /// So many creates a second for so long. Each is a dry run, which passes admission like any other
    /// and leaves nothing behind.
    pub(crate) async fn of(client: &Client, per_second: u32, duration: Duration) -> Self {
        Self::during(client, per_second, sleep(duration)).await
    }

    /// So many creates a second until that is over.
    pub(crate) async fn during(client: &Client, per_second: u32, over: impl Future<Output = ()>) -> Self {
        let mut over = pin!(over);
        let applications: Api<Application> = Api::namespaced(client.clone(), "default");
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut turns = interval(Duration::from_secs(1) / per_second);
        turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (goes_on, is_over) = oneshot::channel();
        let paused = tokio::spawn(longest_pause(is_over));
        let (start, mut asked) = (Instant::now(), JoinSet::new());
        loop {
            tokio::select! {
                biased;
                () = &mut over => break,
                _ = turns.tick() => {}
            }
            let place = Arc::clone(&places).acquire_owned().await.expect("a place");
            let (applications, number) = (applications.clone(), asked.len());
            asked.spawn(async move {
                let _place = place;
                create(&applications, number).await
            });
        }
        let mut load = Self::default();
        while let Some(answer) = asked.join_next().await {
            match answer.map_err(anyhow::Error::from).and_then(|(answer, took)| {
                load.slowest = load.slowest.max(took);
                Ok(answer?)
            }) {
                Ok(()) => load.admitted += 1,
                Err(error) => load.failed.push(error.to_string()),
            }
        }
        load.took = start.elapsed();
        drop(goes_on);
        load.paused = paused.await.expect("it ends");
        if load.paused > PAUSE {
            load.failed.retain(|text| !text.contains("deadline exceeded"));
        }
        load
    }

    /// How many were answered in a second.
    pub(crate) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        let answers = (self.admitted + self.failed.len()) as f64;
        answers / self.took.as_secs_f64()
    }

    /// Expects so many a second, over all of the time: a few that are admitted show little.
    pub(crate) fn reaches(&self, per_second: u32) {
        assert!(self.rate() >= f64::from(per_second), "too few to show anything: {}", self.told());
    }

    /// The figures in a line.
    pub(crate) fn told(&self) -> String {
        format!(
            "{} creates were admitted and {} failed in {:.1} s: {:.0} a second, the slowest took {} ms, and nobody ran for {} ms",
            self.admitted,
            self.failed.len(),
            self.took.as_secs_f64(),
            self.rate(),
            self.slowest.as_millis(),
            self.paused.as_millis()
        )
    }
}

/// How long this process does not get to run, at most, until the other end is dropped.
async fn longest_pause(mut is_over: oneshot::Receiver<()>) -> Duration {
    let mut longest = Duration::ZERO;
    loop {
        let start = Instant::now();
        let beat = timeout(BEAT, &mut is_over).await;
        longest = longest.max(start.elapsed().saturating_sub(BEAT));
        if beat.is_ok() {
            return longest;
        }
    }
}

async fn create(applications: &Api<Application>, number: usize) -> (kube::Result<()>, Duration) {
    let application = json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": format!("load-{number}")},
        "spec": {
            "source": {"gitRepository": {"url": "https://example.com/r", "interval": "3m"}},
            "syncPolicies": [{"kustomization": {"interval": "5m", "path": "./deploy", "prune": true}}],
        },
    });
    let application = serde_json::from_value(application).expect("an Application");
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    let start = Instant::now();
    let answer = applications.create(&parameters, &application).await;
    (answer.map(drop), start.elapsed())
}
