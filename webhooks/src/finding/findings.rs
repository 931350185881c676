//! What is said about one object, and no more of it than anyone reads.

use super::{Fault, Finding, Severity};
use crate::field_path::FieldPath;
use crate::rules::object::UNREADABLE;

/// The most errors that are kept of an object, and the most warnings. One with
/// more is of another shape altogether, and what is said about it takes many
/// times the memory that it takes itself.
pub(crate) const MOST_KEPT: usize = 1_000;

/// Findings as they are made. Of those beyond a thousand of each severity it is only known how many there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    kept: Vec<Finding>,
    errors: usize,
    warnings: usize,
}

impl Findings {
    /// One more.
    pub fn push(&mut self, finding: Finding) {
        let count = match finding.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= MOST_KEPT {
            self.kept.push(finding);
        }
    }

    /// How many there were, kept or not.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.errors + self.warnings
    }

    /// Whether there are errors that are not kept.
    #[must_use]
    pub const fn has_more_errors(&self) -> bool {
        self.errors > MOST_KEPT
    }

    /// Those that are kept.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.kept.iter()
    }

    /// Keeps no others than these.
    pub fn retain(&mut self, is_kept: impl FnMut(&Finding) -> bool) {
        self.kept.retain(is_kept);
    }

    /// And those of another, which has counted them.
    pub fn append(&mut self, others: Self) {
        let (errors, warnings) = (self.errors + others.errors, self.warnings + others.warnings);
        self.extend(others.kept);
        (self.errors, self.warnings) = (errors, warnings);
    }

    /// Those that are kept, and if that is not all of the errors, that it is not.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<Finding> {
        if self.has_more_errors() {
            let message = format!(
                "has more than {MOST_KEPT} faults, and the first of them are listed: it may be no such object at all"
            );
            self.kept.push(Finding::error(&UNREADABLE, FieldPath::root(), Fault::Invalid, message));
        }
        self.kept
    }
}

impl Extend<Finding> for Findings {
    fn extend<T: IntoIterator<Item = Finding>>(&mut self, findings: T) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::object::{METADATA, NAME};

    fn error() -> Finding {
        Finding::error(&NAME, FieldPath::root().field("metadata"), Fault::Invalid, "is wrong")
    }

    fn warning() -> Finding {
        Finding::warning(&METADATA, FieldPath::root(), Fault::Invalid, "is odd")
    }

    #[test]
    fn a_thousand_of_each_severity_are_kept_and_more_errors_are_said() {
        for (errors, warnings, kept, said) in [
            (0, 0, 0, false),
            (MOST_KEPT, MOST_KEPT, 2 * MOST_KEPT, false),
            (MOST_KEPT + 1, 2, MOST_KEPT + 3, true),
            (1, 3 * MOST_KEPT, MOST_KEPT + 1, false),
        ] {
            let mut findings = Findings::default();
            findings.extend((0..warnings).map(|_| warning()));
            findings.extend((0..errors).map(|_| error()));
            assert_eq!((findings.count(), findings.has_more_errors()), (errors + warnings, said));
            let all = findings.into_vec();
            assert_eq!((all.len(), all.iter().any(|finding| finding.code == UNREADABLE.code)), (kept, said));
        }
    }

    #[test]
    fn what_another_has_counted_counts() {
        let mut some = Findings::default();
        some.push(warning());
        let mut others = Findings::default();
        others.extend((0..2 * MOST_KEPT).map(|_| error()));
        others.retain(|_| false);
        some.append(others);
        assert_eq!((some.iter().count(), some.count(), some.has_more_errors()), (1, 2 * MOST_KEPT + 1, true));
    }
}
