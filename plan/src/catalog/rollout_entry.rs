//! A rollout as others see it: what no second one may have on the same cluster.

use fleetgate_api::rollout::Rollout;

use super::WorkloadKey;

/// A rollout as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutEntry {
    /// What is rolled out.
    pub workload: WorkloadKey,
    /// The Service in front of it, in the workload's namespace.
    pub service: Box<str>,
}

impl From<&Rollout> for RolloutEntry {
    fn from(rollout: &Rollout) -> Self {
        Self { workload: (&rollout.workload).into(), service: rollout.service_name.as_str().into() }
    }
}
