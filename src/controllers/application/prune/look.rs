//! The last look before something is deleted: what does the API server say?

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use fleetgate_api::Application;
use fleetgate_plan::prune::confirmed;
use fleetgate_plan::{Catalog, Plan};
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::stored::{Scope, Stored, in_words};

/// How long what was read of a namespace serves: a change of a label is looked
/// up once, and not by each of the Applications that it moves.
const MEMORY: Duration = Duration::from_secs(1);

/// What the API server said of Fleets and clusters, a moment ago at most.
pub(super) struct Look {
    client: Client,
    /// What is read is put into this one.
    empty: Catalog,
    /// By namespace. Each is locked while it is read, so that others wait for the
    /// answer instead of asking, too; who looks at another namespace does not.
    seen: std::sync::Mutex<HashMap<String, Arc<Mutex<Option<Seen>>>>>,
}

/// What a namespace had, or why it is not known, when it began to be read.
struct Seen {
    began: Instant,
    catalog: Result<Catalog, String>,
}

impl Seen {
    fn is_fresh(&self) -> bool {
        self.catalog.is_ok() && self.began.elapsed() < MEMORY
    }

    /// What one is told who began to wait then; nothing if that has to be found out. Those who wait while it is read for
    /// somebody else are told all the same by the next one, and do not ask in turn.
    fn answer(&self, waits_since: Instant) -> Option<anyhow::Result<Catalog>> {
        let is_good = waits_since <= self.began || self.is_fresh();
        is_good.then(|| self.catalog.clone().map_err(anyhow::Error::msg))
    }
}

impl Look {
    pub(super) fn new(client: Client, empty: Catalog) -> Self {
        Self { client, empty, seen: std::sync::Mutex::default() }
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
        // Its metadata tell; its spec and status are much larger.
        let now = api.get_metadata_opt(&application.name_any()).await.map_err(in_words);
        let now = now.context("the Application cannot be read")?;
        Ok(now.is_some_and(|now| {
            now.meta().uid == application.meta().uid
                && now.meta().generation == application.meta().generation
                && now.meta().deletion_timestamp.is_none()
                && confirmed(&now) == confirmed(application)
        }))
    }

    async fn destinations(&self, namespace: String) -> anyhow::Result<Catalog> {
        let waits_since = Instant::now();
        let seen = self.of(&namespace);
        let mut seen = seen.lock().await;
        if let Some(answer) = seen.as_ref().and_then(|seen| seen.answer(waits_since)) {
            return answer;
        }
        let began = Instant::now();
        let scope = Scope { namespace: Some(namespace), application: None };
        let read = Stored::destinations(&self.client, &scope).await;
        let catalog = read.map(|stored| stored.in_catalog(self.empty.clone()));
        let answer = Seen { began, catalog: catalog.map_err(|error| format!("{error:#}")) };
        seen.insert(answer).catalog.clone().map_err(anyhow::Error::msg)
    }

    /// What is known of a namespace; of those that nobody looks at nothing is kept.
    fn of(&self, namespace: &str) -> Arc<Mutex<Option<Seen>>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, of_one| {
            // Whoever holds it is about to fill it.
            of_one.try_lock().map_or(true, |seen| seen.as_ref().is_some_and(Seen::is_fresh))
        });
        Arc::clone(seen.entry(namespace.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::{StatusCode, Uri};
    use futures::FutureExt;
    use serde_json::json;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_namespace_whose_answer_takes_long_holds_up_none_but_itself() {
        let answer = async |request: Uri| {
            if request.path().contains("/namespaces/slow/") {
                std::future::pending::<()>().await;
            }
            let kind = if request.path() == "/apis" { "APIGroupList" } else { "List" };
            json!({"kind": kind, "metadata": {}, "items": [], "groups": []}).to_string()
        };
        let client = Client::new(Router::new().fallback(answer), "default");
        let look = Look::new(client, Catalog::default());
        let mut slow = Box::pin(look.destinations("slow".to_owned()));
        assert!((&mut slow).now_or_never().is_none());
        tokio::select! {
            quick = look.destinations("quick".to_owned()) => drop(quick.expect("an answer")),
            _ = slow => panic!("it is never answered"),
        }
        assert_eq!(look.seen.lock().expect("a map").len(), 2);
    }

    /// Where a list takes long, or fails late, those who wait have the next answer together.
    #[tokio::test(start_paused = true)]
    async fn who_waits_does_not_wait_for_all_others_in_turn() {
        const LONG: Duration = Duration::from_secs(30);
        for is_refused in [true, false] {
            let reads = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&reads);
            let answer = async move |request: Uri| {
                let kind = if request.path() == "/apis" { "APIGroupList" } else { "List" };
                if request.path().ends_with("/fleets") {
                    counted.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(LONG).await;
                    if is_refused {
                        return (StatusCode::INTERNAL_SERVER_ERROR, String::new());
                    }
                }
                let listed = json!({"kind": kind, "metadata": {}, "items": [], "groups": []});
                (StatusCode::OK, listed.to_string())
            };
            let look = Look::new(Client::new(Router::new().fallback(answer), "default"), Catalog::default());
            let start = Instant::now();
            let looks = (0..16).map(async |later| {
                tokio::time::sleep(Duration::from_millis(later)).await;
                look.destinations("default".to_owned()).await
            });
            let answers = futures::future::join_all(looks).await;
            assert!(answers.iter().all(|answer| answer.is_err() == is_refused), "{answers:?}");
            let took = start.elapsed();
            assert_eq!(
                (reads.load(Ordering::SeqCst), took),
                (2, LONG * 2),
                "what was read before one asked is not for it"
            );
        }
    }
}
