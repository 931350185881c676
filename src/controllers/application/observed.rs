//! What a reconcile saw of the world: findings, failed writes, and how Flux's
//! objects fare.

use std::collections::BTreeMap;

use fleetgate_plan::FluxKind;
use fleetgate_webhooks::{Finding, Severity};

use super::prune::Held;
use crate::controllers::conditions::Summary;
use crate::flux_state::State;

/// What a reconcile saw.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// What the rules say of the Application today.
    pub(super) findings: Vec<Finding>,
    /// What it names on the host and what is not there.
    pub(super) missing: Vec<Finding>,
    /// What could not be written.
    pub(super) failures: Vec<Summary>,
    /// What is not removed until someone confirms it.
    pub(super) held: Option<Held>,
    /// What is on its way out for too long.
    pub(super) stuck: Option<Summary>,
    /// How the planned objects fare, by kind and name.
    pub(super) states: BTreeMap<(FluxKind, String), State>,
}

impl Observed {
    /// Whether no rule denies the Application.
    pub(super) fn is_valid(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }

    /// How the object of that kind and name fares.
    pub(super) fn state(&self, kind: FluxKind, name: &str) -> State {
        self.states.get(&(kind, name.to_owned())).cloned().unwrap_or_else(State::absent)
    }
}
