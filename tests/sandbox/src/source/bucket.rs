//! Plays Flux's source-controller for `Bucket`: one bucket, with the files of the sandbox's repository.

use serde::Deserialize;

use super::status::{Failed, Outcome, Stored};
use super::stock::Stock;
use super::{address, words};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    bucket_name: String,
    endpoint: String,
    prefix: Option<String>,
}

pub(super) fn look(spec: Spec, owner: &str, stock: &mut Stock) -> Outcome {
    store(&spec, owner, stock).map_err(Failed::because("BucketOperationFailed"))
}

fn store(spec: &Spec, owner: &str, stock: &mut Stock) -> Result<Stored, String> {
    address::is_ours(&format!("{}/{}", spec.endpoint, spec.bucket_name), &[address::BUCKET])?;
    if let Some(prefix) = &spec.prefix {
        return Err(format!("the sandbox does not choose by prefix ({prefix}): leave it out"));
    }
    let newest = stock.newest()?;
    let artifact = stock.artifacts.of_commit(&newest.mirror, owner, &newest.commit, None).map_err(words)?;
    let revision = artifact.digest.clone();
    let message = format!("stored artifact: revision '{revision}'");
    Ok(Stored { revision, artifact, message, also: Vec::new() })
}
