//! Kurator's own controller. It writes the same objects under the same names:
//! while it runs, nobody here leads.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::{Api, Client, ResourceExt};
use tokio::time::sleep;

/// The namespace that Kurator's charts are for.
pub(crate) const KURATOR_NAMESPACE: &str = "kurator-system";

/// The Lease of Kurator's controller.
pub(crate) const KURATOR_LEASE: &str = "kurator-fleet-manager-leader-elect";

/// The Deployment of Kurator's controller.
pub(crate) const KURATOR_DEPLOYMENT: &str = "kurator-fleet-manager";

/// How often it is looked for.
const REST: Duration = Duration::from_secs(10);

/// A Lease that was renewed within this time is in use, and our clock and theirs
/// may be apart by most of it. Kurator renews every few seconds.
const CURRENT: SignedDuration = SignedDuration::from_mins(1);

/// Who looks for Kurator's controller: in its own namespace alone, since in others anyone who may write
/// there could stop every delivery by a Deployment of that name.
pub(super) struct Kurator {
    leases: Api<Lease>,
    deployments: Api<Deployment>,
}

impl Kurator {
    pub(super) fn new(client: Client, namespace: &str) -> Self {
        Self {
            leases: Api::namespaced(client.clone(), namespace),
            deployments: Api::namespaced(client, namespace),
        }
    }

    /// Waits until it is known not to run.
    pub(super) async fn gone(&self) {
        while self.runs().await != Some(false) {
            sleep(REST).await;
        }
    }

    /// Waits until it is known to run.
    pub(super) async fn comes(&self) {
        while self.runs().await != Some(true) {
            sleep(REST).await;
        }
    }

    /// Whether it runs, if that can be told. Where it may not be asked for, it does not: most hosts never had it.
    pub(super) async fn runs(&self) -> Option<bool> {
        match self.trace().await {
            Ok(Some(trace)) => {
                tracing::warn!(
                    "Kurator's controller runs ({trace}): nothing is written until it is scaled down"
                );
                Some(true)
            }
            Ok(None) => Some(false),
            Err(error) => {
                tracing::warn!(%error, "it cannot be told whether Kurator's controller runs");
                matches!(error, kube::Error::Api(status) if status.is_forbidden()).then_some(false)
            }
        }
    }

    /// What tells of it.
    async fn trace(&self) -> kube::Result<Option<String>> {
        let lease = self.leases.get_opt(KURATOR_LEASE).await?;
        if let Some(lease) = lease.filter(|lease| is_current(lease, Timestamp::now())) {
            return Ok(Some(format!("Lease {}/{KURATOR_LEASE}", lease.namespace().unwrap_or_default())));
        }
        let deployment = self.deployments.get_opt(KURATOR_DEPLOYMENT).await?;
        Ok(deployment.filter(has_replicas).map(|deployment| {
            format!("Deployment {}/{KURATOR_DEPLOYMENT}", deployment.namespace().unwrap_or_default())
        }))
    }
}

fn is_current(lease: &Lease, now: Timestamp) -> bool {
    let Some(spec) = &lease.spec else { return false };
    let is_held = spec.holder_identity.as_ref().is_some_and(|holder| !holder.is_empty());
    is_held && spec.renew_time.as_ref().is_some_and(|renewed| now.duration_since(renewed.0).abs() < CURRENT)
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
            (Some("pod"), Some(-61), false),
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
