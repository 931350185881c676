//! Events: what `kubectl describe` shows of a change besides the condition itself.

use fleetgate_api::{ApplicationStatus, AttachedClusterStatus, ConditionReason, ConditionType, FleetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType};

use super::conditions::cut;

/// The longest note of an event, in bytes, as Kubernetes limits it.
const MAX_NOTE: usize = 1024;

/// How much of a longer one is its end: what is to be done about a removal that is held stands there.
const END: usize = 600;

/// What stands for what is left out.
const LEFT_OUT: &str = " … ";

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

/// The events that tell of a status: one if the reason of Ready is another, and
/// none for counts and messages that change while that goes on; and one for each
/// removal that is held, as each is confirmed by a digest of its own.
pub(super) fn events(before: Option<&impl Conditions>, after: &impl Conditions) -> Vec<Event> {
    let ready = told(before, after, ConditionType::Ready, |one, other| one.reason == other.reason);
    let held = told(before, after, ConditionType::PruneHeld, |one, other| one.message == other.message);
    let expected = |now: &&Condition| {
        now.status == "True" || EXPECTED.iter().any(|reason| reason.as_str() == now.reason)
    };
    let ready = ready.map(|now| {
        let type_ = if expected(&now) { EventType::Normal } else { EventType::Warning };
        event(now, type_)
    });
    ready.into_iter().chain(held.map(|now| event(now, EventType::Warning))).collect()
}

/// The condition of that type, unless it is the same as before.
fn told<'a>(
    before: Option<&impl Conditions>,
    after: &'a impl Conditions,
    type_: ConditionType,
    is_same: impl Fn(&Condition, &Condition) -> bool,
) -> Option<&'a Condition> {
    let now = of_type(after, type_)?;
    let before = before.and_then(|before| of_type(before, type_));
    (!before.is_some_and(|before| is_same(before, now))).then_some(now)
}

fn of_type(status: &impl Conditions, type_: ConditionType) -> Option<&Condition> {
    status.conditions().iter().find(|condition| condition.type_ == type_.as_str())
}

fn event(now: &Condition, type_: EventType) -> Event {
    let note = Some(note(&now.message));
    Event { type_, reason: now.reason.clone(), note, action: ACTION.to_owned(), secondary: None }
}

/// The message, without its middle where it is too long.
fn note(message: &str) -> String {
    let Some(mut end) = message.len().checked_sub(END).filter(|_| message.len() > MAX_NOTE) else {
        return message.to_owned();
    };
    while !message.is_char_boundary(end) {
        end += 1;
    }
    let end = message.get(end..).unwrap_or_default();
    format!("{}{LEFT_OUT}{end}", cut(message, MAX_NOTE - END - LEFT_OUT.len()))
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
            let told = events(before.as_ref(), &status(reason, message));
            assert_eq!(texts(&told), expected.into_iter().collect::<Vec<_>>());
        }
        assert!(events(None::<&FleetStatus>, &FleetStatus::default()).is_empty(), "nothing is said");
    }

    #[test]
    fn a_long_note_keeps_its_end() {
        let long = |unit: &str| note(&format!("{}the end", unit.repeat(2_000)));
        for unit in ["x", "ä", "…"] {
            let note = long(unit);
            assert!(note.len() <= MAX_NOTE && note.contains(LEFT_OUT) && note.ends_with("the end"), "{note}");
        }
        assert_eq!(note("short"), "short");
    }

    #[test]
    fn a_removal_that_is_held_is_told_once() {
        let held = |message: Option<&str>| {
            let mut status = status(ConditionReason::Succeeded, "2/2");
            let summary = message.map(|message| Summary::new(ConditionReason::PruneHeld, message));
            status.conditions.extend(summary.map(|summary| {
                summary.condition(ConditionType::PruneHeld, true, Some(1), &[], Timestamp::UNIX_EPOCH)
            }));
            status
        };
        let table = [
            (None, Some("3f2a"), vec!["Warning PruneHeld 3f2a"]),
            (Some("3f2a"), Some("3f2a"), vec![]),
            (Some("3f2a"), Some("77c1"), vec!["Warning PruneHeld 77c1"]),
            (Some("77c1"), None, vec![]),
        ];
        for (before, after, expected) in table {
            assert_eq!(texts(&events(Some(&held(before)), &held(after))), expected, "{before:?} {after:?}");
        }
    }

    fn texts(events: &[Event]) -> Vec<String> {
        let text = |event: &Event| {
            format!("{:?} {} {}", event.type_, event.reason, event.note.as_deref().unwrap_or_default())
        };
        events.iter().map(text).collect()
    }
}
