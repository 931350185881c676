//! What became of an Application, as its status: a pure function of the plan
//! and of what was observed.

mod clusters;
mod kurator;
mod policies;
mod remembered;
mod size;

use fleetgate_api::{
    Application, ApplicationStatus, ConditionReason, ConditionType, HeldStatus, SourceStatus,
};
use fleetgate_plan::Plan;
use fleetgate_plan::destination::{Placement, placement};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use self::clusters::clusters;
use self::policies::policies;
pub(super) use self::remembered::remember;
use super::finalize::Left;
use super::leaving::let_go_of;
use super::observed::Observed;
use super::summary::{held, missing_references, summary, undelivered};
use crate::controllers::conditions::Summary;
use crate::flux_state::Phase;

/// The status of an Application that is there to be delivered.
pub(super) fn of(
    application: &Application,
    plan: &Plan,
    observed: &Observed,
    now: Timestamp,
) -> ApplicationStatus {
    let clusters = clusters(plan, observed);
    let ready = clusters.iter().filter(|cluster| cluster.ready).count();
    let total = clusters.len();
    let summary = summary(plan, observed, ready, total);
    let before = application.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let generation = application.metadata.generation;
    let mut conditions = summary.conditions(generation, before, now);
    let beside = [
        (ConditionType::Undelivered, undelivered(plan)),
        (ConditionType::MissingReferences, missing_references(observed)),
        (ConditionType::PruneHeld, held(observed)),
        (ConditionType::PruneStuck, observed.stuck.clone()),
    ];
    conditions.extend(
        beside
            .into_iter()
            .filter_map(|(type_, summary)| Some(summary?.condition(type_, true, generation, before, now))),
    );
    let (destinations, policies) = policies(application, plan, observed);
    size::fit(ApplicationStatus {
        observed_generation: generation,
        conditions,
        source: source(plan, observed),
        destination: Some(destination(application)),
        ready: Some(format!("{ready}/{total}")),
        destinations,
        policies,
        clusters,
        omitted_clusters: None,
        omitted_policies: None,
        held: observed.held.as_ref().map(|held| HeldStatus {
            digest: held.digest.clone(),
            count: i32::try_from(held.count).unwrap_or(i32::MAX),
        }),
        source_status: kurator::source_status(application.status.as_ref(), plan, observed, now),
        sync_status: kurator::sync_status(application.status.as_ref(), plan, observed, now).into(),
    })
}

/// The status of one that is on its way out, whatever else can be read of it.
pub(super) fn deleting(
    application: &impl ResourceExt,
    before: Option<&ApplicationStatus>,
    left: &Left,
    now: Timestamp,
) -> ApplicationStatus {
    let mut status = before.cloned().unwrap_or_default();
    let waiting = size::shortened(format!("waiting for Flux to remove {}", left.children));
    let message = if left.is_stuck { format!("{waiting}; {}", way_out(application)) } else { waiting };
    let generation = application.meta().generation;
    status.observed_generation = generation;
    status.conditions =
        Summary::new(ConditionReason::Deleting, message).conditions(generation, &status.conditions, now);
    status
}

/// What may be done about a cluster that does not come back.
fn way_out(application: &impl ResourceExt) -> String {
    let namespace = application.namespace().unwrap_or_default();
    let command = let_go_of("applications.apps.kurator.dev", &application.name_any(), &namespace);
    format!("if a cluster is gone for good, let go of what is left there: {command}")
}

fn source(plan: &Plan, observed: &Observed) -> Option<SourceStatus> {
    let template = plan.source.as_ref()?;
    let name = plan.owner.name.clone();
    let state = observed.state(template.kind, &name);
    let is_ready = state.phase == Phase::Ready;
    let message = (!is_ready).then_some(state.message);
    let kind = template.kind.kind().to_owned();
    Some(SourceStatus { kind, name, revision: state.revision, ready: is_ready, message })
}

/// The destination in one word: the fleet, `host`, or both.
fn destination(application: &Application) -> String {
    let spec = &application.spec;
    let mut names: Vec<&str> = spec
        .sync_policies
        .iter()
        .map(|policy| match placement(spec, policy) {
            Placement::Fleet { fleet, .. } => fleet,
            Placement::Host => "host",
            Placement::FleetMissing => "-",
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names.join(",")
}

#[cfg(test)]
pub(super) mod tests;
