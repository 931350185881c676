//! How each cluster fares, over all policies.

use std::collections::BTreeMap;

use fleetgate_api::ClusterStatus;
use fleetgate_plan::{Plan, PolicyPlan, Target};

use crate::controllers::application::observed::Observed;
use crate::flux_state::{Phase, State};

/// Every cluster that something goes to or should go to, those in trouble
/// first. A cluster is ready when all that goes there is.
pub(super) fn clusters(plan: &Plan, observed: &Observed) -> Vec<ClusterStatus> {
    let mut clusters: BTreeMap<(String, String), Vec<State>> = BTreeMap::new();
    for policy in &plan.policies {
        let mut states = delivered(policy, observed);
        for target in &policy.resolution.targets {
            let key = cluster_key(target);
            let state = states
                .remove(&key)
                .unwrap_or_else(|| State::failed(format!("policy {:?} is not delivered", policy.name)));
            clusters.entry(key).or_default().push(state);
        }
        for key in &policy.resolution.missing_clusters {
            let states = clusters.entry((key.name.clone(), key.kind.to_string())).or_default();
            states.push(State::failed(format!("{key} does not exist")));
        }
    }
    let mut clusters: Vec<(Phase, ClusterStatus)> = clusters
        .into_iter()
        .map(|((name, kind), states)| {
            let worst =
                states.iter().min_by_key(|state| state.phase).filter(|state| state.phase != Phase::Ready);
            let message = worst.map(|state| state.message.clone());
            let phase = worst.map_or(Phase::Ready, |state| state.phase);
            (phase, ClusterStatus { name, kind, ready: worst.is_none(), message })
        })
        .collect();
    clusters.sort_by_key(|(phase, _)| *phase);
    clusters.into_iter().map(|(_, status)| status).collect()
}

fn cluster_key(target: &Target) -> (String, String) {
    let kind = match target {
        Target::Host => "Host".to_owned(),
        Target::Member(cluster) => cluster.key.kind.to_string(),
    };
    (target.name().to_owned(), kind)
}

/// How a policy fares on each cluster; the message says which object it is about.
fn delivered(policy: &PolicyPlan, observed: &Observed) -> BTreeMap<(String, String), State> {
    let bound = policy.template.iter().flat_map(|template| {
        template.bindings().map(move |binding| {
            let state = observed.state(template.kind, &binding.name);
            let message = format!("{} {}: {}", template.kind.kind(), binding.name, state.message);
            (cluster_key(&binding.target), State { message, ..state })
        })
    });
    bound.collect()
}
