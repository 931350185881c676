//! Which objects a set of controllers looks after. What they decide by, the
//! Catalog, is whole all the same.

use anyhow::Context as _;
use fleetgate_api::Application;
use k8s_openapi::NamespaceResourceScope;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};

/// One namespace or all, and of it what has certain labels or everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) namespace: Option<String>,
    /// A label selector as kubectl takes it.
    pub(crate) labels: Option<String>,
}

impl Scope {
    /// Asks the API server whether this can be looked after: a watch would only
    /// try again, for ever.
    ///
    /// # Errors
    ///
    /// When the selector cannot be read, or the namespace may not be.
    pub(crate) async fn check(&self, client: &Client) -> anyhow::Result<()> {
        let mut one = ListParams::default().limit(1);
        one.label_selector.clone_from(&self.labels);
        let applications: Api<PartialObjectMeta<Application>> = self.api(client);
        match applications.list(&one).await {
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 403) => {
                let namespace = self.namespace.as_deref().unwrap_or("any");
                Err(kube::Error::Api(status)).with_context(|| {
                    format!(
                        "--watch-namespaces {namespace}, --watch-label-selector {:?} cannot be watched",
                        self.labels.as_deref().unwrap_or_default()
                    )
                })
            }
            _ => Ok(()),
        }
    }

    /// What is looked after, of one kind.
    pub(super) fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        }
    }

    /// Everything of one kind that may stand for what is looked after.
    pub(super) fn children(&self, client: &Client, resource: &ApiResource) -> Api<DynamicObject> {
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
            None => Api::all_with(client.clone(), resource),
        }
    }

    /// How what is looked after is watched.
    pub(super) fn watched(&self) -> watcher::Config {
        watcher::Config { label_selector: self.labels.clone(), ..watcher::Config::default() }
    }
}
