//! Plays Flux's source-controller for `OCIRepository`: the sandbox's chart, or its folder of manifests.

use serde::Deserialize;

use super::artifact::Artifact;
use super::status::{Failed, Outcome, Stored};
use super::stock::Stock;
use super::{address, words};

/// The folder of the sandbox's repository that stands for an artifact of manifests.
const MANIFESTS: &str = "kustomize";

/// The tag that is meant when none is named.
const LATEST: &str = "latest";

#[derive(Debug, Deserialize)]
pub(super) struct Spec {
    url: String,
    #[serde(default, rename = "ref")]
    reference: Reference,
}

#[derive(Debug, Default, Deserialize)]
struct Reference {
    digest: Option<String>,
    semver: Option<String>,
    tag: Option<String>,
}

pub(super) fn look(spec: Spec, owner: &str, stock: &mut Stock) -> Outcome {
    store(&spec, owner, stock).map_err(Failed::because("OCIArtifactPullFailed"))
}

fn store(spec: &Spec, owner: &str, stock: &mut Stock) -> Result<Stored, String> {
    address::is_ours(&spec.url, &[address::OCI_CHART, address::OCI_MANIFESTS])?;
    if let Some(digest) = &spec.reference.digest {
        return Err(format!("the sandbox keeps nothing by its digest ({digest}): name a tag"));
    }
    let (tag, artifact) = if address::is_ours(&spec.url, &[address::OCI_CHART]).is_ok() {
        chart(&spec.reference, owner, stock)?
    } else {
        manifests(&spec.reference, owner, stock)?
    };
    let revision = format!("{tag}@{}", artifact.digest);
    let message = format!("stored artifact for digest '{revision}'");
    Ok(Stored { revision, artifact, message, also: Vec::new() })
}

/// The versions of the chart are its tags.
fn chart(reference: &Reference, owner: &str, stock: &mut Stock) -> Result<(String, Artifact), String> {
    let version = reference.semver.as_ref().or(reference.tag.as_ref());
    let version =
        version.ok_or_else(|| format!("the chart has no tag {LATEST}: its tags are its versions"))?;
    let newest = stock.newest()?;
    let chart = stock.charts.pull(&newest, address::CHART, Some(version)).map_err(words)?;
    let artifact = stock.artifacts.of_chart(owner, &chart.file).map_err(words)?;
    Ok((chart.version, artifact))
}

/// The tags of the repository, and its newest commit as `latest`.
fn manifests(reference: &Reference, owner: &str, stock: &mut Stock) -> Result<(String, Artifact), String> {
    if let Some(range) = &reference.semver {
        return Err(format!("the sandbox does not resolve ref.semver ({range}) here: name a tag"));
    }
    let tag = reference.tag.as_deref().unwrap_or(LATEST);
    let origin =
        if tag == LATEST { stock.newest()? } else { stock.of_reference(&format!("refs/tags/{tag}"))? };
    let artifact = stock.artifacts.of_commit(&origin.mirror, owner, &origin.commit, Some(MANIFESTS));
    Ok((tag.to_owned(), artifact.map_err(words)?))
}
