//! What the kinds of sources share: mirrors of git repositories, packed charts, archives that are served.

use super::artifact::{Artifacts, Origin};
use super::charts::Charts;
use super::mirror::Mirrors;
use crate::repository::{BRANCH, PODINFO};

/// Everything that a source's archive is made of, and the archives.
#[derive(Debug)]
pub(super) struct Stock {
    pub(super) artifacts: Artifacts,
    pub(super) mirrors: Mirrors,
    pub(super) charts: Charts,
}

impl Stock {
    /// The newest commit of the sandbox's own repository, of which everything is made that is no git
    /// repository itself; the error is a sentence for the Ready condition.
    pub(super) fn newest(&mut self) -> Result<Origin, String> {
        self.of_reference(&format!("refs/heads/{BRANCH}"))
    }

    /// The commit of a reference of the sandbox's own repository.
    pub(super) fn of_reference(&mut self, reference: &str) -> Result<Origin, String> {
        let mirror = self.mirrors.get(PODINFO)?;
        let commit = mirror.references.get(reference);
        let commit = commit.ok_or_else(|| format!("the sandbox's repository has no {reference}"))?.clone();
        Ok(Origin { mirror: mirror.folder, commit })
    }
}
