//! An AttachedCluster's status: a pure function of what was seen of it.

use std::collections::BTreeMap;

use fleetgate_api::{AttachedCluster, AttachedClusterStatus, ConditionReason};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::reflector::Store;

use super::Guarded;
use crate::controllers::conditions::Summary;

/// The status of a cluster of which that was seen: its version, or why there is none.
pub(super) fn status(
    cluster: &AttachedCluster,
    seen: Result<String, Summary>,
    now: Timestamp,
) -> AttachedClusterStatus {
    let before = cluster.status.clone().unwrap_or_default();
    let (version, summary) = match seen {
        Ok(version) => {
            let message = format!("the cluster answers: Kubernetes {version}");
            (Some(version), Summary::new(ConditionReason::Reachable, message))
        }
        // What it was stays known while it is away.
        Err(summary) => (before.version.clone(), summary),
    };
    let generation = cluster.metadata.generation;
    AttachedClusterStatus {
        observed_generation: generation,
        conditions: summary.conditions(generation, &before.conditions, now),
        ready: Some(summary.is_ready()),
        version,
    }
}

/// How many clusters are ready, and how many are not.
pub(super) fn count(clusters: &Store<Guarded>) -> BTreeMap<&'static str, u32> {
    let mut counts = BTreeMap::new();
    for cluster in clusters.state() {
        let status = cluster.0.as_ref().ok().and_then(|cluster| cluster.status.as_ref());
        let state = match status.and_then(|status| status.ready) {
            Some(true) => "ready",
            Some(false) => "not-ready",
            None => "unknown",
        };
        *counts.entry(state).or_default() += 1;
    }
    counts
}
