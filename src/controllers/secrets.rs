//! The Secrets with kubeconfigs in use: which of them there are, and when one
//! becomes another.
//!
//! ```text
//! first use ─▶ label ─▶ watch of what carries it ─┬─▶ versions
//!                                                 └─▶ who uses it looks again
//! ```
//!
//! **Invariant**: no other Secret of the host is listed, and of none the content.

use std::sync::Arc;

use fleetgate_api::names::{LABEL_FLUX_WATCH, LABEL_KUBECONFIG};
use fleetgate_plan::ObjectKey;
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::core::PartialObjectMeta;
use kube::runtime::reflector as reflect;
use kube::runtime::reflector::store::WriterDropped;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::Scope;
use crate::watches::{Health, Listeners, events};

/// A Secret without its content.
pub(super) type SecretMeta = PartialObjectMeta<Secret>;

/// The Secrets with kubeconfigs in use.
#[derive(Clone)]
pub(super) struct Secrets {
    client: Client,
    known: Store<SecretMeta>,
    changes: Listeners,
}

impl Secrets {
    /// Starts their watch on `tasks`, until `stop` is done.
    pub(super) fn watch(
        client: &Client,
        scope: &Scope,
        health: &Health,
        stop: impl Future<Output = ()> + Send + 'static,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (known, writer) = reflector::store();
        let labelled = watcher::Config::default().labels(LABEL_KUBECONFIG);
        let events = health.noting("kubeconfig Secrets", events(scope.api::<SecretMeta>(client), labelled));
        let this = Self { client: client.clone(), known, changes: Listeners::default() };
        tasks.spawn(this.clone().follow(reflect(writer, events).take_until(Box::pin(stop))));
        this
    }

    /// Those that come, change or go from now on.
    pub(super) fn changes(&self) -> UnboundedReceiverStream<ObjectKey> {
        self.changes.listen()
    }

    /// Waits until they have been listed once.
    pub(super) async fn listed(&self) -> Result<(), WriterDropped> {
        self.known.wait_until_ready().await
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<SecretMeta>> {
        self.known.state()
    }

    /// The version in which the Secret is known.
    pub(super) fn version(&self, key: &ObjectKey) -> Option<String> {
        self.known.get(&ObjectRef::new(&key.name).within(&key.namespace))?.resource_version()
    }

    /// Whether the Secret is being deleted, and stays for someone's finalizer.
    pub(super) fn is_going(&self, key: &ObjectKey) -> bool {
        let known = self.known.get(&ObjectRef::new(&key.name).within(&key.namespace));
        known.is_some_and(|secret| secret.metadata.deletion_timestamp.is_some())
    }

    /// Whether there is such a Secret, which is watched from now on.
    pub(super) async fn exists(&self, key: &ObjectKey) -> kube::Result<bool> {
        if self.version(key).is_some() {
            return Ok(true);
        }
        let found = self.api(&key.namespace).get_metadata_opt(&key.name).await?;
        if let Some(found) = &found {
            self.mark(found).await?;
        }
        Ok(found.is_some())
    }

    /// Has the Secret watched from now on; returns its version since, if it is
    /// still as it was read.
    pub(super) async fn mark(&self, secret: &impl ResourceExt) -> kube::Result<Option<String>> {
        let version = secret.resource_version();
        if [LABEL_KUBECONFIG, LABEL_FLUX_WATCH.0].iter().all(|label| secret.labels().contains_key(*label)) {
            return Ok(version);
        }
        let patch = json!({"metadata": {"labels": marks(), "resourceVersion": version}});
        let api = self.api(&secret.namespace().unwrap_or_default());
        match api.patch_metadata(&secret.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(marked) => Ok(marked.resource_version()),
            // Gone, or another: the next look marks it.
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn api(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn follow(self, events: impl Stream<Item = watcher::Result<Event<SecretMeta>>>) {
        let mut events = std::pin::pin!(events);
        // Known before a resync: what went while nobody watched is not told of.
        let mut before = Vec::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => before = self.keys(),
                // Clusters are asked all the same where it is broken.
                Ok(Event::InitApply(_)) | Err(_) => {}
                Ok(Event::InitDone) => {
                    let all = before.drain(..).chain(self.keys()).collect();
                    self.changes.tell(|| all);
                }
                Ok(Event::Apply(secret) | Event::Delete(secret)) => {
                    self.changes.tell(|| [key(&secret)].into());
                }
            }
        }
    }

    fn keys(&self) -> Vec<ObjectKey> {
        self.known.state().iter().map(|secret| key(&**secret)).collect()
    }
}

fn key(secret: &impl ResourceExt) -> ObjectKey {
    ObjectKey::new(secret.namespace().unwrap_or_default(), secret.name_any())
}
/// The labels of a Secret that is used: by one we are told of its changes, by the other Flux is.
pub(super) fn marks() -> Value {
    let (watch, enabled) = LABEL_FLUX_WATCH;
    json!({LABEL_KUBECONFIG: "true", watch: enabled})
}
