//! How much a Catalog holds.

use super::Catalog;

/// How many objects of each kind a Catalog holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Applications in the index.
    pub applications: usize,
    /// Clusters of every kind.
    pub clusters: usize,
    /// Fleets.
    pub fleets: usize,
}

impl Catalog {
    /// How much it holds.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        Sizes {
            applications: self.applications.len(),
            clusters: self.clusters.len(),
            fleets: self.fleets.len(),
        }
    }
}
