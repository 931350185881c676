//! How long a certificate lasts, and when it is followed by the next.

use std::time::Duration;

/// The longest that a certificate which is to come waits once it is trusted.
const LONGEST_SETTLE: Duration = Duration::from_mins(1);

/// Such a part of a certificate's life is what the next one waits at most.
const SETTLE_PART: u32 = 12;

/// Of what lasts for less no API server could learn in time.
const SHORTEST: Duration = Duration::from_secs(10);

/// Of what lasts for longer nobody remembers how it is replaced.
const LONGEST: Duration = Duration::from_hours(10 * 365 * 24);

/// How long a certificate lasts, and when it is followed by the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a certificate is valid from when it is made.
    pub(crate) validity: Duration,
    /// How long before its end the next one is made.
    pub(crate) renew_before: Duration,
    /// How long the next one has to have been in the webhook configurations before it is served: every
    /// API server, and every replica, learns of a change by a watch. So often everything is looked at, too.
    pub(crate) settle: Duration,
}

/// Times that leave no room for a rotation.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// The next certificate would be made before the one before it.
    #[error("a certificate has to be renewed at least {} s after it is made, so that it is served by then", .0.as_secs_f64().ceil())]
    RenewedAtOnce(Duration),
    /// Nobody could tell what happens.
    #[error("a certificate has to be valid for ten seconds at least, and for ten years at most")]
    Absurd,
    /// The next certificate could not be trusted everywhere before the one before it ends.
    #[error("a certificate has to be renewed at least {} s before its end, so that the next one is trusted by then", .0.as_secs_f64().ceil())]
    RenewedLate(Duration),
}

impl Timing {
    /// Certificates that are valid for `validity`, and renewed `renew_before` their end.
    ///
    /// # Errors
    ///
    /// When that leaves no room for a rotation.
    pub fn new(validity: Duration, renew_before: Duration) -> Result<Self, TimingError> {
        let settle = LONGEST_SETTLE.min(validity / SETTLE_PART);
        let least = settle * 2;
        if !(SHORTEST..=LONGEST).contains(&validity) {
            return Err(TimingError::Absurd);
        }
        if renew_before > validity.saturating_sub(settle) {
            return Err(TimingError::RenewedAtOnce(settle));
        }
        if renew_before < least {
            return Err(TimingError::RenewedLate(least));
        }
        Ok(Self { validity, renew_before, settle })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_has_room() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let seconds = Duration::from_secs;
        let table = [
            ("as it is shipped", hours(2160), hours(720), Ok(seconds(60))),
            ("as tests have it", seconds(24), seconds(22), Ok(seconds(2))),
            ("renewed as it is made", hours(1), hours(1), Err(TimingError::RenewedAtOnce(seconds(60)))),
            ("renewed before it is made", hours(1), hours(2), Err(TimingError::RenewedAtOnce(seconds(60)))),
            ("no time at all", seconds(0), seconds(0), Err(TimingError::Absurd)),
            ("a century", hours(876_000), hours(1), Err(TimingError::Absurd)),
            (
                "the last minute is late",
                hours(2160),
                seconds(60),
                Err(TimingError::RenewedLate(seconds(120))),
            ),
            ("twice the settling time is not", hours(2160), seconds(120), Ok(seconds(60))),
        ];
        for (what, validity, renew_before, expected) in table {
            let settle = Timing::new(validity, renew_before).map(|timing| timing.settle);
            assert_eq!(settle, expected, "{what}");
        }
    }
}
