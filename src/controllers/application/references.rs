//! Whether the Secrets and ServiceAccounts exist that an Application names.
//!
//! They are not watched: only Secrets with kubeconfigs have the label by which
//! Secrets are. Each is asked for by its name, seldom, and of what comes back
//! only the findings are kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fleetgate_api::Application;
use fleetgate_webhooks::credentials::{self, Credentials, Needs};
use fleetgate_webhooks::{Finding, Kind};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

/// How long a look is good for: a reconcile for each of many children looks once.
/// What is missing is looked for again after it.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// An Application that names more than this is not looked after: a tenant would
/// have the API server asked for very many.
const MOST_NEEDS: usize = 100;

/// Questions about one Application that are under way at the same time.
const CONCURRENCY: usize = 4;

/// What was found missing, by the Application's uid.
#[derive(Debug, Default)]
pub(super) struct References {
    looks: Mutex<HashMap<String, Look>>,
}

/// What a look at one generation of an Application gave.
#[derive(Clone, Debug)]
struct Look {
    generation: Option<i64>,
    at: Instant,
    missing: Vec<Finding>,
}

impl References {
    /// What `application` names and what is not there. `object` is the same as a value.
    pub(super) async fn missing(
        &self,
        application: &Application,
        object: &Value,
        client: &Client,
    ) -> Vec<Finding> {
        let needs = credentials::needs(application);
        if needs.count() == 0 || needs.count() > MOST_NEEDS {
            self.forget(application);
            return Vec::new();
        }
        let known = self.known(application);
        if let Some(look) = &known
            && look.at.elapsed() < LOOK_AGAIN
        {
            return look.missing.clone();
        }
        let missing = match look(&application.namespace().unwrap_or_default(), needs, client).await {
            Ok(found) => credentials::check(Kind::Application, object, &found),
            // What was seen last serves; without it nobody knows.
            Err(error) => {
                tracing::warn!(namespace = application.namespace(), name = application.name_any(), %error, "what an Application names is not looked at");
                known.map(|look| look.missing).unwrap_or_default()
            }
        };
        self.keep(application, missing.clone());
        missing
    }

    /// Lets go of what was known of an Application.
    pub(super) fn forget(&self, application: &impl ResourceExt) {
        self.with_looks(|looks| looks.remove(&uid(application)));
    }

    fn known(&self, application: &Application) -> Option<Look> {
        let look = self.with_looks(|looks| looks.get(&uid(application)).cloned());
        look.filter(|look| look.generation == application.metadata.generation)
    }

    fn keep(&self, application: &Application, missing: Vec<Finding>) {
        let look = Look { generation: application.metadata.generation, at: Instant::now(), missing };
        self.with_looks(|looks| looks.insert(uid(application), look));
    }

    /// Whoever panics under the lock leaves a map behind, and not half of one.
    fn with_looks<T>(&self, act: impl FnOnce(&mut HashMap<String, Look>) -> T) -> T {
        act(&mut self.looks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn uid(application: &impl ResourceExt) -> String {
    application.uid().unwrap_or_default()
}

/// Those of the needed that exist. Gone when the findings have been made: what
/// is in a Secret is kept nowhere.
async fn look(namespace: &str, needs: Needs, client: &Client) -> kube::Result<Credentials> {
    let secrets = &Api::<Secret>::namespaced(client.clone(), namespace);
    let accounts = &Api::<ServiceAccount>::namespaced(client.clone(), namespace);
    let found = stream::iter(needs.secrets).map(|name| async move { secrets.get_opt(&name).await });
    let found: Vec<Option<Secret>> = found.buffer_unordered(CONCURRENCY).try_collect().await?;
    let known = stream::iter(needs.service_accounts)
        .map(|name| async move { accounts.get_metadata_opt(&name).await });
    let known: Vec<_> = known.buffer_unordered(CONCURRENCY).try_collect().await?;
    let mut credentials = Credentials::default();
    found.into_iter().flatten().for_each(|secret| credentials.insert_secret(secret));
    for account in known.into_iter().flatten() {
        credentials.insert_service_account(namespace, &account.name_any());
    }
    Ok(credentials.complete())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use serde_json::json;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

    /// An API server that answers every question with one status, and counts them.
    #[derive(Clone, Default)]
    struct Server {
        status: Arc<AtomicU16>,
        asked: Arc<AtomicUsize>,
    }

    impl Server {
        fn client(&self) -> Client {
            let this = self.clone();
            let answer = async move || {
                this.asked.fetch_add(1, Ordering::SeqCst);
                let status = this.status.load(Ordering::SeqCst);
                let body = match status {
                    200 => {
                        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "git", "namespace": "default"}})
                    }
                    404 => json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}),
                    _ => json!({"kind": "Status", "status": "Failure", "code": status}),
                };
                (StatusCode::from_u16(status).expect("a status"), body.to_string()).into_response()
            };
            Client::new(Router::new().fallback(answer), "default")
        }

        /// The codes of what is missing once every question is answered so, and
        /// how many questions that took.
        async fn said(
            &self,
            status: u16,
            references: &References,
            object: &Value,
        ) -> (Vec<&'static str>, usize) {
            self.status.store(status, Ordering::SeqCst);
            self.asked.store(0, Ordering::SeqCst);
            let application = serde_json::from_value(object.clone()).expect("an Application");
            let missing = references.missing(&application, object, &self.client()).await;
            (missing.iter().map(|finding| finding.code).collect(), self.asked.load(Ordering::SeqCst))
        }
    }

    /// An Application that names a Secret for its source, and one for its values as often as that.
    fn application(generation: i64, values: usize) -> Value {
        let from: Vec<Value> =
            (0..values).map(|index| json!({"kind": "Secret", "name": format!("v{index}")})).collect();
        json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "default", "uid": "u", "generation": generation},
            "spec": {
                "source": {"gitRepository": {"url": "https://e.com/r", "interval": "5m", "secretRef": {"name": "git"}}},
                "syncPolicies": [{"helm": {"interval": "5m", "chart": {"spec": {"chart": "./c"}}, "valuesFrom": from}}],
            },
        })
    }

    #[tokio::test]
    async fn a_generation_is_looked_after_once_in_a_while() {
        let (server, references) = (Server::default(), References::default());
        let missing = vec!["ref/secret"];
        assert_eq!(server.said(404, &references, &application(1, 0)).await, (missing.clone(), 1));
        assert_eq!(
            server.said(200, &references, &application(1, 0)).await,
            (missing, 0),
            "not again so soon"
        );
        assert_eq!(
            server.said(200, &references, &application(2, 0)).await,
            (vec![], 1),
            "another generation"
        );
    }

    #[tokio::test]
    async fn what_cannot_be_asked_for_is_not_missing() {
        let (server, references) = (Server::default(), References::default());
        assert_eq!(server.said(403, &references, &application(1, 0)).await, (vec![], 1));
        assert_eq!(server.said(404, &references, &application(1, 0)).await, (vec![], 0), "not again so soon");
    }

    #[tokio::test]
    async fn very_many_names_are_not_looked_for() {
        let (server, references) = (Server::default(), References::default());
        let (missing, asked) = server.said(404, &references, &application(1, MOST_NEEDS - 1)).await;
        assert_eq!((missing.len(), asked), (MOST_NEEDS, MOST_NEEDS));
        assert_eq!(server.said(404, &references, &application(2, MOST_NEEDS)).await, (vec![], 0));
    }

    #[test]
    fn of_those_that_go_nothing_is_kept() {
        let references = References::default();
        for number in 0..1_000 {
            let mut going: Application = serde_json::from_value(application(1, 0)).expect("an Application");
            going.metadata.uid = Some(number.to_string());
            references.keep(&going, Vec::new());
            assert!(references.known(&going).is_some());
            references.forget(&going);
        }
        assert_eq!(references.with_looks(|looks| looks.len()), 0);
    }
}
