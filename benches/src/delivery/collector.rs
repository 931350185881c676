//! The control plane's collector of garbage. It looks for new kinds every half a minute and follows their objects from
//! then on: what that costs the API server with every write, whoever writes then has to share.

use std::time::Duration;

use axum::http::Request;
use fleetgate_plan::FluxKind;
use fleetgate_sandbox::wait::{Probe, until};
use kube::Client;

/// How long it may take to find them.
const PATIENCE: Duration = Duration::from_mins(2);

/// The kinds that are written.
const WRITTEN: [FluxKind; 2] = [FluxKind::Kustomization, FluxKind::GitRepository];

/// Waits until it follows what is written, as it does in every cluster that is older than a minute. Nobody else may
/// watch that yet.
pub(super) async fn follows(client: &Client) -> anyhow::Result<()> {
    until("the collector of garbage to follow Flux's objects", PATIENCE, async || {
        let numbers = client.request_text(Request::get("/metrics").body(Vec::new())?).await?;
        let missing = WRITTEN.into_iter().find(|kind| !is_watched(&numbers, kind.plural()));
        Ok(missing
            .map_or(Probe::Done(()), |kind| Probe::NotYet(format!("it does not know {}", kind.plural()))))
    })
    .await
}

/// Whether anybody watches the resource, by the API server's own count.
fn is_watched(numbers: &str, resource: &str) -> bool {
    let resource = format!("resource=\"{resource}\"");
    let watches = numbers.lines().filter(|line| {
        line.starts_with("apiserver_longrunning_requests{")
            && line.contains("verb=\"WATCH\"")
            && line.contains(&resource)
    });
    watches.filter_map(|line| line.rsplit_once(' ')).any(|(_, count)| count != "0")
}
