//! Rules about `rollout`: the workload, its Service, the strategy, the analysis,
//! and what a change of them does.
//!
//! The fields are Kurator's; what is judged is the Canary that they become, by
//! the schema of Flagger's CRD and by what Flagger's code does with it
//! (`pkg/controller/scheduler.go`, `pkg/apis/flagger/v1beta1/canary.go`).

mod analysis;
mod commands;
mod required;
mod revert;
mod service;
mod session_affinity;
mod sharing;
mod skip_analysis;
mod strategy;
#[cfg(test)]
mod test_fixtures;
mod timeout;
mod weights;
mod weights_changed;
mod workload;

use fleetgate_api::Application;
use fleetgate_api::rollout::{CanaryStrategy, Rollout, TrafficAnalysis, TrafficRouting};
use fleetgate_plan::Provider;

pub use self::analysis::{INTERVAL, THRESHOLD};
pub use self::commands::{TESTLOADER, WEBHOOK_TIMEOUT};
pub use self::required::REQUIRED;
pub use self::revert::REVERT;
pub use self::service::{NAMES, PORT, SERVICE};
pub use self::session_affinity::SESSION_AFFINITY;
pub use self::sharing::{ONE_PER_SERVICE, ONE_PER_WORKLOAD};
pub use self::skip_analysis::SKIP_ANALYSIS;
pub use self::strategy::{ANALYSIS_TIMES, KUBERNETES_WEIGHTS, STEP_WEIGHTS_EXCLUSIVE, STRATEGY};
pub use self::timeout::TIMEOUT;
pub use self::weights::{MAX_WEIGHT, STEP_WEIGHT, STEP_WEIGHT_PROMOTION, STEP_WEIGHTS};
pub use self::weights_changed::WEIGHTS_CHANGED;
pub use self::workload::WORKLOAD;
use super::Input;
use crate::field_path::FieldPath;
use crate::finding::Finding;

/// The checks that need nothing but the rollout itself.
const CHECKS: &[fn(Subject<'_>, &mut Vec<Finding>)] = &[
    required::check,
    workload::check,
    service::check,
    strategy::check,
    weights::check,
    analysis::check,
    commands::check_timeout,
    session_affinity::check,
    timeout::check,
];

/// The rollout of one policy.
#[derive(Clone, Copy, Debug)]
struct Subject<'a> {
    /// The policy's place in the spec.
    index: usize,
    rollout: &'a Rollout,
    /// `None` if there is no such provider, of which another rule speaks.
    provider: Option<Provider>,
}

/// What a Canary is told apart by in a cluster: namespace and name of its
/// workload, after which Kurator names it. Flagger, too, does not ask for the
/// kind when it warns that two Canaries have one target.
type WorkloadKey<'a> = (&'a str, &'a str);

impl<'a> Subject<'a> {
    fn path(self) -> FieldPath {
        FieldPath::policy(self.index).field("rollout")
    }

    fn policy_path(self) -> FieldPath {
        self.path().field("rolloutPolicy")
    }

    fn routing(self) -> Option<&'a TrafficRouting> {
        self.rollout.rollout_policy.traffic_routing.as_ref()
    }

    fn routing_path(self) -> FieldPath {
        self.policy_path().field("trafficRouting")
    }

    fn canary(self) -> Option<&'a CanaryStrategy> {
        self.routing()?.canary_strategy.as_ref()
    }

    fn canary_path(self) -> FieldPath {
        self.routing_path().field("canaryStrategy")
    }

    fn analysis(self) -> Option<&'a TrafficAnalysis> {
        self.rollout.rollout_policy.traffic_analysis.as_ref()
    }

    fn analysis_path(self) -> FieldPath {
        self.policy_path().field("trafficAnalysis")
    }

    /// `None` while the workload has no name or no namespace.
    fn workload_key(self) -> Option<WorkloadKey<'a>> {
        let workload = &self.rollout.workload;
        let namespace = workload.namespace.as_deref().filter(|namespace| !namespace.is_empty())?;
        (!workload.name.is_empty()).then_some((namespace, workload.name.as_str()))
    }
}

/// Every rollout of an Application.
fn subjects(application: &Application) -> impl Iterator<Item = Subject<'_>> {
    application.spec.sync_policies.iter().enumerate().filter_map(|(index, policy)| {
        let rollout = policy.rollout.as_ref()?;
        Some(Subject { index, rollout, provider: Provider::of(&rollout.traffic_routing_provider) })
    })
}

pub(super) fn check(input: Input<'_>, findings: &mut Vec<Finding>) {
    for subject in subjects(input.application) {
        for check in CHECKS {
            check(subject, findings);
        }
        commands::check_testloader(input, subject, findings);
    }
    sharing::check(input, findings);
    skip_analysis::check(input, findings);
    weights_changed::check(input, findings);
    revert::check(input, findings);
}
