//! Members join as a user joins them: a Secret with a kubeconfig each, then the examples' own files.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};

use crate::kubectl::Kubectl;
use crate::manifests;
use crate::plane::Plane;
use crate::wait::{self, Probe};

/// The names under which the examples know the members.
pub(crate) const NAMES: [&str; 2] = ["kurator-member1", "kurator-member2"];

/// Where the examples keep the `AttachedClusters` and the Fleet.
const EXAMPLES: &str = "examples/application/common";

/// How long fresh CRDs may take to be served.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writes the members' Secrets, then their `AttachedClusters` and the Fleet.
pub(crate) async fn join(
    client: &Client,
    members: &[Plane],
    kubectl: &Kubectl,
    checkout: &Path,
) -> anyhow::Result<()> {
    let secrets = Api::<Secret>::namespaced(client.clone(), "default");
    for member in members {
        let secret = secret(member)?;
        secrets
            .patch(member.name(), &PatchParams::apply(manifests::MANAGER), &Patch::Apply(secret))
            .await
            .with_context(|| format!("cannot write the Secret of the member {}", member.name()))?;
    }
    // As a user applies them, so that the next apply of the same files finds nothing to complain of.
    let examples = checkout.join(EXAMPLES);
    let folder = examples.to_str().context("the checkout's path is not UTF-8")?;
    let joined = wait::until("the members to join", PATIENCE, async || {
        let answer = kubectl.run(&["apply", "-f", folder]).await?;
        // Fresh CRDs are not served at once.
        Ok(if answer.success() { Probe::Done(()) } else { Probe::NotYet(answer.stderr) })
    });
    joined.await.context("cannot join the members to the fleet")
}

/// An administrator's kubeconfig, as `fleetgate cluster join` asks for one: Flux may have anything to deliver.
fn secret(member: &Plane) -> anyhow::Result<Secret> {
    let key = format!("{}.config", member.name());
    Ok(Secret {
        metadata: ObjectMeta { name: Some(member.name().to_owned()), ..ObjectMeta::default() },
        string_data: Some(BTreeMap::from([(key, member.access.to_yaml()?)])),
        ..Secret::default()
    })
}
