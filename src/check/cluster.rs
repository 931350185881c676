//! `--context`: the Catalog of a cluster that runs.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::Context as _;
use fleetgate_api::{Application, AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster, ClusterKind, FluxKind, RenderedKind};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, ListParams};
use kube::config::KubeConfigOptions;
use kube::core::DeserializeGuard;
use kube::{Api, Client, Config, Resource};
use serde::de::DeserializeOwned;

use crate::watches::{insert_application, insert_cluster, insert_fleet, newest};

/// A cluster that cannot be reached by then is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An answer that takes longer will not come.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How many objects are asked for at once.
const PAGE: u32 = 500;

/// What the cluster of that kubeconfig context knows, in all namespaces.
///
/// # Errors
///
/// When there is no such context, or the cluster does not answer, or its
/// objects may not be listed.
pub(super) fn catalog(context: &str) -> anyhow::Result<Catalog> {
    crate::block_on(read(context)).with_context(|| format!("--context {context}"))
}

async fn read(context: &str) -> anyhow::Result<Catalog> {
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    let config = Config::from_kubeconfig(&options).await;
    // The error's own text says its cause already.
    let mut config = config.map_err(|error| anyhow::anyhow!("the kubeconfig cannot be used: {error}"))?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    let client = Client::try_from(config).context("the cluster's configuration cannot be used")?;
    let mut catalog = Catalog::default();
    for fleet in list::<Fleet>(&client).await.context("its Fleets cannot be listed")? {
        insert_fleet(&mut catalog, &fleet);
    }
    for cluster in list::<AttachedCluster>(&client).await.context("its AttachedClusters cannot be listed")? {
        insert_cluster(&mut catalog, &cluster);
    }
    for application in list::<Application>(&client).await.context("its Applications cannot be listed")? {
        insert_application(&mut catalog, &application);
    }
    for kind in FluxKind::ALL.map(RenderedKind::Flux) {
        if let Some(crd) = crd(&kind.crd_name(), &client).await? {
            catalog.insert_crd(&crd);
        }
    }
    for kind in ClusterKind::PROVISIONED {
        let Some(version) = crd(&kind.crd_name(), &client).await?.as_ref().and_then(newest) else { continue };
        let api = Api::<DynamicObject>::all_with(client.clone(), &kind.resource(&version));
        let clusters = list_all(&api).await;
        for cluster in clusters.with_context(|| format!("its {} cannot be listed", kind.crd_name()))? {
            catalog.insert_cluster(Cluster::provisioned(kind, &cluster));
        }
    }
    Ok(catalog)
}

async fn crd(name: &str, client: &Client) -> anyhow::Result<Option<CustomResourceDefinition>> {
    let crd = Api::all(client.clone()).get_opt(name).await.map_err(in_words);
    crd.with_context(|| format!("its CustomResourceDefinition {name} cannot be read"))
}

/// All objects of a kind; one that cannot be decoded says so itself.
async fn list<K>(client: &Client) -> anyhow::Result<Vec<DeserializeGuard<K>>>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    list_all(&Api::<DeserializeGuard<K>>::all(client.clone())).await
}

async fn list_all<K: Clone + Debug + DeserializeOwned>(api: &Api<K>) -> anyhow::Result<Vec<K>> {
    let mut parameters = ListParams::default().limit(PAGE);
    let mut objects = Vec::new();
    loop {
        let page = api.list(&parameters).await.map_err(in_words)?;
        objects.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(objects),
        }
    }
}

/// The API server's own words, where it has answered.
fn in_words(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Api(status) => anyhow::anyhow!(status.message),
        error => error.into(),
    }
}
