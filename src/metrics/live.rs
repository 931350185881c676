//! Numbers that are looked up when they are asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant, UNIX_EPOCH};

use fleetgate_certs::{Lack, Serving};
use fleetgate_plan::Sizes;
use fleetgate_webhooks::router::Snapshots as _;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;

use super::watches::{Watches, Watching};
use super::{Controlled, Label, Queue, locked};
use crate::leader::Leadership;
use crate::logs;
use crate::server::{Connections, LetGo};
use crate::watches::{CatalogWatch, Health, Healths};

/// How many clusters there are, by state.
type CountClusters = Box<dyn Fn() -> BTreeMap<&'static str, u32> + Send>;

/// Of how many Applications a removal is held.
type CountHeld = Box<dyn Fn() -> u32 + Send>;

pub(super) struct Live {
    leadership: Leadership,
    watches: Watches,
    controllers: Healths,
    /// By the namespace that is counted, or for all.
    clusters: Mutex<BTreeMap<Option<String>, CountClusters>>,
    queues: Mutex<BTreeMap<Option<String>, Queue>>,
    held: Mutex<BTreeMap<Option<String>, CountHeld>>,
    connections: OnceLock<Connections>,
    catalog: OnceLock<CatalogWatch>,
    certificate: OnceLock<Serving>,
}

impl Live {
    pub(super) fn new(leadership: Leadership) -> Self {
        Self {
            leadership,
            watches: Watches::default(),
            controllers: Healths::default(),
            clusters: Mutex::new(BTreeMap::new()),
            queues: Mutex::new(BTreeMap::new()),
            held: Mutex::new(BTreeMap::new()),
            connections: OnceLock::new(),
            catalog: OnceLock::new(),
            certificate: OnceLock::new(),
        }
    }

    /// None yet, of another client.
    pub(super) fn watching(&self) -> Watching {
        self.watches.another()
    }

    /// How the watches of another set of controllers fare.
    pub(super) fn health_of_controllers(&self) -> Health {
        self.controllers.another()
    }

    /// Says how the clusters of a namespace, or of all, are counted.
    pub(super) fn count_clusters(&self, namespace: Option<String>, count: CountClusters) {
        locked(&self.clusters).insert(namespace, count);
    }

    /// Says what the queue of a namespace, or of all, is.
    pub(super) fn queue(&self, namespace: Option<String>, queue: Queue) {
        locked(&self.queues).insert(namespace, queue);
    }

    /// Says how removals that are held in a namespace, or in all, are counted.
    pub(super) fn count_held(&self, namespace: Option<String>, count: CountHeld) {
        locked(&self.held).insert(namespace, count);
    }

    /// Says which connections are counted: those of the webhook. The first ones stay.
    pub(super) fn count_connections(&self, connections: Connections) {
        drop(self.connections.set(connections));
    }

    /// Says which Catalog is told of. The first one stays.
    pub(super) fn tell_of_catalog(&self, catalog: CatalogWatch) {
        drop(self.catalog.set(catalog));
    }

    /// Says which certificate is served. The first one stays.
    pub(super) fn tell_of_certificate(&self, certificate: Serving) {
        drop(self.certificate.set(certificate));
    }

    /// Why nobody can be answered with the certificate, if there is to be one.
    pub(super) fn lacks(&self) -> Option<Lack> {
        self.certificate.get()?.lacks()
    }

    /// Whether every watch has listed all there is.
    pub(super) fn is_listed(&self) -> bool {
        self.catalog.get().is_some_and(CatalogWatch::is_synced)
    }

    /// Of how many Applications a removal is held. None of a process that does not lead.
    fn held(&self) -> Option<u32> {
        self.leadership.is_held().then(|| locked(&self.held).values().map(|count| count()).sum())
    }

    /// How many Applications wait, and the longest that one has. None of a process that does not lead.
    fn waiting(&self) -> Option<(u32, Duration)> {
        let queues = self.leadership.is_held().then(|| locked(&self.queues).clone())?;
        let depths = queues.values().map(Queue::depth);
        depths.reduce(|one, other| (one.0.saturating_add(other.0), one.1.max(other.1)))
    }

    /// Of a process that does not lead, the last that it knew would be said for ever.
    fn clusters(&self) -> BTreeMap<&'static str, u32> {
        let mut sums = BTreeMap::new();
        if self.leadership.is_held() {
            for (state, count) in locked(&self.clusters).values().flat_map(|count| count()) {
                *sums.entry(state).or_default() += count;
            }
        }
        sums
    }
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (help, leads) = ("Whether this process writes", i64::from(self.leadership.is_held()));
        encoder.encode_descriptor("leader", help, None, MetricType::Gauge)?.encode_gauge(&leads)?;

        let ages = self.watches.ages(Instant::now()).into_iter();
        let ages = ages.map(|(kind, age)| ([("watch", kind)], age.as_secs_f64()));
        let help = "How long ago the watch of a kind was opened; one that works is opened every few minutes";
        gauges(&mut encoder, "watch_age_seconds", help, ages)?;

        let ages = self.controllers.ages(Instant::now()).into_iter();
        let ages = ages.map(|(what, age)| ([("watch", what)], age.as_secs_f64()));
        let help = "How long ago a watch of the controllers broke, or began that has not listed anything; 0 while it works";
        gauges(&mut encoder, "controller_watch_age_seconds", help, ages)?;

        let label = [("controller", Controlled::Application.as_str())];
        let depth = self.waiting().into_iter();
        let oldest = depth.clone().map(|(_, oldest)| (label, oldest.as_secs_f64()));
        let depth = depth.map(|(depth, _)| (label, f64::from(depth)));
        gauges(&mut encoder, "queue_depth", "Objects that are to be looked at, and wait", depth)?;
        gauges(&mut encoder, "queue_oldest_seconds", "How long the first of them has waited", oldest)?;

        if let Some(held) = self.held() {
            let help = "Applications of which a removal is held";
            encoder
                .encode_descriptor("prunes_held", help, None, MetricType::Gauge)?
                .encode_gauge(&i64::from(held))?;
        }

        let help = "Lines of the log that nobody read in time";
        counter(&mut encoder, "log_lines_dropped", help, logs::dropped())?;

        if let Some(connections) = self.connections.get() {
            encode_connections(&mut encoder, connections)?;
        }
        if let Some(certificate) = self.certificate.get() {
            encode_certificate(&mut encoder, certificate)?;
        }
        if let Some(catalog) = self.catalog.get() {
            encode_catalog(&mut encoder, catalog)?;
        }

        let clusters = self.clusters().into_iter();
        let counts = clusters
            .map(|(state, count)| ([("kind", "AttachedCluster"), ("state", state)], f64::from(count)));
        gauges(&mut encoder, "clusters", "Clusters, by state", counts)
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("leadership", &self.leadership).finish_non_exhaustive()
    }
}

fn encode_connections(encoder: &mut DescriptorEncoder, connections: &Connections) -> fmt::Result {
    let open = count(connections.count());
    encoder
        .encode_descriptor("connections", "Connections to the webhook", None, MetricType::Gauge)?
        .encode_gauge(&open)?;
    let help = "Connections to the webhook that were closed though their clients kept them";
    let mut dropped = encoder.encode_descriptor("connections_dropped", help, None, MetricType::Counter)?;
    let LetGo { late, displaced } = connections.let_go();
    for (reason, count) in [("late", late), ("displaced", displaced)] {
        let no_exemplar = None::<&Exemplar<[Label; 0], u64>>;
        dropped.encode_family(&[("reason", reason)])?.encode_counter(&count, no_exemplar)?;
    }
    Ok(())
}

fn encode_certificate(encoder: &mut DescriptorEncoder, certificate: &Serving) -> fmt::Result {
    if let Some(expires) = certificate.expires_at() {
        // One from before 1970 has expired, too.
        let seconds = expires.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let help = "When the serving certificate expires, in seconds since 1970";
        encoder
            .encode_descriptor("certificate_expiry_timestamp_seconds", help, None, MetricType::Gauge)?
            .encode_gauge(&seconds)?;
    }
    let help = "How often a webhook configuration was told whom to trust";
    counter(encoder, "ca_bundle_injections", help, certificate.injections())
}

fn encode_catalog(encoder: &mut DescriptorEncoder, catalog: &CatalogWatch) -> fmt::Result {
    let Sizes { applications, clusters, fleets } = catalog.current().sizes();
    let sizes = [("Application", applications), ("Cluster", clusters), ("Fleet", fleets)];
    let sizes = sizes.into_iter().map(|(kind, size)| ([("kind", kind)], count(size)));
    gauges(encoder, "catalog_objects", "Objects that a review knows", sizes)?;
    let fares = catalog.health().fares(Instant::now());
    let ages = fares.iter().map(|fares| ([("watch", fares.what.clone())], fares.broken_for.as_secs_f64()));
    let help = "How long ago a watch broke of which the last good state serves, or began that has not listed anything; 0 while it works";
    gauges(encoder, "catalog_age_seconds", help, ages)?;
    let unreadable = fares.iter().map(|fares| ([("watch", fares.what.clone())], count(fares.unreadable)));
    gauges(encoder, "catalog_unreadable", "Objects that cannot be read and are passed over", unreadable)
}

fn counter(encoder: &mut DescriptorEncoder, name: &str, help: &str, value: u64) -> fmt::Result {
    let no_exemplar = None::<&Exemplar<[Label; 0], u64>>;
    encoder.encode_descriptor(name, help, None, MetricType::Counter)?.encode_counter(&value, no_exemplar)
}

fn count(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

fn gauges<const N: usize, L>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    values: impl Iterator<Item = ([L; N], impl EncodeGaugeValue)>,
) -> fmt::Result
where
    [L; N]: EncodeLabelSet,
{
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        metric.encode_family(&labels)?.encode_gauge(&value)?;
    }
    Ok(())
}
