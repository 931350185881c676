//! Plays Flux's source-controller for `HelmChart`: a chart of a Helm repository, of a registry, or in
//! another source's archive. Helm itself chooses and packs.

use kube::api::DynamicObject;
use serde::Deserialize;

use super::charts::Chart;
use super::helm_repository;
use super::kind::Kind;
use super::round::{Key, Objects, spec_of};
use super::status::{Failed, Outcome, Stored};
use super::stock::Stock;
use super::{address, words};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    chart: String,
    version: Option<String>,
    source_ref: SourceRef,
    #[serde(default)]
    reconcile_strategy: Strategy,
    #[serde(default)]
    values_files: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct SourceRef {
    kind: Kind,
    name: String,
}

/// What makes a new archive.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
enum Strategy {
    #[default]
    ChartVersion,
    Revision,
}

pub(super) fn look(spec: Spec, key: &Key, objects: &Objects, stock: &mut Stock) -> Outcome {
    if !spec.values_files.is_empty() {
        return Err(Failed::because("ValuesFilesError")(
            "the sandbox does not merge valuesFiles yet: give the values themselves".to_owned(),
        ));
    }
    let unavailable = || {
        let SourceRef { kind, name } = &spec.source_ref;
        Failed::because("SourceUnavailable")(format!("failed to get source: {kind:?} '{name}' not found"))
    };
    let source_key = Key { kind: spec.source_ref.kind, name: spec.source_ref.name.clone(), ..key.clone() };
    let source = objects.get(&source_key).ok_or_else(unavailable)?;
    let (chart, revision) = match spec.source_ref.kind {
        Kind::HelmRepository => pulled(&spec, source, stock)?,
        _ => packed(&spec, source, stock)?,
    };
    store(chart, revision, &key.owner(), stock).map_err(Failed::because("StorageOperationFailed"))
}

fn pulled(spec: &Spec, source: &DynamicObject, stock: &mut Stock) -> Result<(Chart, String), Failed> {
    let repository: helm_repository::Spec = spec_of(source)?;
    let revision = match repository.kind {
        helm_repository::Kind::Default => revision(spec, source)?,
        helm_repository::Kind::Oci => {
            let url = format!("{}/{}", repository.url.trim_end_matches('/'), spec.chart);
            address::is_ours(&url, &[address::OCI_CHART]).map_err(Failed::because("ChartPullError"))?;
            String::new()
        }
    };
    let newest = stock.newest();
    let chart = newest
        .and_then(|newest| stock.charts.pull(&newest, &spec.chart, spec.version.as_deref()).map_err(words));
    Ok((chart.map_err(Failed::because("ChartPullError"))?, revision))
}

fn packed(spec: &Spec, source: &DynamicObject, stock: &mut Stock) -> Result<(Chart, String), Failed> {
    let revision = revision(spec, source)?;
    let path = source.data.pointer("/status/artifact/path").and_then(|path| path.as_str());
    let origin = path.and_then(|path| stock.artifacts.origin(path)).ok_or_else(|| no_artifact(spec))?;
    // As much of the hash as Flux takes.
    let short = origin.commit.get(..12).filter(|_| spec.reconcile_strategy == Strategy::Revision);
    let chart = stock.charts.pack(origin, &spec.chart, short);
    Ok((chart.map_err(words).map_err(Failed::because("ChartPackageError"))?, revision))
}

fn revision(spec: &Spec, source: &DynamicObject) -> Result<String, Failed> {
    let revision = source.data.pointer("/status/artifact/revision").and_then(|revision| revision.as_str());
    revision.map(str::to_owned).ok_or_else(|| no_artifact(spec))
}

fn no_artifact(spec: &Spec) -> Failed {
    let SourceRef { kind, name } = &spec.source_ref;
    Failed::because("NoSourceArtifact")(format!("no artifact available for {kind:?} source '{name}'"))
}

fn store(chart: Chart, revision: String, owner: &str, stock: &mut Stock) -> Result<Stored, String> {
    let artifact = stock.artifacts.of_chart(owner, &chart.file).map_err(words)?;
    let message = format!("stored '{}' chart with version '{}'", chart.name, chart.version);
    let mut also = vec![("url", artifact.url.clone()), ("observedChartName", chart.name)];
    if !revision.is_empty() {
        also.push(("observedSourceArtifactRevision", revision));
    }
    Ok(Stored { revision: chart.version, artifact, message, also })
}
