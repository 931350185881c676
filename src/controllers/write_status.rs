//! The one way to write a status, and to tell of it.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use fleetgate_api::ConditionReason;
use k8s_openapi::NamespaceResourceScope;
use kube::runtime::events::Recorder;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::timeout;

use super::events::{Conditions, events};
use super::version::Version;
use crate::client::{Part, apply};
use crate::manifests::CONTROLLER;

/// The writer of statuses.
#[derive(Clone)]
pub(crate) struct Statuses {
    client: Client,
    recorder: Recorder,
    /// How long an event may take to be written: others wait for their statuses.
    patience: Duration,
    written: Arc<Mutex<HashMap<String, Written>>>,
}

/// What was last written to an object. Its watch tells of that later, and to go
/// by an earlier status would be to leave a wrong one: none is written where
/// nothing seems to change, and a write of a status has nothing looked at again.
struct Written {
    /// The object's version since.
    version: Version,
    digest: u64,
}

impl Statuses {
    pub(crate) fn new(client: Client, patience: Duration) -> Self {
        Self { recorder: recorder(client.clone()), patience, client, written: Arc::default() }
    }

    /// Applies `status` to `object` unless that is what it has already.
    pub(super) async fn write<K, S>(&self, object: &K, before: Option<&S>, status: &S) -> anyhow::Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        S: Serialize + PartialEq + Conditions,
    {
        let is_there = match self.newer(object) {
            Some(written) => written == digest(status),
            None => before == Some(status),
        };
        if is_there {
            return Ok(());
        }
        let applied = json!({"apiVersion": K::api_version(&()), "kind": K::kind(&()), "status": status});
        let api: Api<K> = Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default());
        match apply(api, (&object.name_any(), Part::Status), &applied, true).await {
            Ok(answer) => {
                self.keep(&answer, status);
                self.tell(object, before, status).await;
            }
            // It is gone, and its status with it.
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => return Err(error).context("the status cannot be written"),
        }
        Ok(())
    }

    /// Lets go of what was known of an object that is no more.
    pub(super) fn forget<K: Resource<DynamicType = ()>>(&self, object: &K) {
        self.written().remove(&key(object));
    }

    /// The digest of what was written since `object` was as it is known.
    fn newer<K: Resource<DynamicType = ()>>(&self, object: &K) -> Option<u64> {
        let mut written = self.written();
        let last = written.get(&key(object))?;
        if version(object).is_behind(&last.version) {
            return Some(last.digest);
        }
        // The watch has told of it.
        written.remove(&key(object));
        None
    }

    fn keep<K: Resource<DynamicType = ()>>(&self, answer: &K, status: &impl Serialize) {
        let last = Written { version: version(answer), digest: digest(status) };
        self.written().insert(key(answer), last);
    }

    /// Whoever panics under the lock leaves a map behind, and not half of one.
    fn written(&self) -> MutexGuard<'_, HashMap<String, Written>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event that is not written is no reason to do anything again.
    async fn tell<S: Conditions>(
        &self,
        object: &impl Resource<DynamicType = ()>,
        before: Option<&S>,
        status: &S,
    ) {
        for event in events(before, status) {
            // A recorder counts what it has told of before, in the words of the first time. The words of what is
            // held have a command in them, which is another each time.
            let is_held = event.reason == ConditionReason::PruneHeld.as_str();
            let recorder = if is_held { recorder(self.client.clone()) } else { self.recorder.clone() };
            let reference = object.object_ref(&());
            match timeout(self.patience, recorder.publish(&event, &reference)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, reason = event.reason, "an event is not written"),
                Err(_) => tracing::debug!(reason = event.reason, "an event is not written in time"),
            }
        }
    }
}

fn recorder(client: Client) -> Recorder {
    Recorder::new(client, CONTROLLER.into())
}

fn key<K: Resource<DynamicType = ()>>(object: &K) -> String {
    format!("{}/{}/{}", K::kind(&()), object.namespace().unwrap_or_default(), object.name_any())
}

fn version(object: &impl Resource) -> Version {
    Version::new(&object.resource_version().unwrap_or_default())
}

fn digest(status: &impl Serialize) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_vec(status).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Bytes;
    use fleetgate_api::{Fleet, FleetStatus};
    use serde_json::Value;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn fleet(version: usize) -> Fleet {
        serde_json::from_value(json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
            "metadata": {"name": "quickstart", "namespace": "default", "resourceVersion": version.to_string()}, "spec": {},
        }))
        .expect("a Fleet")
    }

    fn status(generation: i64) -> FleetStatus {
        serde_json::from_value(json!({ "observedGeneration": generation })).expect("a status")
    }

    /// The watch is late: it still shows the status of before the last write.
    #[tokio::test]
    async fn what_was_written_is_known_before_the_watch_tells_of_it() {
        let versions = Arc::new(AtomicUsize::new(10));
        let counted = Arc::clone(&versions);
        let answer = async move |body: Bytes| {
            let mut object: Value = serde_json::from_slice(&body).expect("JSON");
            let version = counted.fetch_add(1, Ordering::SeqCst) + 1;
            object["metadata"] = serde_json::to_value(fleet(version).metadata).expect("JSON");
            object["spec"] = json!({});
            object.to_string()
        };
        let statuses = Statuses::new(Client::new(Router::new().fallback(answer), "default"), Duration::MAX);
        // What the watch shows and the version of that, what is written, and the writes so far.
        let table = [
            (1, 10, 1, 0),
            (1, 10, 2, 1),
            (1, 10, 2, 1),
            (1, 10, 1, 2),
            (2, 11, 1, 2),
            (1, 12, 1, 2),
            (1, 12, 3, 3),
        ];
        for (shown, version, written, expected) in table {
            statuses.write(&fleet(version), Some(&status(shown)), &status(written)).await.expect("an answer");
            let writes = versions.load(Ordering::SeqCst) - 10;
            assert_eq!(writes, expected, "{shown} {version} {written}");
        }
        statuses.forget(&fleet(13));
        assert!(statuses.written().is_empty());
    }
}
