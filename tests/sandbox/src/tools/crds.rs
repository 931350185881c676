//! Flux's own CRDs, read from the modules that its controllers are built from.

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
            let crd = serde_saphyr::from_str(&files::read(&file)?)
                .with_context(|| format!("{} is not a CustomResourceDefinition", file.display()))?;
            crds.push(crd);
        }
    }
    Ok(crds)
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
    }
}
