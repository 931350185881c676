//! What a cluster has stored, read from its API server at once, where watches are none or too late.

use std::borrow::Cow;
use std::fmt::Debug;

use anyhow::Context as _;
use fleetgate_api::{Application, AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster, ClusterKind, FluxKind, RenderedKind};
use fleetgate_webhooks::normalise::of_stored;
use k8s_openapi::NamespaceResourceScope;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::{DeserializeGuard, ObjectList, PartialObjectMeta};
use kube::discovery;
use kube::error::DiscoveryError;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::watches::{self, insert_application, insert_cluster, insert_fleet};

mod children;

pub(crate) use self::children::{Child, all_children, keeping_names, labelled_children};

/// How many objects are asked for at once.
const PAGE: u32 = 500;

/// Where is looked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// In this namespace alone.
    pub(crate) namespace: Option<String>,
    /// For this Application alone.
    pub(crate) application: Option<String>,
}

/// What the Catalog is made of. An object that cannot be decoded says so itself.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) fleets: Vec<DeserializeGuard<Fleet>>,
    pub(crate) clusters: Vec<DeserializeGuard<AttachedCluster>>,
    /// Those that others provision.
    pub(crate) provisioned: Vec<Cluster>,
    pub(crate) applications: Vec<DeserializeGuard<Application>>,
}

impl Stored {
    /// What the cluster has in `scope`.
    ///
    /// # Errors
    ///
    /// When the cluster does not answer, or its objects may not be listed.
    pub(crate) async fn read(client: &Client, scope: &Scope) -> anyhow::Result<Self> {
        let one = scope.application.iter().fold(ListParams::default(), |parameters, name| {
            parameters.fields(&format!("metadata.name={name}"))
        });
        let destinations = Self::destinations(client, scope).await?;
        Ok(Self { applications: list_applications(client, scope, one).await?, ..destinations })
    }

    /// Where Applications in `scope` may go, and none of themselves.
    ///
    /// # Errors
    ///
    /// When the cluster does not answer, or its objects may not be listed.
    pub(crate) async fn destinations(client: &Client, scope: &Scope) -> anyhow::Result<Self> {
        let all = ListParams::default();
        Ok(Self {
            fleets: list_ours(client, scope, all.clone()).await?,
            clusters: list_ours(client, scope, all).await?,
            provisioned: list_provisioned(client, scope).await?,
            applications: Vec::new(),
        })
    }

    /// The Catalog of all that.
    pub(crate) fn catalog(&self) -> Catalog {
        self.in_catalog(Catalog::default())
    }

    /// That Catalog with all that in it.
    pub(crate) fn in_catalog(&self, mut catalog: Catalog) -> Catalog {
        for fleet in &self.fleets {
            insert_fleet(&mut catalog, fleet);
        }
        for cluster in &self.clusters {
            insert_cluster(&mut catalog, cluster);
        }
        for cluster in &self.provisioned {
            catalog.insert_cluster(cluster.clone());
        }
        for application in &self.applications {
            insert_application(&mut catalog, application);
        }
        catalog
    }
}

/// Puts the host's CRDs of Flux into the Catalog.
///
/// # Errors
///
/// When one cannot be read.
pub(crate) async fn insert_crds(client: &Client, catalog: &mut Catalog) -> anyhow::Result<()> {
    let crds = watches::crds(client);
    for kind in FluxKind::ALL.map(RenderedKind::Flux) {
        let name = kind.crd_name();
        let crd = crds.get_opt(&name).await.map_err(in_words);
        let crd = crd.with_context(|| format!("its CustomResourceDefinition {name} cannot be read"))?;
        if let Some(crd) = crd {
            catalog.insert_crd(&crd);
        }
    }
    Ok(())
}

/// The clusters in `scope` that others provision, of the kinds that the cluster has.
async fn list_provisioned(client: &Client, scope: &Scope) -> anyhow::Result<Vec<Cluster>> {
    let mut clusters = Vec::new();
    for kind in ClusterKind::PROVISIONED {
        let group = match discovery::group(client, kind.group()).await {
            Err(kube::Error::Discovery(DiscoveryError::MissingApiGroup(_))) => continue,
            // One of its versions comes or goes right now.
            Err(kube::Error::Api(status)) if status.is_not_found() => continue,
            group => group.map_err(in_words),
        };
        let group = group.with_context(|| format!("its API group {} cannot be read", kind.group()))?;
        let resources = group.resources_by_stability().into_iter().map(|(resource, _)| resource);
        for resource in resources.filter(|resource| resource.kind == kind.as_str()) {
            let listed = match list(&within(client, scope, &resource), ListParams::default()).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => continue,
                listed => listed.map_err(in_words),
            };
            let listed = listed.with_context(|| format!("its {} cannot be listed", kind.crd_name()))?;
            clusters.extend(listed.iter().map(|object| Cluster::provisioned(kind, object)));
        }
    }
    Ok(clusters)
}

fn within(client: &Client, scope: &Scope, resource: &ApiResource) -> Api<DynamicObject> {
    match &scope.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

/// The Applications, each as admission would store it today.
///
/// # Errors
///
/// When they cannot be listed.
pub(crate) async fn list_applications(
    client: &Client,
    scope: &Scope,
    parameters: ListParams,
) -> anyhow::Result<Vec<DeserializeGuard<Application>>> {
    let mut applications = list_ours::<Application>(client, scope, parameters).await?;
    for application in applications.iter_mut().filter_map(|application| application.0.as_mut().ok()) {
        if let Cow::Owned(moved) = of_stored(application) {
            *application = moved;
        }
    }
    Ok(applications)
}

/// All objects of one of our kinds; one that cannot be decoded says so itself.
async fn list_ours<K>(
    client: &Client,
    scope: &Scope,
    parameters: ListParams,
) -> anyhow::Result<Vec<DeserializeGuard<K>>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<DeserializeGuard<K>> = match &scope.namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let listed = list(&api, parameters).await.map_err(in_words);
    listed.with_context(|| format!("its {}s cannot be listed", K::kind(&())))
}

/// All objects of a kind, page by page.
///
/// # Errors
///
/// When they cannot be listed.
pub(crate) async fn list<K>(api: &Api<K>, parameters: ListParams) -> kube::Result<Vec<K>>
where
    K: Clone + Debug + DeserializeOwned,
{
    let page = |parameters: ListParams| async move { api.list(&parameters).await };
    pages(parameters, page).await
}

/// The metadata of all objects of a kind, page by page.
///
/// # Errors
///
/// When they cannot be listed.
pub(crate) async fn list_metadata<K>(
    api: &Api<K>,
    parameters: ListParams,
) -> kube::Result<Vec<PartialObjectMeta<K>>>
where
    K: Clone + Debug + DeserializeOwned,
{
    let page = |parameters: ListParams| async move { api.list_metadata(&parameters).await };
    pages(parameters, page).await
}

async fn pages<K, F>(parameters: ListParams, page: impl Fn(ListParams) -> F) -> kube::Result<Vec<K>>
where
    K: Clone,
    F: Future<Output = kube::Result<ObjectList<K>>>,
{
    let mut parameters = parameters.limit(PAGE);
    let mut objects = Vec::new();
    loop {
        let next = page(parameters.clone()).await?;
        objects.extend(next.items);
        match next.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(objects),
        }
    }
}

/// The API server's own words, where it has answered.
pub(crate) fn in_words(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Api(status) => anyhow::anyhow!(status.message),
        error => error.into(),
    }
}

/// The same of an error that stays with someone else.
pub(crate) fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        error => error.to_string(),
    }
}
