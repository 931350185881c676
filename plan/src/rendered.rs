//! The kinds of objects that a plan may hold, as their CRDs name them.

/// A kind of object that an Application becomes, in the version that is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RenderedKind {
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
    /// `flagger.app/v1beta1` Canary.
    Canary,
    /// `flagger.app/v1beta1` MetricTemplate.
    MetricTemplate,
}

const SOURCE: &str = "source.toolkit.fluxcd.io";
const FLAGGER: &str = "flagger.app";

impl RenderedKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::GitRepository,
        Self::HelmRepository,
        Self::OciRepository,
        Self::Bucket,
        Self::Kustomization,
        Self::HelmRelease,
        Self::Canary,
        Self::MetricTemplate,
    ];

    /// The kinds that live on the host cluster, so that the CRDs that are
    /// installed there judge them. Flagger's live in the members.
    pub const ON_HOST: [Self; 6] = [
        Self::GitRepository,
        Self::HelmRepository,
        Self::OciRepository,
        Self::Bucket,
        Self::Kustomization,
        Self::HelmRelease,
    ];

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
            Self::Canary => "Canary",
            Self::MetricTemplate => "MetricTemplate",
        }
    }

    /// The object's API group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::GitRepository | Self::HelmRepository | Self::OciRepository | Self::Bucket => SOURCE,
            Self::Kustomization => "kustomize.toolkit.fluxcd.io",
            Self::HelmRelease => "helm.toolkit.fluxcd.io",
            Self::Canary | Self::MetricTemplate => FLAGGER,
        }
    }

    /// The version that is rendered.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::HelmRelease => "v2",
            Self::Canary | Self::MetricTemplate => "v1beta1",
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
            Self::Canary => "canaries",
            Self::MetricTemplate => "metrictemplates",
        }
    }

    /// The name of its CRD.
    #[must_use]
    pub fn crd_name(self) -> String {
        format!("{}.{}", self.plural(), self.group())
    }

    /// The kind of that group and name, in whatever version.
    #[must_use]
    pub fn of(group: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.group() == group && known.kind() == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::RenderedKind;

    #[test]
    fn kinds_are_found_by_group_and_name() {
        for kind in RenderedKind::ALL {
            assert_eq!(RenderedKind::of(kind.group(), kind.kind()), Some(kind));
        }
        assert_eq!(RenderedKind::of("apps", "Canary"), None);
        assert_eq!(RenderedKind::HelmRelease.crd_name(), "helmreleases.helm.toolkit.fluxcd.io");
    }
}
