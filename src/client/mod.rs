//! The way to the API server.
//!
//! ```text
//! request ─▶ a write? ─▶ its turn ─▶ do we lead? ─▶ sent ─▶ answered, or not in time ─▶ counted
//!                └─ no: sent, and a watch that opens is noted
//! ```
//!
//! **Invariant**: no write of a controller is sent by a process that does not
//! lead, whoever asks for it and however long ago that was decided. Nothing
//! below here tries one again by itself: that would be after the question.

mod answers;
mod apply;
mod call;
mod limits;
mod pace;
mod prompt;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::{Request, Response};
use kube::client::Body;
use kube::{Client, Config};
use tokio::time::{Instant, sleep_until};

pub(crate) use self::apply::{Part, apply};
pub(crate) use self::call::{Call, Verb};
use self::limits::Limits;
use self::pace::Pace;
use crate::leader::Leadership;
use crate::metrics::{Metrics, Watching};

/// A write that was not sent.
#[derive(Debug, thiserror::Error)]
#[error("this process does not lead any more, and writes nothing")]
struct NotLeading;

/// What every request passes.
struct Gate {
    inner: Client,
    leadership: Leadership,
    pace: Option<Pace>,
    metrics: Metrics,
}

/// Makes clients that share one way to the API server.
///
/// The watches of each are told of for as long as there is a clone of it: what
/// ends by itself, as controllers do and the watch of a CRD's objects, has one of its own.
#[derive(Clone)]
pub(crate) struct Clients(Arc<Gate>);

/// The configuration of the cluster that the environment names: `$KUBECONFIG`, or that of the pod; `way_out` is what to
/// do where there is none.
///
/// # Errors
///
/// When it names none, or one that cannot be used.
pub(crate) async fn inferred_config(way_out: &str) -> anyhow::Result<Config> {
    // The error's own text says its causes already.
    Config::infer().await.map_err(|error| anyhow::anyhow!("no cluster is configured: {way_out}: {error}"))
}

/// Clients for the controllers: they write only while `leadership` is held, all
/// together no faster than that, and tell `metrics`.
///
/// # Errors
///
/// When the configuration cannot be used.
pub(crate) fn gated(
    config: Config,
    leadership: Leadership,
    writes_per_second: Option<u32>,
    metrics: Metrics,
) -> anyhow::Result<Clients> {
    let inner = direct(config)?;
    let pace = writes_per_second.map(|writes| Pace::new(writes, Instant::now()));
    Ok(Clients(Arc::new(Gate { inner, leadership, pace, metrics })))
}

/// A client for the Lease, of which no request outlives its use.
///
/// # Errors
///
/// When the configuration cannot be used.
pub(crate) fn for_lease(mut config: Config, patience: Duration) -> anyhow::Result<Client> {
    config.connect_timeout = Some(patience);
    config.read_timeout = Some(patience);
    direct(config)
}

/// A client that writes whether this process leads or not. No request waits for ever.
///
/// # Errors
///
/// When the configuration cannot be used.
pub(crate) fn direct(mut config: Config) -> anyhow::Result<Client> {
    config.default_retry = false;
    retrying(config)
}

/// The same for who asks once, and gives up if there is no answer: what an API server has no time for is asked again.
///
/// # Errors
///
/// When the configuration cannot be used.
pub(crate) fn retrying(config: Config) -> anyhow::Result<Client> {
    prompt::client(config, Limits::default()).context("the cluster's configuration cannot be used")
}

impl Clients {
    /// Another client.
    pub(crate) fn client(&self) -> Client {
        let gate = Arc::clone(&self.0);
        let namespace = gate.inner.default_namespace().to_owned();
        let watching = gate.metrics.watching();
        let service = tower::service_fn(move |request| {
            let (gate, watching) = (Arc::clone(&gate), watching.clone());
            async move { gate.pass(request, &watching).await }
        });
        Client::new(service, namespace)
    }
}

impl Gate {
    async fn pass(&self, request: Request<Body>, watching: &Watching) -> kube::Result<Response<Body>> {
        let call = Call::from(&request);
        if call.verb.is_write() {
            if let Some(pace) = &self.pace {
                sleep_until(pace.turn(Instant::now())).await;
            }
            if !self.leadership.is_held() {
                return Err(kube::Error::Service(Box::new(NotLeading)));
            }
        }
        let answer = self.inner.send(request).await;
        let status = answer.as_ref().ok().map(Response::status);
        self.metrics.answered(call, status);
        watching.answered(call, status, std::time::Instant::now());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::to_bytes;
    use k8s_openapi::api::core::v1::Namespace;
    use kube::Api;
    use kube::api::{DeleteParams, WatchParams};
    use tower::ServiceExt;

    use crate::metrics;

    fn clients(leadership: Leadership, metrics: Metrics) -> Clients {
        let answer = || async { r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}"# };
        let inner = Client::new(Router::new().fallback(answer), "default");
        Clients(Arc::new(Gate { inner, leadership, pace: None, metrics }))
    }

    #[tokio::test]
    async fn only_the_leader_writes_and_everyone_reads() {
        for (leadership, writes) in [(Leadership::Undisputed, true), (Leadership::none_yet(), false)] {
            let namespaces =
                Api::<Namespace>::all(clients(leadership, Metrics::new(Leadership::Undisputed)).client());
            namespaces.get("a").await.expect("it is read");
            let deleted = namespaces.delete("a", &DeleteParams::default()).await;
            assert_eq!(deleted.is_ok(), writes, "{deleted:?}");
            let error = deleted.err().map(|error| format!("{:#}", anyhow::Error::from(error)));
            assert_eq!(error.is_some_and(|error| error.contains("does not lead any more")), !writes);
        }
    }

    async fn is_watch_told(metrics: &Metrics) -> bool {
        let request = Request::get("/metrics").body(axum::body::Body::empty()).expect("a request");
        let answer = metrics::router(metrics.clone()).oneshot(request).await.expect("an answer");
        let text = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        String::from_utf8_lossy(&text).contains("fleetgate_watch_age_seconds{watch=\"Namespace\"}")
    }

    #[tokio::test]
    async fn a_watch_is_told_of_until_the_last_client_is_gone_that_had_one() {
        let metrics = Metrics::new(Leadership::none_yet());
        let clients = clients(Leadership::none_yet(), metrics.clone());
        let [one, other] = [clients.client(), clients.client()];
        assert!(!is_watch_told(&metrics).await);
        for client in [&one, &other] {
            let namespaces = Api::<Namespace>::all(client.clone());
            drop(namespaces.watch(&WatchParams::default(), "0").await.expect("a watch"));
        }
        drop(one);
        tokio::task::yield_now().await;
        assert!(is_watch_told(&metrics).await, "the other's may be broken, and is to be told of");
        drop(other);
        // A task of the client's own has its way to the API server.
        while is_watch_told(&metrics).await {
            tokio::task::yield_now().await;
        }
    }
}
