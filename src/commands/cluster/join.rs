//! `fleetgate cluster join`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use fleetgate_api::names::LABEL_JOINED;
use fleetgate_api::{AttachedCluster, FIELD_MANAGER, Fleet};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Map, Value, json};

use super::kubeconfig::{Current, current};
use super::{fleets, labels};
use crate::cli::JoinOptions;
use crate::commands::connect::Connection;
use crate::stored::in_words;

/// How long the cluster may take to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// Joins the cluster of a kubeconfig, and says so.
pub(super) async fn join(connection: &Connection, options: &JoinOptions) -> anyhow::Result<String> {
    let (client, namespace) = (&connection.client, connection.namespace.as_str());
    let labels = labels::parse(&options.labels, false)?;
    let kubeconfig = read(&options.file)?;
    let name = options.name.as_deref().unwrap_or(&kubeconfig.name);
    let version = probe(&kubeconfig, options.limited).await?;
    if let Some(fleet) = &options.fleet {
        let api: Api<Fleet> = Api::namespaced(client.clone(), namespace);
        let found = api.get_opt(fleet).await.map_err(in_words)?;
        found.with_context(|| format!("there is no Fleet {fleet:?} in namespace {namespace:?}"))?;
    }
    write(connection, name, &kubeconfig, labels, options.fleet.as_deref()).await?;
    let warnings = kubeconfig.warnings.iter().map(|warning| format!("Warning: the kubeconfig {warning}\n"));
    let fleet = options.fleet.as_ref().map(|fleet| format!(", in Fleet {fleet}")).unwrap_or_default();
    let done =
        format!("AttachedCluster {namespace}/{name} joined: {version} at {}{fleet}\n", kubeconfig.server);
    Ok(warnings.chain([done]).collect())
}

fn read(file: &Path) -> anyhow::Result<Current> {
    let what = || file.display().to_string();
    let text = fs::read_to_string(file).with_context(what)?;
    current(&text, file.parent().unwrap_or(Path::new(""))).with_context(what)
}

/// The version that the cluster reports to its user, who may do everything there.
async fn probe(kubeconfig: &Current, limited: bool) -> anyhow::Result<String> {
    let server = &kubeconfig.server;
    // The errors' own words may repeat what stands in the kubeconfig.
    let Ok(parsed) = Kubeconfig::from_yaml(&kubeconfig.text) else { bail!("the kubeconfig cannot be used") };
    let config = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await;
    let Ok(mut config) = config else {
        bail!("the kubeconfig cannot be used: certificates and keys must be base64 of PEM")
    };
    (config.connect_timeout, config.read_timeout) = (Some(PROBE_TIMEOUT), Some(PROBE_TIMEOUT));
    let unreachable = || format!("{server} does not answer");
    let client = Client::try_from(config).with_context(unreachable)?;
    let answer = tokio::time::timeout(PROBE_TIMEOUT, client.apiserver_version()).await;
    let version = answer.with_context(unreachable)?.map_err(in_words).with_context(unreachable)?;
    if !limited && !may_do_everything(client).await? {
        bail!(
            "the kubeconfig's user may not do everything at {server}, so that what Flux applies there may fail: bind its user \
             to cluster-admin, or join it with --limited"
        );
    }
    Ok(version.git_version)
}

async fn may_do_everything(client: Client) -> anyhow::Result<bool> {
    let all = || Some("*".to_owned());
    let attributes =
        ResourceAttributes { verb: all(), group: all(), resource: all(), ..ResourceAttributes::default() };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = Api::<SelfSubjectAccessReview>::all(client).create(&PostParams::default(), &review).await;
    let answer = answer.map_err(in_words).context("what the kubeconfig's user may do cannot be told")?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Writes Secret, cluster and Fleet; takes back what was made if one of them fails.
async fn write(
    connection: &Connection,
    name: &str,
    kubeconfig: &Current,
    labels: Map<String, Value>,
    fleet: Option<&str>,
) -> anyhow::Result<()> {
    let (client, namespace) = (&connection.client, connection.namespace.as_str());
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let clusters: Api<AttachedCluster> = Api::namespaced(client.clone(), namespace);
    let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let secret_name = format!("{name}-kubeconfig");
    let secret = secret(&secret_name, &kubeconfig.text);
    let cluster: AttachedCluster = serde_json::from_value(json!({
        "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
        "metadata": {"name": name, "labels": labels},
        "spec": {"kubeconfig": {"name": secret_name, "key": "value"}},
    }))?;
    let created = secrets.create(&parameters, &secret).await.map_err(in_words);
    created.with_context(|| format!("Secret {namespace}/{secret_name} cannot be made"))?;
    let created = clusters.create(&parameters, &cluster).await.map_err(in_words);
    if let Err(error) = created {
        undo(&secrets, &secret_name).await;
        return Err(error.context(format!("AttachedCluster {namespace}/{name} cannot be made")));
    }
    let Some(fleet) = fleet else { return Ok(()) };
    let added = fleets::add(client, namespace, fleet, name).await;
    if added.is_err() {
        undo(&clusters, name).await;
        undo(&secrets, &secret_name).await;
    }
    added
}

fn secret(name: &str, text: &str) -> Secret {
    let mut secret = Secret {
        string_data: Some(BTreeMap::from([("value".to_owned(), text.to_owned())])),
        ..Secret::default()
    };
    secret.metadata.name = Some(name.to_owned());
    secret.metadata.labels = Some(BTreeMap::from([(LABEL_JOINED.to_owned(), "true".to_owned())]));
    secret
}

/// Deletes what was made a moment ago.
async fn undo<K>(api: &Api<K>, name: &str)
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    if let Err(error) = api.delete(name, &DeleteParams::default()).await {
        tracing::warn!(name, %error, "what was made for the cluster is left: delete it");
    }
}
