//! When a removal is too much to be an accident's to decide.
//!
//! An Application that moves, or a policy that is taken out, is a decision and
//! goes at once. A label, a Fleet or a cluster that changes may take far more
//! away than whoever changed it saw: such a removal is held.

use std::collections::BTreeSet;

/// From this many clusters on a policy may not lose more than half of them at
/// once. Of fewer, half is quickly said: they may lose all but the last.
pub const GUARDED_FROM: usize = 5;

/// Whether a policy that still stands would lose so much by going from the
/// places `before` to the places `after` that the removal is to be held: all of
/// them with none in their place, or more than half of [`GUARDED_FROM`] or more.
#[must_use]
pub fn exceeds_guard<T: Ord>(before: &BTreeSet<T>, after: &BTreeSet<T>) -> bool {
    let lost = before.difference(after).count();
    let loses_all = lost > 0 && after.is_empty();
    let loses_most = before.len() >= GUARDED_FROM && 2 * lost > before.len();
    loses_all || loses_most
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_guard() {
        // (before, after, held)
        let table: [(&[u8], &[u8], bool); 12] = [
            (&[], &[], false),
            (&[], &[1], false),
            (&[1], &[1], false),
            (&[1], &[], true),
            (&[1], &[2], false),
            (&[1, 2, 3, 4], &[1], false),
            (&[1, 2, 3, 4], &[], true),
            (&[1, 2, 3, 4, 5], &[1, 2, 3], false),
            (&[1, 2, 3, 4, 5], &[1, 2], true),
            (&[1, 2, 3, 4, 5], &[1, 2, 6, 7, 8, 9], true),
            (&[1, 2, 3, 4, 5, 6], &[1, 2, 3], false),
            (&[1, 2, 3, 4, 5, 6], &[1, 2, 3, 4, 5, 6, 7], false),
        ];
        for (before, after, held) in table {
            let set = |items: &[u8]| items.iter().copied().collect::<BTreeSet<_>>();
            assert_eq!(exceeds_guard(&set(before), &set(after)), held, "{before:?} {after:?}");
        }
    }

    proptest! {
        #[test]
        fn what_takes_nothing_away_is_never_held_and_less_is_never_worse(
            before in prop::collection::btree_set(0_u8..12, 0..12), lost in prop::collection::vec(0_u8..12, 0..12), more in 0_u8..12,
        ) {
            prop_assert!(!exceeds_guard(&before, &before));
            let mut after = before.clone();
            after.retain(|place| !lost.contains(place));
            let mut kept = after.clone();
            kept.insert(more);
            prop_assert!(exceeds_guard(&before, &after) || !exceeds_guard(&before, &kept));
        }
    }
}
