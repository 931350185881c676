//! Whether a cluster is there already: under another name, or as the host.

use std::time::Duration;

use anyhow::bail;
use fleetgate_api::AttachedCluster;
use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};

use super::kubeconfig::current;
use crate::commands::connect::Connection;
use crate::stored::in_words;

/// Clusters that are asked at the same time.
const AT_ONCE: usize = 16;

/// How long each of them may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The namespace that every cluster has from its first day to its last.
const NAMESPACE: &str = "kube-system";

/// How the cluster of a kubeconfig is reached.
pub(super) async fn member(text: &str) -> anyhow::Result<Config> {
    // The errors' own words may repeat what stands in the kubeconfig.
    let Ok(parsed) = Kubeconfig::from_yaml(text) else { bail!("the kubeconfig cannot be used") };
    let config = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await;
    let Ok(mut config) = config else {
        bail!("the kubeconfig cannot be used: certificates and keys must be base64 of PEM")
    };
    (config.connect_timeout, config.read_timeout) = (Some(PATIENCE), Some(PATIENCE));
    Ok(config)
}

/// Refuses a cluster that is the host, or one of those that are joined and answer.
pub(super) async fn refuse_if_there(connection: &Connection, member: &Client) -> anyhow::Result<()> {
    // Who may not see it cannot be told apart.
    let Some(identity) = identity(member).await else { return Ok(()) };
    let Connection { client, namespace, .. } = connection;
    if self::identity(client).await.as_ref() == Some(&identity) {
        bail!(
            "this is the host itself, to which an Application without a destination delivers: join it all the same with --force"
        );
    }
    let clusters: Api<AttachedCluster> = Api::namespaced(client.clone(), namespace);
    let clusters = clusters.list(&ListParams::default()).await.map_err(in_words)?;
    let answers =
        |cluster: &AttachedCluster| cluster.status.as_ref().is_some_and(|status| status.ready == Some(true));
    let asked = stream::iter(clusters.items.into_iter().filter(answers)).map(|cluster| async move {
        let identity = of_joined(client, &cluster).await;
        (cluster.name_any(), identity)
    });
    let mut asked = asked.buffer_unordered(AT_ONCE);
    while let Some((name, found)) = asked.next().await {
        if found.as_ref() == Some(&identity) {
            bail!("it is joined already, as AttachedCluster {namespace}/{name}: join it again with --force");
        }
    }
    Ok(())
}

/// What no two clusters have in common, for who may see it.
async fn identity(client: &Client) -> Option<String> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.get_metadata(NAMESPACE).await.ok()?.uid()
}

async fn of_joined(client: &Client, cluster: &AttachedCluster) -> Option<String> {
    let reference = cluster.spec.kubeconfig.as_ref()?;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &cluster.namespace()?);
    let content = secrets.get_opt(&reference.name).await.ok()??.data?.remove(&reference.key)?;
    // It names no file: those are refused.
    let kubeconfig = current(std::str::from_utf8(&content.0).ok()?, "".as_ref()).ok()?;
    identity(&Client::try_from(member(&kubeconfig.text).await.ok()?).ok()?).await
}
