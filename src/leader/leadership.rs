//! Whether this process leads, right now.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// Whether this process leads. Asked before each write: time passes while a
/// decision is made.
#[derive(Clone, Debug)]
pub(crate) enum Leadership {
    /// Nobody else does: there is no election.
    Undisputed,
    /// Until then, if at all.
    Elected(Arc<Mutex<Option<Instant>>>),
}

impl Leadership {
    /// Before the first election.
    pub(crate) fn none_yet() -> Self {
        Self::Elected(Arc::default())
    }

    /// Whether this process leads.
    pub(crate) fn is_held(&self) -> bool {
        match self {
            Self::Undisputed => true,
            Self::Elected(_) => self.until().is_some_and(|until| Instant::now() < until),
        }
    }

    pub(super) fn until(&self) -> Option<Instant> {
        match self {
            Self::Undisputed => None,
            Self::Elected(until) => *until.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    pub(super) fn set(&self, to: Option<Instant>) {
        if let Self::Elected(until) = self {
            *until.lock().unwrap_or_else(PoisonError::into_inner) = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_ends_by_itself() {
        assert!(Leadership::Undisputed.is_held());
        let leadership = Leadership::none_yet();
        let now = Instant::now();
        for (until, held) in [(None, false), (Some(now), false), (Some(now + Duration::from_mins(1)), true)] {
            leadership.set(until);
            assert_eq!(leadership.clone().is_held(), held, "{until:?}");
        }
    }
}
