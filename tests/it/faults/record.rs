//! What the API server tells of Flux's objects: the truth about what was written,
//! whoever wrote it and whoever heard the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use fleetgate_plan::FluxKind;
use fleetgate_sandbox::wait::{Probe, until};
use futures::StreamExt as _;
use kube::api::{DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::{Api, ResourceExt as _};
use tokio::task::JoinSet;

use super::stage::{KINDS, Stage};

/// How long a thousand objects may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

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
            watches.spawn(follow(kind, objects, version, Arc::clone(&told)));
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

/// Notes all that is told of a kind after a version.
async fn follow(kind: FluxKind, objects: Api<DynamicObject>, mut version: String, told: Arc<Mutex<Told>>) {
    // The API server is asked to end a watch after some minutes: another one goes on from there.
    let error = loop {
        if let Err(error) = watch(kind, &objects, &mut version, &told).await {
            break error;
        }
    };
    *lock(&told).entry(format!("broken: {error}")).or_default() += 1;
}

/// Notes what one watch tells until it ends, and the version by then.
async fn watch(
    kind: FluxKind,
    objects: &Api<DynamicObject>,
    version: &mut String,
    told: &Mutex<Told>,
) -> anyhow::Result<()> {
    let mut events = objects.watch(&WatchParams::default(), version).await?.boxed();
    while let Some(event) = events.next().await {
        let (what, object) = match event? {
            WatchEvent::Added(object) => ("added", object),
            WatchEvent::Modified(object) => ("changed", object),
            WatchEvent::Deleted(object) => ("removed", object),
            WatchEvent::Bookmark(bookmark) => {
                *version = bookmark.metadata.resource_version;
                continue;
            }
            WatchEvent::Error(status) => anyhow::bail!("{status:?}"),
        };
        *lock(told).entry(format!("{what} {} {}", kind.kind(), object.name_any())).or_default() += 1;
        *version = object.resource_version().context("an object without a version")?;
    }
    Ok(())
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    // Whoever panics under the lock leaves a count behind, and not half of one.
    told.lock().unwrap_or_else(PoisonError::into_inner)
}
