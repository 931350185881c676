//! What the administrator of an installation says for all of it.

use super::Catalog;
use crate::prune::Guard;

/// How far tenants may reach, as its administrator says it for a whole
/// installation. Without a word: as far as their objects say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tenancy {
    /// Whether references out of an Application's namespace are refused.
    pub no_cross_namespace_refs: bool,
}

impl Catalog {
    /// The same Catalog, where tenants may reach that far.
    #[must_use]
    pub fn with_tenancy(self, tenancy: Tenancy) -> Self {
        Self { tenancy, ..self }
    }

    /// How far tenants may reach.
    #[must_use]
    pub const fn tenancy(&self) -> &Tenancy {
        &self.tenancy
    }

    /// The same Catalog, where no more than that may go at once by nobody's decision.
    #[must_use]
    pub fn with_guard(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// How much may go at once by nobody's decision.
    #[must_use]
    pub const fn guard(&self) -> Guard {
        self.guard
    }
}
