//! Conditions, in the way of kstatus: `Ready` always, every other one only while
//! it holds.

use fleetgate_api::{ConditionReason, ConditionType};
use fleetgate_webhooks::{Finding, Severity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// The longest message of a condition, in bytes, as Kubernetes limits it.
const MAX_MESSAGE: usize = 32_768;

/// What there is to be said about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) reason: ConditionReason,
    pub(super) message: String,
}

impl Summary {
    pub(super) fn new(reason: ConditionReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// That the spec breaks rules, if those are errors among `findings`.
    pub(super) fn invalid(findings: &[Finding]) -> Option<Self> {
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        (!errors.is_empty()).then(|| Self::new(ConditionReason::InvalidSpec, errors.join("; ")))
    }

    /// Whether `Ready` holds.
    pub(super) const fn is_ready(&self) -> bool {
        matches!(self.reason, ConditionReason::Succeeded | ConditionReason::Reachable)
    }

    /// The condition beside `Ready` that the reason calls for.
    fn companion(&self) -> Option<ConditionType> {
        match self.reason {
            ConditionReason::Progressing | ConditionReason::Deleting | ConditionReason::InUse => {
                Some(ConditionType::Reconciling)
            }
            ConditionReason::InvalidSpec | ConditionReason::Conflict | ConditionReason::KubeconfigInvalid => {
                Some(ConditionType::Stalled)
            }
            _ => None,
        }
    }

    /// The conditions that say so; the time of a transition stays where
    /// nothing changed.
    pub(super) fn conditions(
        &self,
        generation: Option<i64>,
        before: &[Condition],
        now: Timestamp,
    ) -> Vec<Condition> {
        let ready = std::iter::once((ConditionType::Ready, self.is_ready()));
        let companion = self.companion().map(|type_| (type_, true));
        ready
            .chain(companion)
            .map(|(type_, holds)| self.condition(type_, holds, generation, before, now))
            .collect()
    }

    /// The one condition of that type.
    pub(super) fn condition(
        &self,
        type_: ConditionType,
        holds: bool,
        generation: Option<i64>,
        before: &[Condition],
        now: Timestamp,
    ) -> Condition {
        let status = if holds { "True" } else { "False" };
        let earlier =
            before.iter().find(|condition| condition.type_ == type_.as_str() && condition.status == status);
        Condition {
            type_: type_.as_str().to_owned(),
            status: status.to_owned(),
            reason: self.reason.as_str().to_owned(),
            message: cut(&self.message, MAX_MESSAGE).to_owned(),
            observed_generation: generation,
            last_transition_time: earlier
                .map_or(Time(now), |condition| condition.last_transition_time.clone()),
        }
    }
}

/// As much of the message as goes into so many bytes.
pub(super) fn cut(message: &str, most: usize) -> &str {
    let mut end = message.len().min(most);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn companions_come_and_go_and_times_stay() {
        let early = Timestamp::UNIX_EPOCH;
        let now = Timestamp::now();
        let types = |conditions: &[Condition]| {
            conditions.iter().map(|c| format!("{}={}", c.type_, c.status)).collect::<Vec<_>>().join(" ")
        };
        let progressing = Summary::new(ConditionReason::Progressing, "0/2").conditions(Some(1), &[], early);
        assert_eq!(types(&progressing), "Ready=False Reconciling=True");
        let more = Summary::new(ConditionReason::Progressing, "1/2").conditions(Some(1), &progressing, now);
        assert_eq!(more[0].last_transition_time, Time(early));
        let ready = Summary::new(ConditionReason::Succeeded, "2/2").conditions(Some(1), &more, now);
        assert_eq!(types(&ready), "Ready=True");
        assert_eq!(ready[0].last_transition_time, Time(now));
        let stalled = Summary::new(ConditionReason::InvalidSpec, "no").conditions(Some(2), &ready, now);
        assert_eq!(types(&stalled), "Ready=False Stalled=True");
    }
}
