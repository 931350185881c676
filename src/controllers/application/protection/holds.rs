//! The kubeconfig Secrets that children name: none of them vanishes while Flux
//! needs it to take away what it delivered.
//!
//! Without its Secret helm-controller forgets a release, and leaves it installed;
//! kustomize-controller never gets done. So the finalizer is on before the first
//! child names the Secret, and it is taken off when nobody can be about to make
//! another one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use fleetgate_api::names::FINALIZER_IN_USE;
use fleetgate_api::{ConditionReason, FIELD_MANAGER};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::controllers::application::children::SecretKey;
use crate::controllers::conditions::Summary;
use crate::controllers::secrets::marks;
use crate::controllers::version::Version;
use crate::stored::in_words;

/// Since which of its versions a Secret has the finalizer, if it is known to.
type Held = Option<Version>;

/// What is known of the finalizers of Secrets.
pub(in crate::controllers::application) struct Holds {
    client: Client,
    known: Mutex<HashMap<SecretKey, Arc<RwLock<Held>>>>,
}

/// While this lives the Secret keeps its finalizer.
pub(in crate::controllers::application) struct Hold {
    _held: OwnedRwLockReadGuard<Held>,
}

/// While this lives nobody can come to need the Secret.
pub(super) struct Claim {
    key: SecretKey,
    held: OwnedRwLockWriteGuard<Held>,
}

impl Claim {
    pub(super) const fn key(&self) -> &SecretKey {
        &self.key
    }
}

impl Holds {
    pub(in crate::controllers::application) fn new(client: Client) -> Self {
        Self { client, known: Mutex::default() }
    }

    /// Sees to it that the Secret has the finalizer: one write for each Secret,
    /// however many children name it.
    pub(in crate::controllers::application) async fn hold(&self, key: &SecretKey) -> Result<Hold, Summary> {
        let known = self.of(key);
        let held = Arc::clone(&known).read_owned().await;
        if held.is_some() {
            return Ok(Hold { _held: held });
        }
        drop(held);
        let mut held = known.write_owned().await;
        // Another one may have done so meanwhile.
        if held.is_none() {
            *held = Some(self.patch(key, &added()).await.map_err(|error| refused(key, error))?);
        }
        Ok(Hold { _held: held.downgrade() })
    }

    /// Sees to it that the Secret of what exists has the finalizer: says whether
    /// nothing is left to be tried again. Of one that is not there the watch tells
    /// when it comes and is used; until then who needs it says so.
    pub(super) async fn keep(&self, key: &SecretKey) -> bool {
        let Err(refused) = self.hold(key).await else { return true };
        tracing::debug!(reason = refused.message, "a Secret that is needed is not held");
        refused.reason == ConditionReason::KubeconfigNotFound
    }

    /// Waits until nobody holds the Secret.
    pub(super) async fn claim(&self, key: SecretKey) -> Claim {
        let held = self.of(&key).write_owned().await;
        Claim { key, held }
    }

    /// Takes the finalizer off.
    pub(super) async fn release(&self, mut claim: Claim) -> anyhow::Result<()> {
        // Whatever comes of it, the next one to need the Secret puts it on again.
        *claim.held = None;
        match self.patch(&claim.key, &removed()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            released => Ok(released.map(drop)?),
        }
    }

    /// The API server has the Secret without the finalizer, as of that version.
    pub(super) async fn lost(&self, key: &SecretKey, seen: &Version) {
        let mut held = self.of(key).write_owned().await;
        if held.as_ref().is_some_and(|held| held.is_behind(seen)) {
            *held = None;
        }
    }

    /// The Secret has left the watch: it is gone, or has lost its label, and
    /// with that maybe the finalizer.
    pub(super) async fn left(&self, key: &SecretKey) {
        *self.of(key).write_owned().await = None;
    }

    fn of(&self, key: &SecretKey) -> Arc<RwLock<Held>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(key.clone()).or_default())
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
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Bytes;
    use axum::http::{StatusCode, Uri};
    use axum::response::IntoResponse;
    use futures::FutureExt;

    /// An API server that knows the Secret `m1`, and what it was asked to change.
    fn secrets() -> (Holds, Arc<Mutex<Vec<Value>>>) {
        let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
        let seen = Arc::clone(&asked);
        let answer = async move |request: Uri, body: Bytes| {
            let code = match request.path().rsplit('/').next() {
                Some("m1") => 200,
                Some("going") => 422,
                Some("broken") => 500,
                _ => 404,
            };
            let mut seen = seen.lock().expect("a list");
            seen.push(serde_json::from_slice(&body).expect("JSON"));
            let metadata =
                json!({"name": "m1", "namespace": "default", "resourceVersion": seen.len().to_string()});
            let reason = match code {
                404 => "NotFound",
                422 => "Invalid",
                _ => "InternalError",
            };
            let body = if code == 200 {
                json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata})
            } else {
                json!({"kind": "Status", "status": "Failure", "reason": reason, "message": "it is so", "code": code})
            };
            (StatusCode::from_u16(code).expect("a code"), body.to_string()).into_response()
        };
        let client = Client::new(Router::new().fallback(answer), "default");
        (Holds::new(client), asked)
    }

    fn key(name: &str) -> SecretKey {
        ("default".into(), name.into())
    }

    #[tokio::test]
    async fn one_write_holds_it_for_all_and_it_is_released_when_none_holds_it() {
        let (secrets, asked) = secrets();
        let count = || asked.lock().expect("a list").len();
        let m1 = key("m1");
        let (one, other) = tokio::join!(secrets.hold(&m1), secrets.hold(&m1));
        assert_eq!((one.is_ok(), other.is_ok(), count()), (true, true, 1));
        drop(one);
        assert!(secrets.claim(key("m1")).now_or_never().is_none(), "the other holds it");
        drop(other);
        let claim = secrets.claim(key("m1")).await;
        assert!(secrets.hold(&key("m1")).now_or_never().is_none(), "it is being released");
        secrets.release(claim).await.expect("it is released");
        assert_eq!(asked.lock().expect("a list").last(), Some(&removed()));
        assert!(secrets.hold(&key("m1")).await.is_ok());
        assert_eq!(count(), 3, "it is held anew");
    }

    #[tokio::test]
    async fn what_the_api_server_lost_is_held_anew() {
        let (secrets, asked) = secrets();
        drop(secrets.hold(&key("m1")).await);
        secrets.lost(&key("m1"), &Version::new("0")).await;
        drop(secrets.hold(&key("m1")).await);
        assert_eq!(asked.lock().expect("a list").len(), 1, "that was before it was held");
        secrets.lost(&key("m1"), &Version::new("2")).await;
        drop(secrets.hold(&key("m1")).await);
        assert_eq!(asked.lock().expect("a list").len(), 2);
    }

    /// Whoever takes the label off, and the finalizer with it, is not seen any more.
    #[tokio::test]
    async fn what_has_left_the_watch_is_held_anew() {
        let (secrets, asked) = secrets();
        drop(secrets.hold(&key("m1")).await);
        secrets.left(&key("m1")).await;
        drop(secrets.hold(&key("m1")).await);
        assert_eq!(asked.lock().expect("a list").len(), 2);
    }

    /// What is not there is not asked for again and again: only what failed is.
    #[tokio::test]
    async fn what_cannot_be_held_is_said() {
        let (secrets, _) = secrets();
        let not_found = ConditionReason::KubeconfigNotFound;
        for (name, reason, said, is_done) in [
            ("gone", not_found, "there is no Secret \"gone\" in namespace \"default\"", true),
            ("going", not_found, "Secret \"going\" is being deleted", true),
            (
                "broken",
                ConditionReason::ApplyFailed,
                "Secret \"broken\" cannot be kept from being deleted, and nothing is delivered to its cluster: it is so",
                false,
            ),
        ] {
            let refused = secrets.hold(&key(name)).await.err().expect("it is not held");
            assert_eq!(refused.reason, reason);
            assert!(refused.message.starts_with(said), "{}", refused.message);
            assert_eq!(secrets.keep(&key(name)).await, is_done, "{name}");
        }
        assert!(secrets.keep(&key("m1")).await);
    }
}
