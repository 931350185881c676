//! The list of clusters in a Fleet.

use anyhow::{Context as _, bail};
use fleetgate_api::{ClusterReference, FIELD_MANAGER, Fleet};
use kube::api::PostParams;
use kube::{Api, Client};

use crate::stored::in_words;

/// How often is tried what someone else changes at the same time.
const ATTEMPTS: usize = 5;

const KIND: &str = "AttachedCluster";

/// Puts the cluster into the Fleet.
pub(super) async fn add(client: &Client, namespace: &str, fleet: &str, cluster: &str) -> anyhow::Result<()> {
    edit(client, namespace, fleet, |clusters| {
        if !clusters.iter().any(|reference| is(reference, cluster)) {
            let (kind, name) = (Some(KIND.to_owned()), Some(cluster.to_owned()));
            clusters.push(ClusterReference { kind, name, ..ClusterReference::default() });
        }
    })
    .await
}

/// Takes the cluster out of the Fleet.
pub(super) async fn remove(
    client: &Client,
    namespace: &str,
    fleet: &str,
    cluster: &str,
) -> anyhow::Result<()> {
    edit(client, namespace, fleet, |clusters| clusters.retain(|reference| !is(reference, cluster))).await
}

/// Puts a cluster in the place of another.
pub(super) async fn exchange(
    client: &Client,
    namespace: &str,
    fleet: &str,
    (old, new): (&str, &str),
) -> anyhow::Result<()> {
    edit(client, namespace, fleet, |clusters| {
        for reference in clusters.iter_mut().filter(|reference| is(reference, old)) {
            reference.name = Some(new.to_owned());
        }
    })
    .await
}

/// Whether the Fleet lists the cluster.
pub(super) fn lists(fleet: &Fleet, cluster: &str) -> bool {
    fleet.spec.clusters.iter().flatten().any(|reference| is(reference, cluster))
}

fn is(reference: &ClusterReference, cluster: &str) -> bool {
    reference.kind.as_deref() == Some(KIND) && reference.name.as_deref() == Some(cluster)
}

/// Writes the Fleet as it was read, but for that change; read again where
/// someone else has written it meanwhile.
async fn edit(
    client: &Client,
    namespace: &str,
    fleet: &str,
    change: impl Fn(&mut Vec<ClusterReference>),
) -> anyhow::Result<()> {
    let api: Api<Fleet> = Api::namespaced(client.clone(), namespace);
    let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    for _ in 0..ATTEMPTS {
        let what = || format!("Fleet {namespace}/{fleet} cannot be changed");
        let mut object = api.get(fleet).await.map_err(in_words).with_context(what)?;
        change(object.spec.clusters.get_or_insert_default());
        match api.replace(fleet, &parameters, &object).await {
            Err(kube::Error::Api(status)) if status.is_conflict() => {}
            written => return written.map(drop).map_err(in_words).with_context(what),
        }
    }
    bail!("Fleet {namespace}/{fleet} cannot be changed: someone else changes it all the time")
}
