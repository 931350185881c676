//! How many connections the descriptors of this process are enough for.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors for all but the webhook's connections: watches above all, each of
/// which has one, and whoever asks how the program is.
const RESERVE: u64 = 448;

/// As many connections as are wished for, or fewer where there would be too few
/// descriptors. Of those the process takes as many as it may have.
pub(crate) fn affordable(wished: usize) -> usize {
    let limits = getrlimit(Resource::RLIMIT_NOFILE);
    let raised = limits.and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most).map(|()| most));
    // Who cannot ask finds out by accepting.
    let Ok(most) = raised else { return wished };
    let affordable = within(wished, most);
    if affordable < wished {
        tracing::warn!(
            "at most {affordable} connections, and not --max-connections {wished}: the process may have {most} descriptors (ulimit -n)"
        );
    }
    affordable
}

/// Half of the descriptors where the reserve would leave less.
fn within(wished: usize, descriptors: u64) -> usize {
    let left = descriptors.saturating_sub(RESERVE).max(descriptors / 2).max(1);
    wished.min(usize::try_from(left).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn watches_keep_their_descriptors() {
        for (wished, descriptors, expected) in
            [(1_000, 1_048_576, 1_000), (1_000, 1_024, 576), (10, 1_024, 10), (1_000, 64, 32), (5, 0, 1)]
        {
            assert_eq!(within(wished, descriptors), expected, "{wished} of {descriptors}");
        }
    }
}
