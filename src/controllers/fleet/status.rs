//! A Fleet's status: a pure function of its members and of which are ready.

use fleetgate_api::{ConditionReason, Fleet, FleetStatus};
use k8s_openapi::jiff::Timestamp;

use crate::controllers::conditions::Summary;

/// The status of a Fleet with so many members, of which some are not ready or do not exist.
pub(super) fn status(
    fleet: &Fleet,
    members: usize,
    not_ready: &[&str],
    missing: &[String],
    now: Timestamp,
) -> FleetStatus {
    let before = fleet.status.clone().unwrap_or_default();
    let summary = if missing.is_empty() && not_ready.is_empty() {
        Summary::new(ConditionReason::Succeeded, format!("{members}/{members} clusters ready"))
    } else {
        let mut parts = Vec::new();
        if !not_ready.is_empty() {
            parts.push(format!("not ready: {}", not_ready.join(", ")));
        }
        if !missing.is_empty() {
            parts.push(format!("do not exist: {}", missing.join(", ")));
        }
        Summary::new(ConditionReason::ClustersNotReady, parts.join("; "))
    };
    let count = |clusters: usize| i32::try_from(clusters).ok();
    let un_ready = not_ready.len() + missing.len();
    let is_ready = summary.reason == ConditionReason::Succeeded;
    FleetStatus {
        observed_generation: fleet.metadata.generation,
        conditions: summary.conditions(fleet.metadata.generation, &before.conditions, now),
        phase: Some(if is_ready { "Ready" } else { "NotReady" }.to_owned()),
        reason: (!is_ready).then(|| summary.message.clone()),
        clusters: count(members + missing.len()),
        ready_clusters: count(members - not_ready.len()),
        un_ready_clusters: count(un_ready),
        ..before
    }
}
