//! Writes objects of any kind to a plane, as `kubectl apply --server-side` does, and patiently: a
//! fresh CRD answers 404 and 429 for a second.

use std::time::Duration;

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{self, Scope};
use kube::runtime::conditions;
use kube::runtime::wait::Condition as _;
use kube::{Client, ResourceExt as _};

use crate::wait::{self, Probe};

/// The field manager of everything that the sandbox writes.
pub(crate) const MANAGER: &str = "fleetgate-sandbox";

const DEADLINE: Duration = Duration::from_mins(1);
const AT_ONCE: usize = 8;

/// Applies the objects: CRDs first, until they are served, then the rest in the given order.
pub(crate) async fn apply(client: &Client, objects: Vec<DynamicObject>) -> anyhow::Result<()> {
    let (crds, rest): (Vec<_>, Vec<_>) = objects.into_iter().partition(is_crd);
    stream::iter(crds)
        .map(|crd| apply_crd(client, crd))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    for object in rest {
        apply_one(client, &object).await?;
    }
    Ok(())
}

async fn apply_crd(client: &Client, crd: DynamicObject) -> anyhow::Result<()> {
    apply_one(client, &crd).await?;
    let (name, crds) = (crd.name_any(), Api::<CustomResourceDefinition>::all(client.clone()));
    wait::until(&format!("the CRD {name} to be served"), DEADLINE, async || {
        let found = crds.get(&name).await?;
        if !conditions::is_crd_established().matches_object(Some(&found)) {
            return Ok(Probe::NotYet(format!("{:?}", found.status.and_then(|status| status.conditions))));
        }
        match Api::<DynamicObject>::all_with(client.clone(), &resource(&found)).list(&limit_one()).await {
            Ok(_) => Ok(Probe::Done(())),
            Err(error) => Ok(Probe::NotYet(error.to_string())),
        }
    })
    .await
}

async fn apply_one(client: &Client, object: &DynamicObject) -> anyhow::Result<()> {
    let name = object.name_any();
    let types = object.types.clone().with_context(|| format!("{name} has no apiVersion and kind"))?;
    let gvk =
        GroupVersionKind::try_from(&types).with_context(|| format!("{name} has a strange apiVersion"))?;
    let what = format!("{} {name} to be applied", types.kind);
    wait::until(&what, DEADLINE, async || {
        let resource = match discovery::pinned_kind(client, &gvk).await {
            Ok(resource) => resource,
            Err(error) => return Ok(Probe::NotYet(error.to_string())),
        };
        let api: Api<DynamicObject> = match (resource.1.scope, object.namespace()) {
            (Scope::Cluster, _) => Api::all_with(client.clone(), &resource.0),
            (Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(client.clone(), &namespace, &resource.0)
            }
            (Scope::Namespaced, None) => Api::default_namespaced_with(client.clone(), &resource.0),
        };
        match api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(object)).await {
            Ok(_) => Ok(Probe::Done(())),
            Err(error) if may_pass(&error) => Ok(Probe::NotYet(error.to_string())),
            Err(error) => Err(error).with_context(|| format!("cannot apply {} {name}", types.kind)),
        }
    })
    .await
}

/// Whether the same request may succeed a moment later. A denial (400, 403, 422) never will.
fn may_pass(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => matches!(status.code, 404 | 409 | 429 | 500..),
        _ => true,
    }
}

fn is_crd(object: &DynamicObject) -> bool {
    object.types.as_ref().is_some_and(|types| types.kind == "CustomResourceDefinition")
}

fn resource(crd: &CustomResourceDefinition) -> ApiResource {
    let version = crd.spec.versions.iter().find(|version| version.served).map(|version| version.name.clone());
    let gvk = GroupVersionKind::gvk(&crd.spec.group, &version.unwrap_or_default(), &crd.spec.names.kind);
    ApiResource::from_gvk_with_plural(&gvk, &crd.spec.names.plural)
}

fn limit_one() -> kube::api::ListParams {
    kube::api::ListParams::default().limit(1)
}
