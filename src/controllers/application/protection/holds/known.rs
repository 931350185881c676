//! What is known of one Secret's finalizer, and for how long that is good.

use std::time::Duration;

use fleetgate_api::ConditionReason;
use tokio::time::Instant;

use crate::controllers::conditions::Summary;
use crate::controllers::version::Version;

/// How long it is taken for granted that a Secret is not there. Twice as long
/// each time, and always less than who asks rests in between: alone, it asks anew.
const FIRST: Duration = Duration::from_millis(500);

/// A cluster may be waited for for half an hour, by very many Applications: it
/// costs one request in so long.
const LONGEST: Duration = Duration::from_secs(10);

/// Nobody who was refused rests for longer before it asks again, or is told that
/// the Secret is there.
const KEPT: Duration = Duration::from_mins(10);

/// What is known of a Secret's finalizer.
#[derive(Debug, Default)]
pub(super) enum Known {
    #[default]
    Nothing,
    /// It has it since this version.
    Held(Version),
    Refused(Refusal),
}

/// Why the finalizer could not be put on.
#[derive(Debug)]
pub(super) struct Refusal {
    why: Summary,
    at: Instant,
    /// How long others are told the same.
    good_for: Duration,
}

impl Known {
    /// What one is told who began to ask then; nothing if that has to be found out.
    pub(super) fn answer(&self, began: Instant) -> Option<Result<(), Summary>> {
        match self {
            Self::Held(_) => Some(Ok(())),
            Self::Refused(refusal) if refusal.is_good(began) => Some(Err(refusal.why.clone())),
            Self::Refused(_) | Self::Nothing => None,
        }
    }

    pub(super) const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// What is known once it was refused, after this.
    pub(super) fn refused(&self, why: Summary) -> Self {
        let good_for = match (why.reason, self) {
            (ConditionReason::KubeconfigNotFound, Self::Refused(before)) => {
                (before.good_for * 2).clamp(FIRST, LONGEST)
            }
            (ConditionReason::KubeconfigNotFound, _) => FIRST,
            // It may be over at any moment, and who is told of it rests for long.
            _ => Duration::ZERO,
        };
        Self::Refused(Refusal { why, at: Instant::now(), good_for })
    }

    /// Whether anybody could still be told of it.
    pub(super) fn is_of_use(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Held(_) => true,
            Self::Refused(refusal) => refusal.at.elapsed() < KEPT,
        }
    }
}

impl Refusal {
    /// Whether one who began to ask then may take it for its answer: it came
    /// meanwhile, or a moment ago.
    fn is_good(&self, began: Instant) -> bool {
        began <= self.at || self.at.elapsed() < self.good_for
    }
}
