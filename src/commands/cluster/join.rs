//! `fleetgate cluster join`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use fleetgate_api::names::LABEL_JOINED;
use fleetgate_api::{AttachedCluster, FIELD_MANAGER, Fleet};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use serde_json::{Map, Value, json};

use super::kubeconfig::{Current, current};
use super::{fleets, labels, same};
use crate::cli::JoinOptions;
use crate::commands::connect::Connection;
use crate::member::probe;
use crate::stored::in_words;

/// Joins the cluster of a kubeconfig, and says so.
pub(super) async fn join(connection: &Connection, options: &JoinOptions) -> anyhow::Result<String> {
    let (client, namespace) = (&connection.client, connection.namespace.as_str());
    let labels = labels::parse(&options.labels, false)?;
    let kubeconfig = read(&options.file)?;
    let name = options.name.as_deref().unwrap_or(&kubeconfig.name);
    let version = look(connection, &kubeconfig, options).await?;
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

/// The version of a cluster that works, that its user may change, and that is
/// not there yet.
async fn look(
    connection: &Connection,
    kubeconfig: &Current,
    options: &JoinOptions,
) -> anyhow::Result<String> {
    let config = same::member(&kubeconfig.text).await?;
    let client = Client::try_from(config.clone());
    let version = probe(config).await.map_err(|unreached| anyhow::anyhow!(unreached.message))?;
    let member = client.context("the kubeconfig cannot be used")?;
    if !options.limited && !may_do_everything(member.clone()).await? {
        bail!(
            "the kubeconfig's user may not do everything at {}, so that what Flux applies there may fail: bind its user \
             to cluster-admin, or join it with --limited",
            kubeconfig.server
        );
    }
    if !options.force {
        same::refuse_if_there(connection, &member).await?;
    }
    Ok(version)
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
