//! How much may go at once without anybody's word.

use std::fmt;

/// A policy may not lose all of its clusters, nor more of them at once than
/// this, because a label, a Fleet or a cluster changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// On fewer clusters it may lose all but the last: of few, a part is quickly much.
    pub clusters: usize,
    /// The most that it may lose, of a hundred; a hundred itself leaves the last cluster guarded alone.
    pub percent: u8,
}

impl Default for Guard {
    fn default() -> Self {
        Self { clusters: 5, percent: 50 }
    }
}

impl Guard {
    /// Whether it is held that a policy on `before` clusters loses `lost` of
    /// them, where `after` is on how many it is meant to be now.
    #[must_use]
    pub const fn holds(self, before: usize, lost: usize, after: usize) -> bool {
        let loses_all = lost > 0 && after == 0;
        let loses_most = before >= self.clusters && lost * 100 > before * self.percent as usize;
        loses_all || loses_most
    }
}

/// What it holds, as the end of "takes away …".
impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { percent: 100.., .. } => f.write_str("every cluster"),
            Self { percent: 50, clusters } => {
                write!(f, "every cluster, or more than half of {clusters} or more")
            }
            Self { percent, clusters } => {
                write!(f, "every cluster, or more than {percent} % of {clusters} or more")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_held() {
        // (before, lost, after, held)
        let table = [
            (0, 0, 0, false),
            (0, 0, 1, false),
            (1, 0, 1, false),
            (1, 1, 0, true),
            (1, 1, 1, false),
            (4, 3, 1, false),
            (4, 4, 0, true),
            (5, 2, 3, false),
            (5, 3, 2, true),
            (5, 3, 6, true),
            (6, 3, 3, false),
            (6, 0, 7, false),
        ];
        for (before, lost, after, held) in table {
            assert_eq!(Guard::default().holds(before, lost, after), held, "{before} {lost} {after}");
        }
    }

    #[test]
    fn the_threshold_is_whatever_the_installation_says() {
        let table = [
            (Guard { clusters: 2, percent: 50 }, "every cluster, or more than half of 2 or more", true),
            (Guard { clusters: 3, percent: 67 }, "every cluster, or more than 67 % of 3 or more", false),
            (Guard { clusters: 0, percent: 0 }, "every cluster, or more than 0 % of 0 or more", true),
            (Guard { clusters: 0, percent: 100 }, "every cluster", false),
        ];
        for (guard, text, held) in table {
            assert_eq!(guard.to_string(), text);
            assert_eq!(guard.holds(3, 2, 1), held, "{text}");
            assert!(guard.holds(3, 3, 0) && !guard.holds(3, 0, 3), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_takes_nothing_away_is_never_held_and_less_is_never_worse(
            before in 0..20_usize, lost in 0..20_usize, come in 0..3_usize, clusters in 0..8_usize, percent in 0..=100_u8,
        ) {
            let (guard, lost) = (Guard { clusters, percent }, lost.min(before));
            let after = |lost| before - lost + come;
            prop_assert!(!guard.holds(before, 0, after(0)));
            if lost > 0 && !guard.holds(before, lost, after(lost)) {
                prop_assert!(!guard.holds(before, lost - 1, after(lost - 1)));
            }
        }
    }
}
