//! A Fleet's status: a pure function of how it stands.

use fleetgate_api::{ConditionReason, Fleet, FleetStatus};
use fleetgate_webhooks::Finding;
use k8s_openapi::jiff::Timestamp;

use crate::controllers::conditions::Summary;

/// At most this many clusters are named.
const LISTED: usize = 10;

/// How a Fleet stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    pub(super) is_deleting: bool,
    /// What is wrong with it as it is stored.
    pub(super) findings: Vec<Finding>,
    /// The clusters that exist.
    pub(super) members: usize,
    /// Those of them that are not ready.
    pub(super) not_ready: Vec<String>,
    /// Those that are listed and do not exist.
    pub(super) missing: Vec<String>,
    /// A Secret that is not there is why one is not ready.
    pub(super) awaits_secret: bool,
}

/// Kurator's word for where a Fleet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Ready,
    Failed,
    Terminating,
}

impl Phase {
    const fn of(reason: ConditionReason) -> Self {
        match reason {
            ConditionReason::Succeeded => Self::Ready,
            ConditionReason::InvalidSpec => Self::Failed,
            ConditionReason::Deleting => Self::Terminating,
            _ => Self::Running,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Ready => "Ready",
            Self::Failed => "Failed",
            Self::Terminating => "Terminating",
        }
    }
}

/// The status of a Fleet that stands so.
pub(super) fn status(fleet: &Fleet, standing: &Standing, now: Timestamp) -> FleetStatus {
    let before = fleet.status.clone().unwrap_or_default();
    let summary = summary(standing);
    let phase = Phase::of(summary.reason);
    let count = |clusters: usize| i32::try_from(clusters).ok();
    let Standing { members, not_ready, missing, .. } = standing;
    FleetStatus {
        observed_generation: fleet.metadata.generation,
        conditions: summary.conditions(fleet.metadata.generation, &before.conditions, now),
        phase: Some(phase.as_str().to_owned()),
        reason: (phase != Phase::Ready).then(|| summary.reason.as_str().to_owned()),
        clusters: count(members + missing.len()),
        ready_clusters: count(members.saturating_sub(not_ready.len())),
        un_ready_clusters: count(not_ready.len() + missing.len()),
        ..before
    }
}

fn summary(standing: &Standing) -> Summary {
    let Standing { members, not_ready, missing, .. } = standing;
    if standing.is_deleting {
        return Summary::new(ConditionReason::Deleting, "the Fleet is being deleted");
    }
    if let Some(invalid) = Summary::invalid(&standing.findings) {
        return invalid;
    }
    let lists = [("not ready", not_ready), ("do not exist", missing)];
    let parts = lists.iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> = parts.map(|(what, names)| format!("{what}: {}", listed(names))).collect();
    if parts.is_empty() {
        Summary::new(ConditionReason::Succeeded, format!("{members}/{members} clusters ready"))
    } else {
        let (ready, all) = (members.saturating_sub(not_ready.len()), members + missing.len());
        Summary::new(
            ConditionReason::ClustersNotReady,
            format!("{ready}/{all} clusters ready; {}", parts.join("; ")),
        )
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(LISTED) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_plan::Catalog;
    use fleetgate_webhooks::Kind;
    use fleetgate_webhooks::rejudged::rejudged;
    use serde_json::json;

    fn fleet(cluster: &str) -> Fleet {
        serde_json::from_value(json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
            "metadata": {"name": "quickstart", "namespace": "default", "generation": 3},
            "spec": {"clusters": [{"kind": "AttachedCluster", "name": cluster}]},
            "status": {"phase": "Ready", "credentialSecret": "of-kurator"},
        }))
        .expect("a Fleet")
    }

    #[test]
    fn phases_and_counts_are_kurators() {
        let names = |count: usize| (0..count).map(|number| format!("m{number}")).collect::<Vec<_>>();
        let standing = |members, not_ready, missing| Standing {
            members,
            not_ready: names(not_ready),
            missing: names(missing),
            ..Standing::default()
        };
        let refused = rejudged(Kind::Fleet, &fleet("other-namespace/m1"), &Catalog::default());
        let table = [
            (standing(0, 0, 0), "Ready", "Succeeded 0/0 clusters ready", (0, 0)),
            (standing(2, 0, 0), "Ready", "Succeeded 2/2 clusters ready", (2, 0)),
            (standing(2, 1, 0), "Running", "ClustersNotReady 1/2 clusters ready; not ready: m0", (1, 1)),
            (
                standing(2, 1, 1),
                "Running",
                "ClustersNotReady 1/3 clusters ready; not ready: m0; do not exist: m0",
                (1, 2),
            ),
            (
                standing(1000, 12, 0),
                "Running",
                "ClustersNotReady 988/1000 clusters ready; not ready: m0, m1, m2, m3, m4, m5, m6, m7, m8, m9 and 2 more",
                (988, 12),
            ),
            (
                Standing { findings: refused, ..standing(1, 0, 0) },
                "Failed",
                "InvalidSpec spec.clusters[0].name: Invalid value: \"other-namespace/m1\"",
                (1, 0),
            ),
            (
                Standing { is_deleting: true, ..standing(1, 1, 0) },
                "Terminating",
                "Deleting the Fleet is being deleted",
                (0, 1),
            ),
        ];
        for (standing, phase, expected, (ready, un_ready)) in table {
            let status = status(&fleet("m1"), &standing, Timestamp::now());
            let condition = &status.conditions[0];
            let said = format!("{} {}", condition.reason, condition.message);
            assert!(said.starts_with(expected), "{standing:?}: {said}");
            assert_eq!(status.phase.as_deref(), Some(phase), "{standing:?}");
            assert_eq!((status.ready_clusters, status.un_ready_clusters), (Some(ready), Some(un_ready)));
            assert_eq!(status.reason.is_none(), phase == "Ready");
            assert_eq!(status.credential_secret.as_deref(), Some("of-kurator"), "what is Kurator's stays");
        }
    }
}
