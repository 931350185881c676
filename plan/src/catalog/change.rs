//! What a Catalog's writer has changed.

use std::sync::Arc;

use super::{AppEntry, FleetEntry};
use crate::{Cluster, RenderedKind};

/// What changed from one moment to the next.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A Fleet came, went or became another.
    Fleet(Turn<FleetEntry>),
    /// The same of a cluster.
    Cluster(Turn<Cluster>),
    /// The same of what the index keeps of an Application.
    Application(Turn<AppEntry>),
    /// A namespace is being deleted, or is not any more.
    Namespace(String),
    /// The host's CRD of that kind came, went or got another schema.
    Crd(RenderedKind),
}

/// One thing, before a change and after it; `None` where it did not exist.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn<T> {
    /// As it was.
    pub before: Option<Arc<T>>,
    /// As it is now.
    pub after: Option<Arc<T>>,
}

impl<T> Turn<T> {
    /// As it was, and as it is.
    pub fn states(&self) -> impl Iterator<Item = &Arc<T>> {
        self.before.iter().chain(&self.after)
    }

    /// Whether it came or went.
    #[must_use]
    pub const fn is_of_existence(&self) -> bool {
        self.before.is_some() != self.after.is_some()
    }
}
