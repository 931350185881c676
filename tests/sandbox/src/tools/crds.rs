//! Flux's and Flagger's own CRDs, read from the modules that their controllers are built from.

use std::path::Path;

use anyhow::Context as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use super::go;
use crate::files;

/// A module folder of the sandbox, and the Flux module in it that has CRDs.
const SOURCES: [(&str, &str); 3] = [
    ("kustomize-controller", "github.com/fluxcd/kustomize-controller"),
    ("helm-controller", "github.com/fluxcd/helm-controller"),
    ("source-crds", "github.com/fluxcd/source-controller"),
];

/// The CRDs of Flux's kustomize-controller, helm-controller and source-controller, in their pinned
/// versions; their sources are downloaded when they are not there yet.
///
/// # Errors
/// When `go` is missing or fails, in its own words; or when a file cannot be read.
pub fn flux_crds() -> anyhow::Result<Vec<CustomResourceDefinition>> {
    let mut crds = Vec::new();
    for (tool, module) in SOURCES {
        let folder = go::module_folder(tool, module)?.join("config/crd/bases");
        for file in files::list(&folder, "yaml")? {
            crds.extend(parse(&file, &files::read(&file)?)?);
        }
    }
    Ok(crds)
}

/// The CRDs of Flagger in its pinned version.
///
/// # Errors
/// As for [`flux_crds`].
pub fn flagger_crds() -> anyhow::Result<Vec<CustomResourceDefinition>> {
    let folder = go::module_folder("flagger", "github.com/fluxcd/flagger")?;
    let file = folder.join("artifacts/flagger/crd.yaml");
    parse(&file, &with_indented_descriptions(&files::read(&file)?))
}

fn parse(file: &Path, text: &str) -> anyhow::Result<Vec<CustomResourceDefinition>> {
    serde_saphyr::from_multiple(text)
        .with_context(|| format!("{} has no CustomResourceDefinitions", file.display()))
}

/// Flagger's quoted descriptions go on in the column of their key, which Go's parser takes and YAML
/// does not allow.
fn with_indented_descriptions(text: &str) -> String {
    let mut is_open = false;
    let lines = text.lines().map(|line| {
        let is_inside = is_open;
        let may_end = is_inside || line.trim_start().starts_with("description: '");
        is_open = may_end && !line.ends_with('\'');
        if is_inside { format!("  {line}\n") } else { format!("{line}\n") }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_what_fleetgate_writes() {
        let kinds: Vec<String> = flux_crds().unwrap().into_iter().map(|crd| crd.spec.names.kind).collect();
        for kind in
            ["Kustomization", "HelmRelease", "GitRepository", "HelmRepository", "OCIRepository", "Bucket"]
        {
            assert!(kinds.iter().any(|found| found == kind), "{kind} is not among {kinds:?}");
        }
        let kinds: Vec<String> = flagger_crds().unwrap().into_iter().map(|crd| crd.spec.names.kind).collect();
        assert_eq!(kinds, ["Canary", "MetricTemplate", "AlertProvider"]);
    }
}
