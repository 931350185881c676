//! What a running program tells of itself, in Prometheus' words.
//!
//! **Invariant**: every label is of a closed set. Names of users' objects are
//! none: there may be any number of them.

mod http;
mod live;
mod process;
mod queue;
#[cfg(test)]
pub(crate) mod told;
mod watches;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use fleetgate_certs::{Lack, Serving};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Resource;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tracing::Instrument;

pub(crate) use self::http::router;
use self::live::Live;
use self::process::Process;
pub(crate) use self::queue::Queue;
pub(crate) use self::watches::Watching;
use crate::client::Call;
use crate::leader::Leadership;
use crate::reviews;
use crate::server::Connections;
use crate::traces;
use crate::watches::{CatalogWatch, Health};

/// A label and its value.
type Label = (&'static str, &'static str);

/// What a controller looks after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controlled {
    Application,
    AttachedCluster,
    Fleet,
}

impl Controlled {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::AttachedCluster => "attachedcluster",
            Self::Fleet => "fleet",
        }
    }
}

/// The numbers of a running program.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(Arc<Numbers>);

#[derive(Debug)]
struct Numbers {
    registry: Registry,
    reconciles: Family<[Label; 2], Histogram, fn() -> Histogram>,
    running: Family<[Label; 1], Gauge>,
    writes: Family<[Label; 3], Counter>,
    reviews: reviews::Numbers,
    live: Arc<Live>,
    is_ready: AtomicBool,
    is_stopping: AtomicBool,
}

impl Metrics {
    /// No numbers yet, of a process that leads as `leadership` says.
    pub(crate) fn new(leadership: Leadership) -> Self {
        let reconciles: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(histogram);
        let (running, writes) = (Family::default(), Family::default());
        let live = Arc::new(Live::new(leadership));
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process::new()));
        let ours = registry.sub_registry_with_prefix("fleetgate");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        ours.register("build", "Which Fleetgate it is", version);
        let help = "How long looking at one object took";
        ours.register_with_unit("reconcile", help, Unit::Seconds, reconciles.clone());
        ours.register("reconciles_running", "Objects that are looked at right now", running.clone());
        ours.register("writes", "Requests to the API server that change something", writes.clone());
        let reviews = reviews::Numbers::register(ours);
        ours.register_collector(Box::new(Arc::clone(&live)));
        Self(Arc::new(Numbers {
            registry,
            reconciles,
            running,
            writes,
            reviews,
            live,
            is_ready: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
        }))
    }

    /// Says that the program knows the cluster, and listens.
    pub(crate) fn ready(&self) {
        self.0.is_ready.store(true, Ordering::Release);
    }

    /// Says that the program was asked to stop, so that nobody comes to it any more.
    pub(crate) fn stopping(&self) {
        self.0.is_stopping.store(true, Ordering::Release);
    }

    /// Why it is not ready, if it is not.
    fn unready(&self) -> Option<&'static str> {
        if self.0.is_stopping.load(Ordering::Acquire) {
            return Some("the program was asked to stop");
        }
        let lack = self.0.live.lacks().map(|lack| match lack {
            Lack::Certificate => "there is no certificate yet",
            Lack::Validity => "the certificate has expired",
            Lack::Trust => "the webhook configurations do not trust the certificate yet",
        });
        if lack.is_some() || self.0.is_ready.load(Ordering::Acquire) {
            return lack;
        }
        let is_listed = self.0.live.is_listed();
        Some(if is_listed { "it does not listen yet" } else { "the cluster has not been listed yet" })
    }

    /// Those of reviews.
    pub(crate) fn reviews(&self) -> reviews::Numbers {
        self.0.reviews.clone()
    }

    /// Notes a request if it changes something, and how it was answered, if it was.
    pub(crate) fn answered(&self, call: Call, status: Option<StatusCode>) {
        if call.verb.is_write() {
            let labels = [("verb", call.verb.as_str()), ("kind", call.kind), ("outcome", outcome(status))];
            self.0.writes.get_or_create(&labels).inc();
        }
    }

    /// The watches of a new client, told of for as long as it has them.
    pub(crate) fn watching(&self) -> Watching {
        self.0.live.watching()
    }

    /// How the watches of a new set of controllers fare, told of for as long as it is in use.
    pub(crate) fn health_of_controllers(&self) -> Health {
        self.0.live.health_of_controllers()
    }

    /// `reconcile`, and how long each took is noted.
    pub(crate) fn timing<K, C, T, E, F>(
        &self,
        controlled: Controlled,
        mut reconcile: impl FnMut(K, C) -> F,
    ) -> impl FnMut(K, C) -> BoxFuture<'static, Result<T, E>>
    where
        K: Deref<Target: Resource>,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let this = self.clone();
        move |object, context| {
            let span = traces::look(controlled.as_str(), object.meta());
            let (this, traced, reconcile) = (this.clone(), span.clone(), reconcile(object, context));
            let timed = async move {
                let running = this.0.running.get_or_create_owned(&[("controller", controlled.as_str())]);
                let _running = Running::start(running);
                let start = Instant::now();
                let result = reconcile.await;
                this.reconciled(controlled, result.is_ok(), start.elapsed());
                if result.is_err() {
                    traces::failed(&traced);
                }
                result
            };
            timed.instrument(span).boxed()
        }
    }

    /// Has the AttachedClusters of a namespace, or of all, counted by `count`, which names their states.
    pub(crate) fn count_clusters(
        &self,
        namespace: Option<String>,
        count: impl Fn() -> BTreeMap<&'static str, u32> + Send + 'static,
    ) {
        self.0.live.count_clusters(namespace, Box::new(count));
    }

    /// Has the Applications of a namespace, or of all, of which a removal is held counted by `count`.
    pub(crate) fn count_held(&self, namespace: Option<String>, count: impl Fn() -> u32 + Send + 'static) {
        self.0.live.count_held(namespace, Box::new(count));
    }

    /// Has these connections counted.
    pub(crate) fn count_connections(&self, connections: Connections) {
        self.0.live.count_connections(connections);
    }

    /// Has this Catalog told of.
    pub(crate) fn tell_of_catalog(&self, catalog: CatalogWatch) {
        self.0.live.tell_of_catalog(catalog);
    }

    /// Has this certificate told of; without it the program is not ready.
    pub(crate) fn tell_of_certificate(&self, certificate: Serving) {
        self.0.live.tell_of_certificate(certificate);
    }

    /// A queue of Applications of a namespace, or of all, in place of the one before.
    pub(crate) fn queue(&self, namespace: Option<String>) -> Queue {
        let queue = Queue::default();
        self.0.live.queue(namespace, queue.clone());
        queue
    }

    fn reconciled(&self, controlled: Controlled, succeeded: bool, took: Duration) {
        let outcome = if succeeded { "succeeded" } else { "failed" };
        let labels = [("controller", controlled.as_str()), ("outcome", outcome)];
        self.0.reconciles.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

/// A reconcile that is under way. One that is cut off, with its controller, is not any more.
struct Running(Gauge);

impl Running {
    fn start(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// From a look that changes nothing to one that waits for a timeout.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 9))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn outcome(status: Option<StatusCode>) -> &'static str {
    match status {
        Some(status) if status.is_success() => "succeeded",
        Some(StatusCode::CONFLICT) => "conflict",
        Some(StatusCode::TOO_MANY_REQUESTS) => "throttled",
        // It is still to come, or went a moment ago: nobody is against the write.
        Some(StatusCode::NOT_FOUND) => "missing",
        Some(status) if status.is_client_error() => "refused",
        _ => "failed",
    }
}

#[cfg(test)]
mod tests;
