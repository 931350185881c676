//! The stand-in's loop: looks at each source on every event and every round, and writes its status.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{SelectAll, StreamExt as _};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::kind::Kind;
use super::status::{self, Failed, Observed, Outcome};
use super::stock::Stock;

/// How often the repositories are looked at for new commits: a push should show at once.
const ROUND: Duration = Duration::from_millis(400);

const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// All sources, in the order of their kinds: what others are made of is looked at before them.
pub(super) type Objects = BTreeMap<Key, DynamicObject>;

impl Key {
    pub(super) fn of(kind: Kind, object: &DynamicObject) -> Self {
        Self { kind, namespace: object.namespace().unwrap_or_default(), name: object.name_any() }
    }

    /// The folder of its archives: `<kind>/<namespace>/<name>` in lower case.
    pub(super) fn owner(&self) -> String {
        format!("{:?}/{}/{}", self.kind, self.namespace, self.name).to_lowercase()
    }
}

/// An object's `spec` as a type that knows what the stand-in reads of it.
pub(super) fn spec_of<T: DeserializeOwned>(object: &DynamicObject) -> Result<T, Failed> {
    serde_json::from_value(object.data.get("spec").cloned().unwrap_or_default())
        .map_err(|error| Failed { reason: "InvalidSpec", message: error.to_string() })
}

/// Plays until it is dropped.
pub(super) async fn play(client: Client, mut stock: Stock) {
    let mut events: SelectAll<_> = Kind::ALL.into_iter().map(|kind| watch(&client, kind)).collect();
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut objects = Objects::new();
    loop {
        let touched = tokio::select! {
            Some((kind, event)) = events.next() => take_in(&mut objects, kind, event),
            _ = rounds.tick() => objects.keys().cloned().collect(),
        };
        stock.mirrors.begin_round();
        for key in touched {
            let Some(object) = objects.get(&key) else { continue };
            if is_suspended(object) {
                continue;
            }
            let look = tokio::task::block_in_place(|| key.kind.look(object, &objects, &mut stock));
            let Some(outcome) = look else { continue };
            if let Some(written) = write(&client, &key, object, &outcome).await {
                objects.insert(key, written);
            }
        }
    }
}

type Event = (Kind, watcher::Event<DynamicObject>);

fn watch(client: &Client, kind: Kind) -> futures::stream::BoxStream<'static, Event> {
    let all: Api<DynamicObject> = Api::all_with(client.clone(), &kind.resource());
    let events = watcher(all, watcher::Config::default()).default_backoff();
    // A watch that fails is begun again by the watcher.
    events.filter_map(move |event| std::future::ready(event.ok().map(|event| (kind, event)))).boxed()
}

/// Remembers what the event says; gives back whom it concerns.
fn take_in(objects: &mut Objects, kind: Kind, event: watcher::Event<DynamicObject>) -> Vec<Key> {
    match event {
        watcher::Event::Init => objects.retain(|key, _| key.kind != kind),
        watcher::Event::InitDone => {}
        watcher::Event::Delete(object) => {
            objects.remove(&Key::of(kind, &object));
        }
        watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
            let key = Key::of(kind, &object);
            objects.insert(key.clone(), object);
            return vec![key];
        }
    }
    Vec::new()
}

fn is_suspended(object: &DynamicObject) -> bool {
    object.data.pointer("/spec/suspend").and_then(Value::as_bool).unwrap_or_default()
}

/// Writes the status when it has changed. A failed write is made again in the next round.
async fn write(
    client: &Client,
    key: &Key,
    object: &DynamicObject,
    outcome: &Outcome,
) -> Option<DynamicObject> {
    let observed = Observed {
        generation: object.metadata.generation.unwrap_or_default(),
        requested_at: object.annotations().get(REQUESTED_AT).map(String::as_str),
        status: object.data.get("status").unwrap_or(&Value::Null),
    };
    let status = status::next(observed, outcome, &now())?;
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &key.namespace, &key.kind.resource());
    let patch = Patch::Merge(json!({"status": status}));
    api.patch_status(&key.name, &PatchParams::default(), &patch).await.ok()
}

/// The time as Kubernetes writes it, in seconds.
fn now() -> String {
    let time = serde_json::to_value(Time(Timestamp::now()));
    time.ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}
