//! Events: what `kubectl describe` shows of a change besides the condition itself.

use fleetgate_api::{ApplicationStatus, AttachedClusterStatus, ConditionReason, ConditionType, FleetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType};

use super::conditions::cut;

/// The longest note of an event, in bytes, as Kubernetes limits it.
const MAX_NOTE: usize = 1024;

/// What every event came of.
const ACTION: &str = "Reconcile";

/// Reasons of a Ready condition that does not hold, and need not worry anyone.
const EXPECTED: [ConditionReason; 2] = [ConditionReason::Progressing, ConditionReason::Deleting];

/// A status with conditions.
pub(super) trait Conditions {
    fn conditions(&self) -> &[Condition];
}

impl Conditions for ApplicationStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }
}

impl Conditions for FleetStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }
}

impl Conditions for AttachedClusterStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }
}

/// The event that tells of a status: one if the reason of Ready is another, and
/// none for counts and messages that change while that goes on.
pub(super) fn event(before: Option<&impl Conditions>, after: &impl Conditions) -> Option<Event> {
    let now = ready(after)?;
    if before.and_then(ready).is_some_and(|before| before.reason == now.reason) {
        return None;
    }
    let is_expected = EXPECTED.iter().any(|reason| reason.as_str() == now.reason);
    let type_ = if now.status == "True" || is_expected { EventType::Normal } else { EventType::Warning };
    let note = Some(cut(&now.message, MAX_NOTE).to_owned());
    Some(Event { type_, reason: now.reason.clone(), note, action: ACTION.to_owned(), secondary: None })
}

fn ready(status: &impl Conditions) -> Option<&Condition> {
    status.conditions().iter().find(|condition| condition.type_ == ConditionType::Ready.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::conditions::Summary;
    use k8s_openapi::jiff::Timestamp;

    fn status(reason: ConditionReason, message: &str) -> FleetStatus {
        let conditions = Summary::new(reason, message).conditions(Some(1), &[], Timestamp::UNIX_EPOCH);
        FleetStatus { conditions, ..FleetStatus::default() }
    }

    #[test]
    fn a_change_of_the_reason_is_told() {
        use ConditionReason::{Conflict, Deleting, Progressing, Succeeded};
        let table = [
            (None, (Progressing, "0/2"), Some("Normal Progressing 0/2")),
            (Some((Progressing, "0/2")), (Progressing, "1/2"), None),
            (Some((Progressing, "1/2")), (Succeeded, "2/2"), Some("Normal Succeeded 2/2")),
            (Some((Succeeded, "2/2")), (Succeeded, "3/3"), None),
            (Some((Succeeded, "2/2")), (Conflict, "someone's"), Some("Warning Conflict someone's")),
            (Some((Conflict, "someone's")), (Deleting, "two left"), Some("Normal Deleting two left")),
        ];
        for (before, (reason, message), expected) in table {
            let before = before.map(|(reason, message)| status(reason, message));
            let told = event(before.as_ref(), &status(reason, message));
            let told = told.map(|event| {
                format!("{:?} {} {}", event.type_, event.reason, event.note.unwrap_or_default())
            });
            assert_eq!(told.as_deref(), expected);
        }
        assert!(event(None::<&FleetStatus>, &FleetStatus::default()).is_none(), "nothing is said");
    }

    #[test]
    fn a_note_is_no_longer_than_it_may_be() {
        let told = event(None::<&FleetStatus>, &status(ConditionReason::Conflict, &"ü".repeat(600)));
        assert_eq!(told.expect("an event").note.expect("a note").len(), MAX_NOTE);
    }
}
