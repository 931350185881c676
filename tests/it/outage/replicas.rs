//! Several webhooks behind one Service: they are rolled, and one of them is killed.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use fleetgate_sandbox::Balancer;
use fleetgate_sandbox::wait::{Probe, until};
use tokio::time::sleep;

use super::PER_SECOND;
use crate::certificates::stage::Stage;
use crate::certificates::webhook::{PATIENCE, Webhook};
use crate::load::Load;
use crate::support::{at_least, free_port};

/// How long creates go on before and after what happens.
pub(super) const AROUND: Duration = Duration::from_secs(2);

/// Webhooks of which each tells its health.
pub(super) struct Replicas<'a> {
    stage: &'a Stage,
    pub(super) balancer: Balancer,
    pub(super) running: Vec<Webhook>,
}

impl<'a> Replicas<'a> {
    /// Starts so many where the API server asks; returns when it is answered.
    pub(super) async fn start(stage: &'a Stage, count: usize) -> Self {
        let balancer = Balancer::start(stage.sandbox.webhook_addr()).await.expect("it listens");
        let mut this = Self { stage, balancer, running: Vec::new() };
        for _ in 0..count {
            this.add().await;
        }
        stage.admits().await;
        this
    }

    /// Starts one more; returns when it takes part.
    async fn add(&mut self) {
        let health = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let webhook = Webhook::beside(self.stage.sandbox, &["--metrics-bind", &health.to_string()]);
        self.balancer.add(webhook.address, health);
        self.turns(&webhook, true).await;
        self.running.push(webhook);
    }

    /// Waits until a replica takes part, or does not any more.
    async fn turns(&self, webhook: &Webhook, ready: bool) {
        let turned = until("the replica's readiness to change", PATIENCE, async || {
            let is_ready = self.balancer.is_ready(webhook.address);
            Ok(if is_ready == ready { Probe::Done(()) } else { Probe::NotYet(is_ready.to_string()) })
        });
        turned.await.expect("it changes");
    }

    /// As a Deployment does: one more, and then one less, until all are others.
    async fn roll(&mut self) {
        for _ in 0..self.running.len() {
            self.add().await;
            self.end().await;
        }
    }

    /// Ends one as a kubelet does whenever a pod has to go; returns when it has ended.
    async fn end(&mut self) {
        let status = self.running.remove(0).stop().await;
        assert!(status.success(), "it ends in peace: {status}");
    }

    /// Kills one as the kernel does when memory is short; returns when that was noticed.
    async fn kill(&mut self) {
        let mut killed = self.running.remove(0);
        killed.kill();
        self.turns(&killed, false).await;
    }

    /// Creates Applications while that happens.
    async fn load(stage: &Stage, happens: impl Future<Output = ()>) -> Load {
        let around = async {
            sleep(AROUND).await;
            happens.await;
            sleep(AROUND).await;
        };
        Load::during(&stage.client(), PER_SECOND, around).await
    }
}

/// None of the creates fails while that happens to so many.
async fn none_fails_while(what: &str, count: usize, happens: impl AsyncFnOnce(&mut Replicas<'_>)) {
    let stage = &Stage::set().await;
    let mut replicas = Replicas::start(stage, count).await;
    let load = Replicas::load(stage, happens(&mut replicas)).await;
    println!("{what} of {count}: {}", load.told());
    assert!(load.failed.is_empty(), "{}: {:?}", load.told(), load.failed);
    load.reaches(at_least(PER_SECOND));
    replicas.balancer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_admission_fails_while_two_are_rolled() {
    none_fails_while("a roll", 2, async |replicas| replicas.roll().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_admission_fails_while_three_are_rolled() {
    none_fails_while("a roll", 3, async |replicas| replicas.roll().await).await;
}

/// Nobody is started in its place.
#[tokio::test(flavor = "multi_thread")]
async fn no_admission_fails_while_one_of_two_is_ended() {
    none_fails_while("an end of one", 2, async |replicas| replicas.end().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_admission_fails_while_one_of_three_is_ended() {
    none_fails_while("an end of one", 3, async |replicas| replicas.end().await).await;
}

/// What a process is asked while it is killed nobody else knows of, and an API server asks no second time. Everybody else is
/// answered.
async fn killed(count: usize) {
    let stage = &Stage::set().await;
    let mut replicas = Replicas::start(stage, count).await;
    let before = replicas.balancer.lost();
    let load = Replicas::load(stage, replicas.kill()).await;
    let counted = until("as many connections to be lost as creates failed", PATIENCE, async || {
        let lost = replicas.balancer.lost() - before;
        Ok(if load.failed.len() <= lost { Probe::Done(lost) } else { Probe::NotYet(lost.to_string()) })
    });
    let lost = counted.await.unwrap_or_else(|error| panic!("{}: {error}, {:?}", load.told(), load.failed));
    println!("one of {count} is killed: {}; {lost} connections were lost", load.told());
    load.reaches(at_least(PER_SECOND));
    let after = Load::of(&stage.client(), PER_SECOND, AROUND).await;
    assert!(after.failed.is_empty(), "{:?}", after.failed);
    replicas.balancer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_is_killed() {
    killed(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_is_killed() {
    killed(3).await;
}
