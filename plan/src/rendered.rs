//! The kinds of objects that a plan may hold and that have a CRD.

use crate::FluxKind;
use crate::flagger::MemberKind;

/// A kind of object that an Application becomes, in the version that is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RenderedKind {
    /// On the host cluster: the CRD that is installed there judges it.
    Flux(FluxKind),
    /// `flagger.app/v1beta1` Canary, in the member clusters.
    Canary,
    /// `flagger.app/v1beta1` `MetricTemplate`, in the member clusters.
    MetricTemplate,
}

impl RenderedKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Flux(FluxKind::GitRepository),
        Self::Flux(FluxKind::HelmRepository),
        Self::Flux(FluxKind::OciRepository),
        Self::Flux(FluxKind::Bucket),
        Self::Flux(FluxKind::Kustomization),
        Self::Flux(FluxKind::HelmRelease),
        Self::Canary,
        Self::MetricTemplate,
    ];

    /// The kind of that group and name, in whatever version.
    #[must_use]
    pub fn of(group: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.group() == group && known.kind() == kind)
    }

    /// The kind of an object in a member cluster; `None` for Kubernetes' own kinds.
    #[must_use]
    pub fn of_member(kind: MemberKind) -> Option<Self> {
        Self::of(kind.group(), kind.kind())
    }

    /// The object's `kind`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Flux(flux) => flux.kind(),
            Self::Canary => MemberKind::Canary.kind(),
            Self::MetricTemplate => MemberKind::MetricTemplate.kind(),
        }
    }

    /// The object's API group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Flux(flux) => flux.group(),
            Self::Canary | Self::MetricTemplate => MemberKind::Canary.group(),
        }
    }

    /// The version that is rendered.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::Flux(flux) => flux.version(),
            Self::Canary | Self::MetricTemplate => MemberKind::Canary.version(),
        }
    }

    /// The resource's name in URLs and roles.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Flux(flux) => flux.plural(),
            Self::Canary => MemberKind::Canary.plural(),
            Self::MetricTemplate => MemberKind::MetricTemplate.plural(),
        }
    }

    /// The name of its CRD.
    #[must_use]
    pub fn crd_name(self) -> String {
        format!("{}.{}", self.plural(), self.group())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_by_group_and_name() {
        for kind in RenderedKind::ALL {
            assert_eq!(RenderedKind::of(kind.group(), kind.kind()), Some(kind));
        }
        assert_eq!(RenderedKind::of("apps", "Canary"), None);
        let release = RenderedKind::Flux(FluxKind::HelmRelease);
        assert_eq!(release.crd_name(), "helmreleases.helm.toolkit.fluxcd.io");
    }
}
