//! The last look before something is deleted: what does the API server say?

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fleetgate_api::Application;
use fleetgate_plan::prune::confirmed;
use fleetgate_plan::{Catalog, Plan};
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::Mutex;

use crate::stored::{Scope, Stored, in_words};

/// How long what was read of a namespace serves: a change of a label is looked
/// up once, and not by each of the Applications that it moves.
const MEMORY: Duration = Duration::from_secs(1);

/// What the API server said of Fleets and clusters, a moment ago at most.
pub(super) struct Look {
    client: Client,
    /// What is read is put into this one.
    empty: Catalog,
    /// By namespace, since when.
    seen: Mutex<HashMap<String, (Instant, Catalog)>>,
}

impl Look {
    pub(super) fn new(client: Client, empty: Catalog) -> Self {
        Self { client, empty, seen: Mutex::default() }
    }

    /// The plan of `application` on the Fleets and clusters that there are now;
    /// none, if it is another one by now. With it come those Fleets and clusters.
    pub(super) async fn plan(&self, application: &Application) -> anyhow::Result<Option<(Plan, Catalog)>> {
        if !self.is_current(application).await? {
            return Ok(None);
        }
        let namespace = application.namespace().unwrap_or_default();
        let catalog = self.destinations(namespace).await?;
        Ok(Some((Plan::of(application, &catalog), catalog)))
    }

    async fn is_current(&self, application: &Application) -> anyhow::Result<bool> {
        let namespace = application.namespace().unwrap_or_default();
        let api: Api<Application> = Api::namespaced(self.client.clone(), &namespace);
        let now = api.get_opt(&application.name_any()).await.map_err(in_words);
        let now = now.context("the Application cannot be read")?;
        Ok(now.is_some_and(|now| {
            now.meta().uid == application.meta().uid
                && now.meta().generation == application.meta().generation
                && now.meta().deletion_timestamp.is_none()
                && confirmed(&now) == confirmed(application)
        }))
    }

    async fn destinations(&self, namespace: String) -> anyhow::Result<Catalog> {
        // Held while it is read, so that others wait for the answer instead of asking, too.
        let mut seen = self.seen.lock().await;
        seen.retain(|_, (since, _)| since.elapsed() < MEMORY);
        if let Some((_, catalog)) = seen.get(&namespace) {
            return Ok(catalog.clone());
        }
        let since = Instant::now();
        let scope = Scope { namespace: Some(namespace.clone()), application: None };
        let catalog = Stored::destinations(&self.client, &scope).await?.in_catalog(self.empty.clone());
        seen.insert(namespace, (since, catalog.clone()));
        Ok(catalog)
    }
}
