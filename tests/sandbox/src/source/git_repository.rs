//! Plays Flux's source-controller for `GitRepository`: looks at each on every event and every round.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, ResourceExt as _};
use serde::Deserialize;
use serde_json::{Value, json};

use super::artifact::Artifacts;
use super::mirror::Mirrors;
use super::reference::Reference;
use super::status::{self, Observed, Outcome};

/// How often the repositories are looked at for new commits: a push should show at once.
const ROUND: Duration = Duration::from_millis(400);

const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

#[derive(Debug, Deserialize)]
struct Spec {
    url: String,
    #[serde(default, rename = "ref")]
    reference: Reference,
    #[serde(default)]
    suspend: bool,
}

type Objects = HashMap<(String, String), DynamicObject>;

/// Plays until it is dropped.
pub(super) async fn play(client: Client, mut artifacts: Artifacts, mut mirrors: Mirrors) {
    let resource =
        ApiResource::from_gvk(&GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", "GitRepository"));
    let all: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let mut events = watcher(all, watcher::Config::default()).default_backoff().boxed();
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut objects = Objects::new();
    loop {
        let touched = tokio::select! {
            // A watch that fails is begun again by the watcher.
            event = events.next() => event.and_then(Result::ok).map(|event| take_in(&mut objects, event)).unwrap_or_default(),
            _ = rounds.tick() => objects.keys().cloned().collect(),
        };
        mirrors.begin_round();
        for key in touched {
            let Some(object) = objects.get(&key) else { continue };
            let look = tokio::task::block_in_place(|| look(object, &mut mirrors, &mut artifacts));
            let Some(outcome) = look else { continue };
            if let Some(written) = write(&client, &resource, object, &outcome).await {
                objects.insert(key, written);
            }
        }
    }
}

/// Remembers what the event says; gives back whom it concerns.
fn take_in(objects: &mut Objects, event: watcher::Event<DynamicObject>) -> Vec<(String, String)> {
    match event {
        watcher::Event::Init => objects.clear(),
        watcher::Event::InitDone => {}
        watcher::Event::Delete(object) => {
            objects.remove(&key(&object));
        }
        watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
            let key = key(&object);
            objects.insert(key.clone(), object);
            return vec![key];
        }
    }
    Vec::new()
}

fn key(object: &DynamicObject) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// What comes of looking at the object's repository; nothing when it is suspended.
fn look(object: &DynamicObject, mirrors: &mut Mirrors, artifacts: &mut Artifacts) -> Option<Outcome> {
    let spec: Spec = match serde_json::from_value(object.data.get("spec").cloned().unwrap_or_default()) {
        Ok(spec) => spec,
        Err(error) => return Some(failed("InvalidSpec", error.to_string())),
    };
    if spec.suspend {
        return None;
    }
    let outcome = store(object, &spec, mirrors, artifacts);
    Some(outcome.unwrap_or_else(|message| failed("GitOperationFailed", message)))
}

fn store(
    object: &DynamicObject,
    spec: &Spec,
    mirrors: &mut Mirrors,
    artifacts: &mut Artifacts,
) -> Result<Outcome, String> {
    let mirror = mirrors.get(&spec.url)?;
    let target = spec.reference.resolve(mirror.references)?;
    let (namespace, name) = key(object);
    let artifact = artifacts
        .of_commit(&mirror.folder, &format!("gitrepository/{namespace}/{name}"), &target.commit)
        .map_err(|error| format!("cannot check out {}: {error:#}", target.revision))?;
    Ok(Outcome::Stored { revision: target.revision, artifact })
}

fn failed(reason: &'static str, message: String) -> Outcome {
    Outcome::Failed { reason, message }
}

/// Writes the status when it has changed. A failed write is made again in the next round.
async fn write(
    client: &Client,
    resource: &ApiResource,
    object: &DynamicObject,
    outcome: &Outcome,
) -> Option<DynamicObject> {
    let requested_at = object.annotations().get(REQUESTED_AT).map(String::as_str);
    let observed = Observed {
        generation: object.metadata.generation.unwrap_or_default(),
        requested_at,
        status: object.data.get("status").unwrap_or(&Value::Null),
    };
    let status = status::next(observed, outcome, &now())?;
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &object.namespace()?, resource);
    let patch = Patch::Merge(json!({"status": status}));
    api.patch_status(&object.name_any(), &PatchParams::default(), &patch).await.ok()
}

/// The time as Kubernetes writes it, in seconds.
fn now() -> String {
    let time = serde_json::to_value(Time(Timestamp::now()));
    time.ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}
