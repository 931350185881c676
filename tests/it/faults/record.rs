//! What the API server tells of Flux's objects: the truth about what was written,
//! whoever wrote it and whoever heard the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetgate_plan::FluxKind;
use fleetgate_sandbox::wait::{Probe, until};
use futures::stream::{BoxStream, StreamExt as _};
use kube::ResourceExt as _;
use kube::api::{DynamicObject, ListParams, WatchEvent, WatchParams};
use tokio::task::JoinSet;

use super::PATIENCE;
use super::stage::{KINDS, Stage};

type Events = BoxStream<'static, kube::Result<WatchEvent<DynamicObject>>>;

/// How often each object was added, changed and removed, as `added Kustomization web`.
type Told = BTreeMap<String, usize>;

/// A record from its beginning until it is dropped.
pub(super) struct Record {
    told: Arc<Mutex<Told>>,
    // They end with this.
    _watches: JoinSet<()>,
}

impl Record {
    pub(super) async fn begin(stage: &Stage<'_>) -> Self {
        let (told, mut watches) = (Arc::default(), JoinSet::new());
        for kind in KINDS {
            let objects = stage.objects(kind);
            let list = objects.list(&ListParams::default()).await.expect("a list");
            let version = list.metadata.resource_version.expect("a version");
            let events = objects.watch(&WatchParams::default(), &version).await.expect("a watch");
            watches.spawn(follow(kind, events.boxed(), Arc::clone(&told)));
        }
        Self { told, _watches: watches }
    }

    fn told(&self) -> Told {
        lock(&self.told).clone()
    }
}

/// What is to stand there, and all that is to have happened for it.
#[derive(Debug, Default)]
pub(super) struct Expected {
    standing: BTreeSet<String>,
    told: Told,
}

impl Expected {
    pub(super) fn added(&mut self, objects: impl Iterator<Item = String>) {
        for object in objects {
            self.told.insert(format!("added {object}"), 1);
            self.standing.insert(object);
        }
    }

    pub(super) fn removed(&mut self, objects: impl Iterator<Item = String>) {
        for object in objects {
            self.told.insert(format!("removed {object}"), 1);
            self.standing.remove(&object);
        }
    }

    pub(super) const fn standing(&self) -> &BTreeSet<String> {
        &self.standing
    }

    /// Waits until that has happened, each once, and nothing else.
    pub(super) async fn happens(&self, record: &Record) {
        let seen = until("each to be written once", PATIENCE, async || {
            let told = record.told();
            let is_more = |(said, times): &(&String, &usize)| self.told.get(*said) < Some(*times);
            let more: Vec<_> = told.iter().filter(is_more).collect();
            // Nothing mends what was done too often.
            anyhow::ensure!(more.is_empty(), "nobody asked for {more:?}");
            let mut missing = self.told.keys().filter(|said| !told.contains_key(*said));
            Ok(missing.next().map_or(Probe::Done(()), |first| {
                Probe::NotYet(format!("{first} to come, and {} more", missing.count()))
            }))
        });
        seen.await.expect("each is written once");
    }
}

async fn follow(kind: FluxKind, mut events: Events, told: Arc<Mutex<Told>>) {
    let named = |object: &DynamicObject| format!("{} {}", kind.kind(), object.name_any());
    while let Some(event) = events.next().await {
        let said = match event {
            Ok(WatchEvent::Added(object)) => format!("added {}", named(&object)),
            Ok(WatchEvent::Modified(object)) => format!("changed {}", named(&object)),
            Ok(WatchEvent::Deleted(object)) => format!("removed {}", named(&object)),
            Ok(WatchEvent::Bookmark(_)) => continue,
            Ok(WatchEvent::Error(status)) => format!("broken: {status:?}"),
            Err(error) => format!("broken: {error}"),
        };
        *lock(&told).entry(said).or_default() += 1;
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    // Whoever panics under the lock leaves a count behind, and not half of one.
    told.lock().unwrap_or_else(PoisonError::into_inner)
}
