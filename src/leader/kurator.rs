//! Kurator's own controller. It writes the same objects under the same names:
//! while it runs, nobody here leads.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use tokio::time::sleep;

/// The Lease of Kurator's controller, in whatever namespace.
pub(crate) const KURATOR_LEASE: &str = "kurator-fleet-manager-leader-elect";

/// The Deployment of Kurator's controller, in whatever namespace.
pub(crate) const KURATOR_DEPLOYMENT: &str = "kurator-fleet-manager";

/// How often it is looked for.
const REST: Duration = Duration::from_secs(10);

/// A Lease that was renewed within this time is in use, and our clock and theirs
/// may be apart by most of it. Kurator renews every few seconds.
const CURRENT: SignedDuration = SignedDuration::from_mins(1);

/// Who looks for Kurator's controller.
pub(super) struct Kurator {
    leases: Api<Lease>,
    deployments: Api<Deployment>,
}

impl Kurator {
    pub(super) fn new(client: Client) -> Self {
        Self { leases: Api::all(client.clone()), deployments: Api::all(client) }
    }

    /// Waits until it does not run.
    pub(super) async fn gone(&self) {
        while self.runs().await {
            sleep(REST).await;
        }
    }

    /// Waits until it runs.
    pub(super) async fn comes(&self) {
        while !self.runs().await {
            sleep(REST).await;
        }
    }

    /// Whether it runs. Where that cannot be told, it does not: most hosts never had it.
    pub(super) async fn runs(&self) -> bool {
        match self.trace().await {
            Ok(Some(trace)) => {
                tracing::warn!(
                    "Kurator's controller runs ({trace}): nothing is written until it is scaled down"
                );
                true
            }
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(%error, "it cannot be told whether Kurator's controller runs");
                false
            }
        }
    }

    /// What tells of it.
    async fn trace(&self) -> kube::Result<Option<String>> {
        let leases = self.leases.list(&named(KURATOR_LEASE)).await?;
        if let Some(lease) = leases.items.iter().find(|lease| is_current(lease, Timestamp::now())) {
            return Ok(Some(format!("Lease {}/{}", lease.namespace().unwrap_or_default(), lease.name_any())));
        }
        let deployments = self.deployments.list(&named(KURATOR_DEPLOYMENT)).await?;
        let running = deployments.items.iter().find(|deployment| has_replicas(deployment));
        Ok(running.map(|deployment| {
            format!("Deployment {}/{}", deployment.namespace().unwrap_or_default(), deployment.name_any())
        }))
    }
}

fn named(name: &str) -> ListParams {
    ListParams::default().fields(&format!("metadata.name={name}"))
}

fn is_current(lease: &Lease, now: Timestamp) -> bool {
    let Some(spec) = &lease.spec else { return false };
    let is_held = spec.holder_identity.as_ref().is_some_and(|holder| !holder.is_empty());
    is_held && spec.renew_time.as_ref().is_some_and(|renewed| now.duration_since(renewed.0) < CURRENT)
}

/// One without a number has one replica.
fn has_replicas(deployment: &Deployment) -> bool {
    let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    replicas.unwrap_or(1) > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::apps::v1::DeploymentSpec;
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

    #[test]
    fn a_lease_that_is_left_over_stops_nobody() {
        let now = Timestamp::now();
        let table = [
            (Some("pod"), Some(2), true),
            (Some("pod"), Some(-2), true),
            (Some("pod"), Some(61), false),
            (Some("pod"), None, false),
            (Some(""), Some(2), false),
            (None, Some(2), false),
        ];
        for (holder, seconds, expected) in table {
            let spec = LeaseSpec {
                holder_identity: holder.map(str::to_owned),
                renew_time: seconds.map(|ago| MicroTime(now - SignedDuration::from_secs(ago))),
                ..LeaseSpec::default()
            };
            let lease = Lease { spec: Some(spec), ..Lease::default() };
            assert_eq!(is_current(&lease, now), expected, "{holder:?}, {seconds:?} s ago");
        }
    }

    #[test]
    fn a_deployment_that_is_scaled_down_stops_nobody() {
        for (replicas, expected) in [(None, true), (Some(2), true), (Some(0), false)] {
            let spec = DeploymentSpec { replicas, ..DeploymentSpec::default() };
            let deployment = Deployment { spec: Some(spec), ..Deployment::default() };
            assert_eq!(has_replicas(&deployment), expected, "{replicas:?}");
        }
    }
}
