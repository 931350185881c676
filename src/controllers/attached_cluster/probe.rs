//! One question to a cluster, with its kubeconfig: what are you?

use std::time::Duration;

use fleetgate_api::{AttachedCluster, ConditionReason};
use kube::{Client, ResourceExt};

use crate::controllers::conditions::Summary;
use crate::controllers::kubeconfig;

/// How long it may take to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The version that the cluster reports.
pub(super) async fn probe(cluster: &AttachedCluster, client: &Client) -> Result<String, Summary> {
    let Some(reference) = &cluster.spec.kubeconfig else {
        return Err(Summary::new(ConditionReason::KubeconfigNotFound, "spec.kubeconfig names no Secret"));
    };
    let namespace = cluster.namespace().unwrap_or_default();
    let mut config = kubeconfig::load(client, &namespace, reference).await?;
    config.connect_timeout = Some(PROBE_TIMEOUT);
    config.read_timeout = Some(PROBE_TIMEOUT);
    let server = config.cluster_url.to_string();
    let unreachable = |error: &dyn std::fmt::Display| {
        Summary::new(ConditionReason::Unreachable, format!("{server} does not answer: {error}"))
    };
    let member = Client::try_from(config).map_err(|error| unreachable(&error))?;
    let answer = tokio::time::timeout(PROBE_TIMEOUT, member.apiserver_version()).await;
    let answer =
        answer.map_err(|_| unreachable(&format!("no answer within {} s", PROBE_TIMEOUT.as_secs())))?;
    answer.map(|info| info.git_version).map_err(|error| unreachable(&error))
}
