//! Several webhooks behind one Service: they are rolled, and one of them is killed.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use fleetgate_sandbox::Balancer;
use fleetgate_sandbox::wait::{Probe, until};

use crate::certificates::stage::Stage;
use crate::certificates::webhook::{PATIENCE, Webhook};
use crate::load::Load;
use crate::support::free_port;

const PER_SECOND: u32 = 200;

/// Webhooks, each with a port for its health.
struct Replicas<'a> {
    stage: &'a Stage,
    balancer: Balancer,
    running: Vec<Webhook>,
}

impl<'a> Replicas<'a> {
    /// Starts so many where the API server asks; returns when it is answered.
    async fn start(stage: &'a Stage, count: usize) -> Self {
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
        let address = webhook.address;
        self.balancer.add(address, health);
        self.running.push(webhook);
        let ready = until("the replica to be ready", PATIENCE, async || {
            let is_ready = self.balancer.is_ready(address);
            Ok(if is_ready { Probe::Done(()) } else { Probe::NotYet("it is not".to_owned()) })
        });
        ready.await.expect("it is ready");
    }

    /// As a Deployment does: one more, and then one less, until all are others.
    async fn roll(&mut self) {
        for _ in 0..self.running.len() {
            self.add().await;
            let mut oldest = self.running.remove(0);
            assert!(oldest.stop().await.success(), "it ends in peace");
        }
    }

    /// Kills the oldest as the kernel does when memory is short; returns where it was.
    fn kill(&mut self) -> SocketAddr {
        let mut oldest = self.running.remove(0);
        oldest.kill();
        oldest.address
    }
}

/// Creates for as long as `meanwhile` takes, and a moment longer.
async fn load(stage: &Stage, meanwhile: impl Future<Output = ()>) -> Load {
    const AFTER: Duration = Duration::from_secs(2);
    let (client, mut meanwhile) = (stage.client(), std::pin::pin!(meanwhile));
    let mut all = Load::default();
    let mut is_over = false;
    while !is_over {
        // Each part begins before the one before it has ended, so that there is no gap.
        tokio::select! {
            part = Load::of(&client, PER_SECOND, AFTER) => all.add(part),
            () = &mut meanwhile => is_over = true,
        }
    }
    all.add(Load::of(&client, PER_SECOND, AFTER).await);
    all
}
