//! The kubeconfig Secrets that children name: none of them vanishes while Flux
//! needs it to take away what it delivered.
//!
//! Without its Secret helm-controller forgets a release, and leaves it installed;
//! kustomize-controller never gets done. So the finalizer is on before the first
//! child names the Secret, and it is taken off when nobody can be about to make
//! another one.
//!
//! ```text
//! hold ─▶ held? refused a moment ago? ─▶ else one write, for all who wait ─▶ Known
//! watch: seen, lost, left ───────────────────────────────────────────────────▲  │
//!                       whoever waited is told once it is there ◀────────────────┘
//! ```
//!
//! **Invariant**: nobody waits for those who hold a Secret, who may wait for an
//! API server for long; and for one who asks for it, or lets it go, only who needs it.

mod known;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetgate_api::names::FINALIZER_IN_USE;
use fleetgate_api::{ConditionReason, FIELD_MANAGER};
use fleetgate_plan::ObjectKey;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};
use tokio::time::Instant;
use tokio_stream::wrappers::UnboundedReceiverStream;

use self::known::Known;
use crate::controllers::application::children::SecretKey;
use crate::controllers::conditions::Summary;
use crate::controllers::secrets::marks;
use crate::controllers::version::Version;
use crate::stored::in_words;
use crate::watches::Listeners;

/// What is known of the finalizers of Secrets.
pub(in crate::controllers::application) struct Holds {
    client: Client,
    known: Mutex<HashMap<SecretKey, Arc<Turns<Entry>>>>,
    found: Listeners,
}

/// One Secret.
#[derive(Default)]
struct Entry {
    known: Known,
    /// Everyone who holds it has a clone.
    holders: Arc<()>,
}

impl Entry {
    fn is_held(&self) -> bool {
        Arc::strong_count(&self.holders) > 1
    }

    fn hold(&self) -> Hold {
        Hold { _holder: Arc::clone(&self.holders) }
    }
}

/// While this lives the Secret is not let go of.
pub(in crate::controllers::application) struct Hold {
    _holder: Arc<()>,
}

/// While this lives nobody can come to need the Secret.
pub(super) struct Claim {
    key: SecretKey,
    entry: OwnedMutexGuard<Entry>,
}

impl Claim {
    pub(super) const fn key(&self) -> &SecretKey {
        &self.key
    }
}

impl Holds {
    pub(in crate::controllers::application) fn new(client: Client) -> Self {
        Self { client, known: Mutex::default(), found: Listeners::default() }
    }

    /// The Secrets that were waited for, each when it is there.
    pub(in crate::controllers::application) fn found(&self) -> UnboundedReceiverStream<ObjectKey> {
        self.found.listen()
    }

    /// Sees to it that the Secret has the finalizer: one write for each Secret,
    /// however many children name it, and whatever comes of it.
    pub(in crate::controllers::application) async fn hold(&self, key: &SecretKey) -> Result<Hold, Summary> {
        let began = Instant::now();
        let entry = self.of(key);
        let mut entry = entry.lock().await;
        // Another one may have asked meanwhile.
        let answer = match entry.known.answer(began) {
            Some(answer) => answer,
            None => self.ask(key, &mut entry.known).await,
        };
        answer.map(|()| entry.hold())
    }

    async fn ask(&self, key: &SecretKey, known: &mut Known) -> Result<(), Summary> {
        match self.patch(key, &added()).await {
            Ok(version) => {
                if known.is_refused() {
                    self.tell(key);
                }
                *known = Known::Held(version);
                Ok(())
            }
            Err(error) => {
                let why = refused(key, error);
                *known = known.refused(why.clone());
                Err(why)
            }
        }
    }

    /// Sees to it that the Secret of what exists has the finalizer: says whether
    /// nothing is left to be tried again. Of one that is not there the watch tells
    /// when it comes and is used; until then who needs it says so.
    pub(super) async fn keep(&self, key: &SecretKey) -> bool {
        let Err(refused) = self.hold(key).await else { return true };
        tracing::debug!(reason = refused.message, "a Secret that is needed is not held");
        refused.reason == ConditionReason::KubeconfigNotFound
    }

    /// Claims the Secret, unless somebody holds it, or is about to.
    pub(super) fn claim(&self, key: &SecretKey) -> Option<Claim> {
        let entry = self.of(key).try_lock_owned().ok()?;
        (!entry.is_held()).then(|| Claim { key: key.clone(), entry })
    }

    /// Takes the finalizer off.
    pub(super) async fn release(&self, mut claim: Claim) -> anyhow::Result<()> {
        // Whatever comes of it, the next one to need the Secret puts it on again.
        claim.entry.known = Known::Nothing;
        match self.patch(&claim.key, &removed()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            released => Ok(released.map(drop)?),
        }
    }

    /// The watch tells of the Secret, which is there: what was refused is tried again.
    pub(super) async fn seen(&self, key: &SecretKey) {
        let Some(entry) = self.get(key) else { return };
        let known = &mut entry.lock().await.known;
        if known.is_refused() {
            *known = Known::Nothing;
            self.tell(key);
        }
    }

    /// The API server has the Secret without the finalizer, as of that version:
    /// says whether that was heard, or is to be told once it is not asked any more.
    pub(super) fn lost(&self, key: &SecretKey, seen: &Version) -> bool {
        let Some(entry) = self.get(key) else { return true };
        let Ok(mut entry) = entry.try_lock() else { return false };
        if matches!(&entry.known, Known::Held(held) if held.is_behind(seen)) {
            entry.known = Known::Nothing;
        }
        true
    }

    /// The Secret has left the watch: it is gone, or has lost its label, and
    /// with that maybe the finalizer. That it was refused stays known: who waits for
    /// it is told by [`Self::seen`] when it comes.
    pub(super) async fn left(&self, key: &SecretKey) {
        let Some(entry) = self.get(key) else { return };
        let known = &mut entry.lock().await.known;
        if matches!(known, Known::Held(_)) {
            *known = Known::Nothing;
        }
    }

    /// Lets go of Secrets of which nothing is known that anybody could still ask
    /// for. There are as many as ever came and went.
    pub(super) fn tidy(&self) {
        // Nobody else has it, so that nobody waits for it either.
        self.known().retain(|_, entry| {
            Arc::get_mut(entry)
                .map(Turns::get_mut)
                .is_none_or(|entry| entry.is_held() || entry.known.is_of_use())
        });
    }

    fn tell(&self, (namespace, name): &SecretKey) {
        self.found.tell(|| [ObjectKey::new(&**namespace, &**name)].into());
    }

    fn of(&self, key: &SecretKey) -> Arc<Turns<Entry>> {
        Arc::clone(self.known().entry(key.clone()).or_default())
    }

    fn get(&self, key: &SecretKey) -> Option<Arc<Turns<Entry>>> {
        self.known().get(key).cloned()
    }

    /// Whoever panics under the lock leaves a map behind, and not half of one.
    fn known(&self) -> MutexGuard<'_, HashMap<SecretKey, Arc<Turns<Entry>>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Strategic, so that nobody has to read the Secret before, and the
    /// finalizers of others stay. What is there already is no change.
    async fn patch(&self, (namespace, name): &SecretKey, patch: &Value) -> kube::Result<Version> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let secret = secrets.patch_metadata(name, &parameters, &Patch::Strategic(patch)).await?;
        Ok(Version::new(&secret.resource_version().unwrap_or_default()))
    }
}

fn added() -> Value {
    json!({"metadata": {"finalizers": [FINALIZER_IN_USE], "labels": marks()}})
}

fn removed() -> Value {
    json!({"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER_IN_USE]}})
}

/// What is said of a child whose Secret is not held.
fn refused((namespace, name): &SecretKey, error: kube::Error) -> Summary {
    let (reason, message) = match error {
        kube::Error::Api(status) if status.is_not_found() => (
            ConditionReason::KubeconfigNotFound,
            format!(
                "there is no Secret {name:?} in namespace {namespace:?}: nothing is delivered to its cluster until it exists"
            ),
        ),
        // Of what is on its way out none may begin to keep it.
        kube::Error::Api(status) if status.code == 422 => (
            ConditionReason::KubeconfigNotFound,
            format!("Secret {name:?} is being deleted: nothing new is delivered to its cluster"),
        ),
        error => (
            ConditionReason::ApplyFailed,
            format!(
                "Secret {name:?} cannot be kept from being deleted, and nothing is delivered to its cluster: {:#}",
                in_words(error)
            ),
        ),
    };
    Summary::new(reason, message)
}

#[cfg(test)]
mod tests;
