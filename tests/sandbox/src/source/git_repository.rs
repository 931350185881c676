//! Plays Flux's source-controller for `GitRepository`: the archive of a commit.

use serde::Deserialize;

use super::reference::Reference;
use super::status::{Failed, Outcome, Stored};
use super::stock::Stock;

#[derive(Debug, Deserialize)]
pub(super) struct Spec {
    url: String,
    #[serde(default, rename = "ref")]
    reference: Reference,
}

pub(super) fn look(spec: Spec, owner: &str, stock: &mut Stock) -> Outcome {
    store(&spec, owner, stock).map_err(Failed::because("GitOperationFailed"))
}

fn store(spec: &Spec, owner: &str, stock: &mut Stock) -> Result<Stored, String> {
    let mirror = stock.mirrors.get(&spec.url)?;
    let target = spec.reference.resolve(mirror.references)?;
    let artifact = stock
        .artifacts
        .of_commit(&mirror.folder, owner, &target.commit, None)
        .map_err(|error| format!("cannot check out {}: {error:#}", target.revision))?;
    let message = format!("stored artifact for revision '{}'", target.revision);
    Ok(Stored { revision: target.revision, artifact, message, also: Vec::new() })
}
