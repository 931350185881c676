//! Plays Flux's source-controller for `HelmRepository`: the index of the sandbox's own charts.

use serde::Deserialize;

use super::status::{Failed, Outcome, Stored};
use super::stock::Stock;
use super::{address, words};

#[derive(Debug, Deserialize)]
pub(super) struct Spec {
    pub(super) url: String,
    #[serde(default, rename = "type")]
    pub(super) kind: Kind,
}

/// What stands behind the address.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// An index over HTTP.
    #[default]
    Default,
    /// A registry, which has no index: to Flux it is an address and has no status.
    Oci,
}

/// Nothing for a registry.
pub(super) fn look(spec: Spec, owner: &str, stock: &mut Stock) -> Option<Outcome> {
    (spec.kind == Kind::Default)
        .then(|| store(&spec, owner, stock).map_err(Failed::because("IndexationFailed")))
}

fn store(spec: &Spec, owner: &str, stock: &mut Stock) -> Result<Stored, String> {
    address::is_ours(&spec.url, &[address::HELM])?;
    let newest = stock.newest()?;
    let index = stock.charts.index(&newest).map_err(words)?;
    let artifact = stock.artifacts.of_file(owner, "index", &index).map_err(words)?;
    let revision = artifact.digest.clone();
    let message = format!("stored artifact: revision '{revision}'");
    Ok(Stored { revision, artifact, message, also: vec![("url", spec.url.clone())] })
}
