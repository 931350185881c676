//! Where each policy goes, and how it fares there.

use fleetgate_api::{Application, DestinationStatus, PolicyStatus};
use fleetgate_plan::destination::{Placement, placement};
use fleetgate_plan::{Plan, PolicyPlan};
use kube::core::Selector;

use crate::controllers::application::observed::Observed;
use crate::flux_state::{Phase, State};

/// Where each policy goes, once inheritance is resolved.
pub(super) fn destinations(application: &Application, plan: &Plan) -> Vec<DestinationStatus> {
    let spec = &application.spec;
    let policies = spec.sync_policies.iter().zip(&plan.policies);
    policies
        .map(|(policy, planned)| {
            let policy_name = planned.name.clone();
            match placement(spec, policy) {
                Placement::Fleet { fleet, selector, inherited } => DestinationStatus {
                    policy: policy_name,
                    fleet: Some(fleet.to_owned()),
                    selector: selector
                        .and_then(|selector| Selector::try_from(selector.clone()).ok())
                        .map(|selector| selector.to_string()),
                    inherited: inherited.then_some(true),
                },
                Placement::Host | Placement::FleetMissing => {
                    DestinationStatus { policy: policy_name, ..DestinationStatus::default() }
                }
            }
        })
        .collect()
}

/// How each policy fares, over all of its clusters.
pub(super) fn policies(application: &Application, plan: &Plan, observed: &Observed) -> Vec<PolicyStatus> {
    let policies = application.spec.sync_policies.iter().zip(&plan.policies);
    policies
        .map(|(policy, planned)| {
            let kind = if policy.helm.is_some() { "HelmRelease" } else { "Kustomization" };
            policy_status(kind, planned, observed)
        })
        .collect()
}

fn policy_status(kind: &str, policy: &PolicyPlan, observed: &Observed) -> PolicyStatus {
    let bound =
        policy.template.as_ref().into_iter().flat_map(|template| {
            template.bindings().map(|binding| observed.state(template.kind, &binding.name))
        });
    let states: Vec<State> = bound.collect();
    let ready = states.iter().filter(|state| state.phase == Phase::Ready).count();
    let trouble = states.iter().find(|state| state.phase == Phase::Failed);
    let resolution = &policy.resolution;
    PolicyStatus {
        name: policy.name.clone(),
        kind: kind.to_owned(),
        ready: format!("{ready}/{}", resolution.targets.len() + resolution.missing_clusters.len()),
        message: trouble.map(|state| state.message.clone()),
    }
}
