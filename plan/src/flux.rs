//! The Flux objects that a plan is made of, and how they are reached.
//!
//! Another source or policy kind is one more variant here and one more file
//! among the renderers.

use kube::core::ApiResource;
use kube::core::GroupVersionKind;
use serde_json::Value;

/// A text of a Flux object's spec: an empty one is none to Flux.
pub(crate) fn text(spec: &Value, pointer: &str) -> Option<String> {
    let text = spec.pointer(pointer).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A kind of Flux object that Fleetgate writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FluxKind {
    /// `source.toolkit.fluxcd.io/v1` GitRepository.
    GitRepository,
    /// `source.toolkit.fluxcd.io/v1` HelmRepository.
    HelmRepository,
    /// `source.toolkit.fluxcd.io/v1` OCIRepository.
    OciRepository,
    /// `source.toolkit.fluxcd.io/v1` Bucket.
    Bucket,
    /// `kustomize.toolkit.fluxcd.io/v1` Kustomization.
    Kustomization,
    /// `helm.toolkit.fluxcd.io/v2` HelmRelease.
    HelmRelease,
}

impl FluxKind {
    /// Every kind; policies' kinds last, as they need their source.
    pub const ALL: [Self; 6] = [
        Self::GitRepository,
        Self::HelmRepository,
        Self::OciRepository,
        Self::Bucket,
        Self::Kustomization,
        Self::HelmRelease,
    ];

    /// The kinds that deliver a policy to a cluster.
    pub const POLICIES: [Self; 2] = [Self::Kustomization, Self::HelmRelease];

    /// The kinds that fetch a source.
    pub const SOURCES: [Self; 4] =
        [Self::GitRepository, Self::HelmRepository, Self::OciRepository, Self::Bucket];

    /// The object's `kind`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::GitRepository => "GitRepository",
            Self::HelmRepository => "HelmRepository",
            Self::OciRepository => "OCIRepository",
            Self::Bucket => "Bucket",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
        }
    }

    /// The object's API group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::GitRepository | Self::HelmRepository | Self::OciRepository | Self::Bucket => {
                "source.toolkit.fluxcd.io"
            }
            Self::Kustomization => "kustomize.toolkit.fluxcd.io",
            Self::HelmRelease => "helm.toolkit.fluxcd.io",
        }
    }

    /// The object's API version.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::HelmRelease => "v2",
            _ => "v1",
        }
    }

    /// The resource's name in URLs and roles.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::GitRepository => "gitrepositories",
            Self::HelmRepository => "helmrepositories",
            Self::OciRepository => "ocirepositories",
            Self::Bucket => "buckets",
            Self::Kustomization => "kustomizations",
            Self::HelmRelease => "helmreleases",
        }
    }

    /// Whether it fetches a source.
    #[must_use]
    pub fn is_source(self) -> bool {
        Self::SOURCES.contains(&self)
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

#[cfg(test)]
mod tests {
    use super::FluxKind;

    #[test]
    fn every_kind_is_a_source_or_a_policy_and_sources_come_first() {
        let mut sorted = FluxKind::ALL;
        sorted.sort_unstable();
        assert_eq!(sorted, FluxKind::ALL);
        let parts: Vec<FluxKind> = FluxKind::SOURCES.into_iter().chain(FluxKind::POLICIES).collect();
        assert_eq!(parts, FluxKind::ALL);
    }
}
