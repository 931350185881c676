//! Where each policy goes, and how it fares there.

use fleetgate_api::application::SyncPolicy;
use fleetgate_api::{Application, DestinationStatus, PolicyStatus};
use fleetgate_plan::destination::{Placement, placement};
use fleetgate_plan::{Plan, PolicyPlan};
use kube::core::Selector;

use crate::controllers::application::observed::Observed;
use crate::flux_state::{Phase, State};

/// Every policy with where it goes, once inheritance is resolved, and how it
/// fares over all of its clusters: those in trouble first, then as in the spec.
pub(super) fn policies(
    application: &Application,
    plan: &Plan,
    observed: &Observed,
) -> (Vec<DestinationStatus>, Vec<PolicyStatus>) {
    let policies = application.spec.sync_policies.iter().zip(&plan.policies);
    let mut policies: Vec<(Phase, DestinationStatus, PolicyStatus)> = policies
        .map(|(policy, planned)| {
            let (phase, status) = policy_status(policy, planned, observed);
            (phase, destination(application, policy, &planned.name), status)
        })
        .collect();
    policies.sort_by_key(|(phase, ..)| *phase);
    policies.into_iter().map(|(_, destination, status)| (destination, status)).unzip()
}

fn destination(application: &Application, policy: &SyncPolicy, name: &str) -> DestinationStatus {
    let name = name.to_owned();
    match placement(&application.spec, policy) {
        Placement::Fleet { fleet, selector, inherited } => DestinationStatus {
            policy: name,
            fleet: Some(fleet.to_owned()),
            selector: selector
                .and_then(|selector| Selector::try_from(selector.clone()).ok())
                .map(|selector| selector.to_string()),
            inherited: inherited.then_some(true),
        },
        Placement::Host | Placement::FleetMissing => {
            DestinationStatus { policy: name, ..DestinationStatus::default() }
        }
    }
}

fn policy_status(policy: &SyncPolicy, planned: &PolicyPlan, observed: &Observed) -> (Phase, PolicyStatus) {
    let bound =
        planned.template.as_ref().into_iter().flat_map(|template| {
            template.bindings().map(|binding| observed.state(template.kind, &binding.name))
        });
    let states: Vec<State> = bound.collect();
    let ready = states.iter().filter(|state| state.phase == Phase::Ready).count();
    let trouble = states.iter().find(|state| state.phase == Phase::Failed);
    let total = planned.resolution.targets.len() + planned.resolution.missing_clusters.len();
    let fares = PolicyStatus {
        name: planned.name.clone(),
        kind: if policy.helm.is_some() { "HelmRelease" } else { "Kustomization" }.to_owned(),
        ready: format!("{ready}/{total}"),
        message: trouble.map(|state| state.message.clone()),
    };
    // What goes nowhere, or not everywhere, is in trouble like what has failed.
    let goes_everywhere = states.len() == total && total > 0;
    let worst = states.iter().map(|state| state.phase).min().filter(|_| goes_everywhere);
    (worst.unwrap_or(Phase::Failed), fares)
}
