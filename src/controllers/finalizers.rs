//! Finalizers: an object stays until what it made is gone.

use std::fmt::Debug;

use anyhow::Context as _;
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

/// Whether the object has the finalizer.
pub(super) fn has(object: &impl Resource, finalizer: &str) -> bool {
    object.finalizers().iter().any(|name| name == finalizer)
}

/// Adds the finalizer to those that the object has: says whether it is there
/// now, and the object otherwise as it is known.
pub(super) async fn add<K>(client: &Client, object: &K, finalizer: &str) -> anyhow::Result<bool>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let others = object.finalizers().iter().map(String::as_str);
    let finalizers: Vec<&str> = others.chain([finalizer]).collect();
    replace(client, object, &finalizers).await
}

/// Removes the finalizer, and leaves those of others.
pub(super) async fn remove<K>(client: &Client, object: &K, finalizer: &str) -> anyhow::Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let names = object.finalizers().iter().map(String::as_str);
    let finalizers: Vec<&str> = names.filter(|name| *name != finalizer).collect();
    // If it is gone, or changed, the event is on its way.
    replace(client, object, &finalizers).await.map(drop)
}

/// Replaces the finalizers, unless someone else changed the object meanwhile:
/// says whether it did.
async fn replace<K>(client: &Client, object: &K, finalizers: &[&str]) -> anyhow::Result<bool>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": object.resource_version()}});
    let patched =
        api.patch_metadata(&object.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await;
    match patched {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(false),
        Err(error) => Err(error).context("the finalizers cannot be written"),
    }
}
