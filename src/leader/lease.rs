//! What is to be done about the Lease: a pure function of what it says, and of
//! how long it has been saying so.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// What a released Lease says instead of a duration: whoever comes need not wait.
const RELEASED_SECONDS: i32 = 1;

/// Who would like to lead.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) lease: String,
    pub(super) identity: String,
    /// How long others wait for a sign of life before they take over.
    pub(super) duration: Duration,
}

/// What is to be done about a Lease.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// There is none.
    Create(Lease),
    /// It is ours, or free. With the version that was read: whoever else writes first has it.
    Replace(Lease),
    /// It is someone else's for so long, unless they renew it.
    Wait(Duration),
}

/// How long a Lease has been saying the same. By our own clock, which only goes
/// forward: those of two machines need not agree, and the times in a Lease are
/// for people.
#[derive(Debug)]
pub(super) struct Seen {
    spec: Option<LeaseSpec>,
    since: Instant,
}

impl Seen {
    pub(super) const fn nothing(now: Instant) -> Self {
        Self { spec: None, since: now }
    }

    /// Notes what the Lease says now; returns for how long it has.
    pub(super) fn note(&mut self, lease: Option<&Lease>, now: Instant) -> Duration {
        let spec = lease.and_then(|lease| lease.spec.as_ref());
        if spec != self.spec.as_ref() {
            *self = Self { spec: spec.cloned(), since: now };
        }
        now.saturating_duration_since(self.since)
    }
}

/// What `me` does about a Lease that has been saying the same for so long.
pub(super) fn step(lease: Option<&Lease>, me: &Candidate, quiet: Duration, now: Timestamp) -> Step {
    let Some(lease) = lease else {
        let metadata = ObjectMeta { name: Some(me.lease.clone()), ..ObjectMeta::default() };
        return Step::Create(me.taken(&Lease { metadata, spec: None }, now));
    };
    let spec = lease.spec.clone().unwrap_or_default();
    match spec.holder_identity.as_deref() {
        _ if me.holds(lease) => Step::Replace(me.renewed(lease, now)),
        None | Some("") => Step::Replace(me.taken(lease, now)),
        Some(_) => match me.promised(&spec).checked_sub(quiet) {
            Some(left) if !left.is_zero() => Step::Wait(left),
            _ => Step::Replace(me.taken(lease, now)),
        },
    }
}

impl Candidate {
    /// Whether the Lease says that this candidate holds it.
    pub(super) fn holds(&self, lease: &Lease) -> bool {
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_ref());
        holder == Some(&self.identity)
    }

    /// The Lease without a holder.
    pub(super) fn released(&self, lease: &Lease, now: Timestamp) -> Lease {
        let mut released = self.renewed(lease, now);
        if let Some(spec) = &mut released.spec {
            spec.holder_identity = None;
            spec.lease_duration_seconds = Some(RELEASED_SECONDS);
        }
        released
    }

    fn taken(&self, lease: &Lease, now: Timestamp) -> Lease {
        let before = lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
        let mut taken = self.renewed(lease, now);
        if let Some(spec) = &mut taken.spec {
            spec.acquire_time = Some(MicroTime(now));
            spec.lease_transitions = Some(before.map_or(0, |transitions| transitions.saturating_add(1)));
        }
        taken
    }

    fn renewed(&self, lease: &Lease, now: Timestamp) -> Lease {
        let mut renewed = lease.clone();
        let spec = renewed.spec.get_or_insert_default();
        spec.holder_identity = Some(self.identity.clone());
        spec.lease_duration_seconds = i32::try_from(self.duration.as_secs()).ok();
        spec.renew_time = Some(MicroTime(now));
        renewed
    }

    /// How long the holder asked to be waited for.
    fn promised(&self, spec: &LeaseSpec) -> Duration {
        let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map_or(self.duration, Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn me() -> Candidate {
        Candidate { lease: "fleetgate".to_owned(), identity: "me".to_owned(), duration: 15 * SECOND }
    }

    fn held_by(holder: Option<&str>, seconds: Option<i32>) -> Lease {
        let spec = LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: seconds,
            lease_transitions: Some(3),
            ..LeaseSpec::default()
        };
        let metadata = ObjectMeta { resource_version: Some("7".to_owned()), ..ObjectMeta::default() };
        Lease { metadata, spec: Some(spec) }
    }

    /// A step in one word, with how often the Lease has changed hands.
    fn said(step: Step) -> String {
        let transitions = |lease: &Lease| {
            assert_eq!(lease.spec.as_ref().expect("a spec").holder_identity.as_deref(), Some("me"));
            lease.spec.as_ref().and_then(|spec| spec.lease_transitions).expect("transitions")
        };
        match step {
            Step::Create(lease) => format!("create {}", transitions(&lease)),
            Step::Replace(lease) => {
                assert_eq!(lease.metadata.resource_version.as_deref(), Some("7"));
                format!("replace {}", transitions(&lease))
            }
            Step::Wait(left) => format!("wait {}", left.as_secs()),
        }
    }

    #[test]
    fn steps() {
        let table = [
            ("there is none", None, 0, "create 0"),
            ("nobody holds it", Some(held_by(None, Some(1))), 0, "replace 4"),
            ("nobody holds it, in other words", Some(held_by(Some(""), Some(1))), 0, "replace 4"),
            ("it is ours", Some(held_by(Some("me"), Some(15))), 0, "replace 3"),
            ("it was ours, and nobody took it", Some(held_by(Some("me"), Some(15))), 60, "replace 3"),
            ("someone else's", Some(held_by(Some("other"), Some(15))), 4, "wait 11"),
            ("someone else's to the last", Some(held_by(Some("other"), Some(15))), 14, "wait 1"),
            ("they are gone", Some(held_by(Some("other"), Some(15))), 15, "replace 4"),
            ("they asked for longer than we would", Some(held_by(Some("other"), Some(60))), 20, "wait 40"),
            ("they did not say for how long", Some(held_by(Some("other"), None)), 5, "wait 10"),
            ("what they say is no duration", Some(held_by(Some("other"), Some(-5))), 5, "wait 10"),
        ];
        for (what, lease, quiet, expected) in table {
            let step = step(lease.as_ref(), &me(), quiet * SECOND, Timestamp::now());
            assert_eq!(said(step), expected, "{what}");
        }
    }

    #[test]
    fn clocks_that_disagree_take_nothing() {
        let start = Instant::now();
        let mut seen = Seen::nothing(start);
        let mut lease = held_by(Some("other"), Some(15));
        for (second, renewed, expected) in [
            (0, Some(Timestamp::UNIX_EPOCH), "wait 15"),
            // They renewed it, and their clock says that this was half a century ago.
            (10, Some(Timestamp::UNIX_EPOCH + SECOND), "wait 15"),
            (20, None, "wait 5"),
            // Our clock steps, too: only how much of our own time went by counts.
            (24, None, "wait 1"),
            (25, None, "replace 4"),
        ] {
            if let Some(time) = renewed {
                lease.spec.as_mut().expect("a spec").renew_time = Some(MicroTime(time));
            }
            let quiet = seen.note(Some(&lease), start + second * SECOND);
            assert_eq!(said(step(Some(&lease), &me(), quiet, Timestamp::MAX)), expected, "after {second} s");
        }
    }

    #[test]
    fn what_is_released_is_free_at_once() {
        let released = me().released(&held_by(Some("me"), Some(15)), Timestamp::now());
        let other = Candidate { identity: "other".to_owned(), ..me() };
        let Step::Replace(taken) = step(Some(&released), &other, Duration::ZERO, Timestamp::now()) else {
            panic!("it is not free");
        };
        let spec = taken.spec.expect("a spec");
        assert_eq!((spec.holder_identity.as_deref(), spec.lease_transitions), (Some("other"), Some(4)));
        assert_eq!(spec.lease_duration_seconds, Some(15));
    }
}
