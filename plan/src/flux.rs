//! The Flux objects that a plan is made of, and how they are reached.
//!
//! Another source or policy kind is one more variant here and one more row in
//! [`crate::Plan`]'s renderer.

use kube::core::ApiResource;
use kube::core::GroupVersionKind;

/// A kind of Flux object that Fleetgate writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FluxKind {
    /// `source.toolkit.fluxcd.io/v1` GitRepository.
    GitRepository,
    /// `kustomize.toolkit.fluxcd.io/v1` Kustomization.
    Kustomization,
}

impl FluxKind {
    /// Every kind; policies' kinds last, as they need their source.
    pub const ALL: [Self; 2] = [Self::GitRepository, Self::Kustomization];

    /// The kinds that deliver a policy to a cluster.
    pub const POLICIES: [Self; 1] = [Self::Kustomization];

    /// The kinds that fetch a source.
    pub const SOURCES: [Self; 1] = [Self::GitRepository];

    /// The object's `kind`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::GitRepository => "GitRepository",
            Self::Kustomization => "Kustomization",
        }
    }

    /// The object's API group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::GitRepository => "source.toolkit.fluxcd.io",
            Self::Kustomization => "kustomize.toolkit.fluxcd.io",
        }
    }

    /// The object's API version.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::GitRepository | Self::Kustomization => "v1",
        }
    }

    /// The resource's name in URLs and roles.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::GitRepository => "gitrepositories",
            Self::Kustomization => "kustomizations",
        }
    }

    /// `group/version`.
    #[must_use]
    pub fn api_version(self) -> String {
        format!("{}/{}", self.group(), self.version())
    }

    /// What a client needs to address objects of this kind.
    #[must_use]
    pub fn resource(self) -> ApiResource {
        let gvk = GroupVersionKind::gvk(self.group(), self.version(), self.kind());
        ApiResource::from_gvk_with_plural(&gvk, self.plural())
    }
}
