//! The kinds that Fleetgate serves, as requests and files name them.

use super::Schema;

/// The served version of every kind.
pub const VERSION: &str = "v1alpha1";

/// A kind that Fleetgate serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `apps.kurator.dev/v1alpha1` Application.
    Application,
    /// `fleet.kurator.dev/v1alpha1` Fleet.
    Fleet,
    /// `cluster.kurator.dev/v1alpha1` AttachedCluster.
    AttachedCluster,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Application, Self::Fleet, Self::AttachedCluster];

    /// The object's `kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::Fleet => "Fleet",
            Self::AttachedCluster => "AttachedCluster",
        }
    }

    /// The object's API group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Application => "apps.kurator.dev",
            Self::Fleet => "fleet.kurator.dev",
            Self::AttachedCluster => "cluster.kurator.dev",
        }
    }

    /// The resource's name in URLs, roles and webhook configurations.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Application => "applications",
            Self::Fleet => "fleets",
            Self::AttachedCluster => "attachedclusters",
        }
    }

    /// The kind of that group and name, in whatever version.
    #[must_use]
    pub fn of(group: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.group() == group && known.as_str() == kind)
    }

    /// The kind's schema, compiled once.
    #[must_use]
    pub fn schema(self) -> &'static Schema {
        match self {
            Self::Application => &super::SCHEMAS.application,
            Self::Fleet => &super::SCHEMAS.fleet,
            Self::AttachedCluster => &super::SCHEMAS.attached_cluster,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn kinds_are_found_by_group_and_name() {
        assert_eq!(Kind::of("apps.kurator.dev", "Application"), Some(Kind::Application));
        assert_eq!(Kind::of("core.oam.dev", "Application"), None);
    }
}
