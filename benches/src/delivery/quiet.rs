//! Waiting until nothing happens any more.

use std::time::{Duration, Instant};

use fleetgate_sandbox::wait::{Probe, until};
use kube::Client;

use super::controller::Controller;
use super::counts::Counts;

/// How long nothing has to happen.
const REST: Duration = Duration::from_secs(3);

/// How long it may take until then.
const PATIENCE: Duration = Duration::from_mins(5);

/// Waits until the controller looks at nothing, and nobody writes anything.
pub(super) async fn quiet(client: &Client, controller: &Controller) -> anyhow::Result<()> {
    let (mut seen, mut since) = ((0, 0), Instant::now());
    until("the controller to rest", PATIENCE, async || {
        let now = (controller.looks().await?, Counts::of(client).await?.writes().total());
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
        let rests = since.elapsed() >= REST;
        Ok(if rests { Probe::Done(()) } else { Probe::NotYet(format!("{now:?} looks and writes")) })
    })
    .await
}
