//! An AttachedCluster's status: a pure function of what was seen of it.

use std::collections::BTreeMap;

use fleetgate_api::attached_cluster::KubeconfigReference;
use fleetgate_api::{AttachedCluster, AttachedClusterStatus, ConditionReason};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::reflector::Store;

use super::Guarded;
use crate::controllers::conditions::Summary;

/// The status of a cluster of which that was seen: its version, or why there is
/// none; and its Secret, if that is `going`.
pub(super) fn status(
    cluster: &AttachedCluster,
    seen: Result<String, Summary>,
    going: Option<&KubeconfigReference>,
    now: Timestamp,
) -> AttachedClusterStatus {
    let before = cluster.status.clone().unwrap_or_default();
    let (version, mut summary) = match seen {
        Ok(version) => {
            let message = format!("the cluster answers: Kubernetes {version}");
            (Some(version), Summary::new(ConditionReason::Reachable, message))
        }
        // What it was stays known while it is away.
        Err(summary) => (before.version.clone(), summary),
    };
    if let Some(KubeconfigReference { name, .. }) = going {
        summary.message = format!(
            "{}; its Secret {name:?} is being deleted, and stays only while something is delivered with it: name \
             another Secret in spec.kubeconfig, or take the cluster out of its Fleets",
            summary.message
        );
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_api::AttachedClusterSpec;

    #[test]
    fn a_secret_that_is_going_is_said_whatever_else_is() {
        let (cluster, now) = (AttachedCluster::new("m1", AttachedClusterSpec::default()), Timestamp::now());
        let secret = KubeconfigReference { name: "key".to_owned(), key: "value".to_owned() };
        let away = || Summary::new(ConditionReason::Unreachable, "10.0.0.1:6443 does not answer");
        let going = "; its Secret \"key\" is being deleted, and stays only while something is delivered with it: name another \
                     Secret in spec.kubeconfig, or take the cluster out of its Fleets";
        let table = [
            (Ok("v1.36.3".to_owned()), None, "True Reachable the cluster answers: Kubernetes v1.36.3", ""),
            (
                Ok("v1.36.3".to_owned()),
                Some(&secret),
                "True Reachable the cluster answers: Kubernetes v1.36.3",
                going,
            ),
            (Err(away()), Some(&secret), "False Unreachable 10.0.0.1:6443 does not answer", going),
        ];
        for (seen, secret, said, more) in table {
            let status = status(&cluster, seen, secret, now);
            let ready = &status.conditions[0];
            assert_eq!(
                format!("{} {} {}", ready.status, ready.reason, ready.message),
                format!("{said}{more}")
            );
        }
    }
}
