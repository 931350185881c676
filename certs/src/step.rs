//! What is to be done with the Secret, decided from what is known of it.
//!
//! ```text
//! nothing ─Create─▶ current ─Stage─▶ current + next ─Promote─▶ next is current ─Stage─▶ …
//!                                      (trusted, and settled)   (expired authorities go)
//! deleted ─Restore─▶ current + another next
//! ```
//!
//! **Invariant**: what is served was in the webhook configurations for a settling time before. Only
//! the very first certificate cannot have been.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use crate::certificate::Certificate;
use crate::stored::Stored;
use crate::timing::Timing;

/// How long what is trusted settles where what is served cannot be used: every second of it is an
/// outage.
const HASTE: Duration = Duration::from_secs(1);

/// What is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight<'a> {
    /// What the Secret holds, if it holds anything.
    pub(crate) stored: Option<&'a Stored>,
    /// What it held when it last did.
    pub(crate) memory: Option<&'a Stored>,
    /// For how long every webhook configuration has trusted what is to follow; measured by a clock that
    /// nobody sets.
    pub(crate) trusted: Option<Duration>,
    /// The names that a certificate has to be for.
    pub(crate) names: &'a [String],
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Make the first certificate.
    Create,
    /// Write what was there, with another certificate to follow.
    Restore,
    /// Make the certificate that is to follow.
    Stage,
    /// Have every replica serve what was to follow.
    Promote,
    /// Nothing for so long.
    Rest(Duration),
}

impl Action {
    /// What was done, for whoever reads a log.
    pub(crate) const fn told(self) -> &'static str {
        match self {
            Self::Create => "the first certificate",
            Self::Restore => "what it held, and another certificate to follow",
            Self::Stage => "another certificate is to follow once it is trusted",
            Self::Promote => "what was to follow is served",
            Self::Rest(_) => "nothing",
        }
    }
}

/// What is to be done at `now`.
pub(crate) fn step(now: Timestamp, sight: &Sight<'_>, timing: &Timing) -> Action {
    let Some(stored) = sight.stored else {
        return if sight.memory.is_some() { Action::Restore } else { Action::Create };
    };
    let is_usable = |it: &Certificate| it.is_valid(now) && it.is_for(sight.names);
    let left = is_usable(&stored.current).then(|| left(now, &stored.current));
    match (&stored.next, left) {
        (Some(next), left) if is_usable(next) => promote(left, sight.trusted, timing),
        (None, Some(left)) if left > timing.renew_before => {
            Action::Rest(timing.settle.min(left.saturating_sub(timing.renew_before)))
        }
        _ => Action::Stage,
    }
}

/// How long it is valid yet.
fn left(now: Timestamp, certificate: &Certificate) -> Duration {
    Duration::try_from(now.duration_until(certificate.expires)).unwrap_or_default()
}

/// What was to follow does, once it has been trusted for long enough; so much is left of what is served, if
/// that can be used at all.
fn promote(left: Option<Duration>, trusted: Option<Duration>, timing: &Timing) -> Action {
    let settle = if left.is_some() { timing.settle } else { HASTE.min(timing.settle) };
    match trusted {
        Some(trusted) if trusted >= settle => Action::Promote,
        trusted => {
            let unsettled = settle.saturating_sub(trusted.unwrap_or_default());
            Action::Rest(left.map_or(unsettled, |left| unsettled.min(left)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::{Issued, issue};

    const SECOND: Duration = Duration::from_secs(1);
    const DAY: u32 = 24 * 3600;

    fn at(day: u32) -> Timestamp {
        Timestamp::from_second(i64::from(day * DAY)).expect("a date")
    }

    /// A certificate for `a.b.svc` that was made on that day.
    fn made(day: u32) -> Issued {
        issue(&["a.b.svc".to_owned()], at(day + 90)).expect("a certificate")
    }

    fn first(day: u32) -> Stored {
        Stored::first(&made(day)).expect("the first")
    }

    fn staged(stored: &Stored, day: u32) -> Stored {
        stored.staged(&made(day), at(day)).expect("staged")
    }

    #[test]
    fn steps() {
        let timing = Timing::new(90 * DAY * SECOND, 30 * DAY * SECOND).expect("times");
        let none: Option<Duration> = None;
        let rest = |seconds: u32| Action::Rest(seconds * SECOND);
        let old = first(0);
        let next = staged(&old, 60);
        let new = next.promoted();
        let (name, other) = ("a.b.svc", "c.d.svc");
        let table = [
            ("there is nothing", None, None, 0, none, name, Action::Create),
            ("it was deleted", None, Some(&old), 0, none, name, Action::Restore),
            ("it is young", Some(&old), None, 59, none, name, rest(60)),
            ("the clock was set back", Some(&new), None, 0, none, name, rest(60)),
            ("it is to be renewed", Some(&old), None, 60, none, name, Action::Stage),
            ("the next is not trusted yet", Some(&next), None, 60, none, name, rest(60)),
            ("it has just become so", Some(&next), None, 60, Some(20 * SECOND), name, rest(40)),
            ("and everyone has heard", Some(&next), None, 60, Some(60 * SECOND), name, Action::Promote),
            ("the one before is still trusted", Some(&new), None, 89, none, name, rest(60)),
            ("and has expired", Some(&new), None, 90, none, name, rest(60)),
            ("what is served has expired", Some(&old), None, 90, none, name, Action::Stage),
            ("and the next is not trusted", Some(&next), None, 90, none, name, rest(1)),
            ("nor for long enough", Some(&next), None, 90, Some(SECOND / 2), name, Action::Rest(SECOND / 2)),
            ("and it is", Some(&next), None, 90, Some(SECOND), name, Action::Promote),
            ("the next has expired, too", Some(&next), None, 150, Some(60 * SECOND), name, Action::Stage),
            ("it is for another name", Some(&old), None, 0, none, other, Action::Stage),
            ("the next is for another name", Some(&next), None, 60, none, other, Action::Stage),
        ];
        for (what, stored, memory, day, trusted, name, expected) in table {
            let names = &[name.to_owned()];
            let sight = Sight { stored, memory, trusted, names };
            assert_eq!(step(at(day), &sight, &timing), expected, "{what}");
        }
    }

    #[test]
    fn a_rest_ends_when_something_is_due() {
        let timing = Timing::new(90 * DAY * SECOND, 30 * DAY * SECOND).expect("times");
        let (first, next) = (first(0), staged(&first(0), 60));
        let names = &["a.b.svc".to_owned()];
        for (what, stored, day) in [("to be renewed", &first, 60), ("expired", &next, 90)] {
            let now = at(day).checked_sub(5 * SECOND).expect("a date");
            let sight = Sight { stored: Some(stored), memory: None, trusted: Some(5 * SECOND), names };
            assert_eq!(step(now, &sight, &timing), Action::Rest(5 * SECOND), "{what}");
        }
    }
}
