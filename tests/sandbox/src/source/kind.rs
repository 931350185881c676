//! The kinds of sources that the stand-in plays.

use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde::Deserialize;

use super::round::{Key, Objects, spec_of};
use super::status::Outcome;
use super::stock::Stock;
use super::{bucket, git_repository, helm_chart, helm_repository, oci_repository};

/// A kind of source. Those that others are made of come first.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    GitRepository,
    OCIRepository,
    Bucket,
    HelmRepository,
    HelmChart,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::GitRepository, Self::OCIRepository, Self::Bucket, Self::HelmRepository, Self::HelmChart];

    pub(super) fn resource(self) -> ApiResource {
        let kind = format!("{self:?}");
        ApiResource::from_gvk(&GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", &kind))
    }

    /// What comes of looking at an object; nothing for one that has no status.
    pub(super) fn look(
        self,
        object: &DynamicObject,
        objects: &Objects,
        stock: &mut Stock,
    ) -> Option<Outcome> {
        let key = Key::of(self, object);
        let owner = key.owner();
        let outcome = match self {
            Self::GitRepository => spec_of(object).and_then(|spec| git_repository::look(spec, &owner, stock)),
            Self::OCIRepository => spec_of(object).and_then(|spec| oci_repository::look(spec, &owner, stock)),
            Self::Bucket => spec_of(object).and_then(|spec| bucket::look(spec, &owner, stock)),
            Self::HelmRepository => match spec_of(object) {
                Ok(spec) => return helm_repository::look(spec, &owner, stock),
                Err(failed) => Err(failed),
            },
            Self::HelmChart => spec_of(object).and_then(|spec| helm_chart::look(spec, &key, objects, stock)),
        };
        Some(outcome)
    }
}
