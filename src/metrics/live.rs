//! Numbers that are looked up when they are asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::Label;
use crate::leader::Leadership;

/// How many clusters there are, by state.
type CountClusters = Box<dyn Fn() -> BTreeMap<&'static str, u32> + Send>;

pub(super) struct Live {
    leadership: Leadership,
    /// When the watch of each kind was opened last.
    watches: Mutex<BTreeMap<&'static str, Instant>>,
    /// By the namespace that is counted, or for all.
    clusters: Mutex<BTreeMap<Option<String>, CountClusters>>,
}

impl Live {
    pub(super) const fn new(leadership: Leadership) -> Self {
        Self { leadership, watches: Mutex::new(BTreeMap::new()), clusters: Mutex::new(BTreeMap::new()) }
    }

    /// Notes that the watch of a kind was opened.
    pub(super) fn watched(&self, kind: &'static str) {
        locked(&self.watches).insert(kind, Instant::now());
    }

    /// Says how the clusters of a namespace, or of all, are counted.
    pub(super) fn count_clusters(&self, namespace: Option<String>, count: CountClusters) {
        locked(&self.clusters).insert(namespace, count);
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

        let watches = locked(&self.watches).clone();
        let ages =
            watches.into_iter().map(|(kind, opened)| ([("watch", kind)], opened.elapsed().as_secs_f64()));
        let help = "How long ago the watch of a kind was opened; one that works is opened every few minutes";
        gauges(&mut encoder, "watch_age_seconds", help, ages)?;

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

fn gauges<const N: usize>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    values: impl Iterator<Item = ([Label; N], f64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        metric.encode_family(&labels)?.encode_gauge(&value)?;
    }
    Ok(())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
