//! The one way to write a status, and to tell of it.

use std::fmt::Debug;

use anyhow::Context as _;
use fleetgate_api::FIELD_MANAGER;
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Patch, PatchParams};
use kube::runtime::events::Recorder;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::events::{Conditions, event};
use crate::manifests::CONTROLLER;

/// The writer of statuses.
#[derive(Clone)]
pub(crate) struct Statuses {
    client: Client,
    recorder: Recorder,
}

impl Statuses {
    pub(crate) fn new(client: Client) -> Self {
        Self { recorder: Recorder::new(client.clone(), CONTROLLER.into()), client }
    }

    /// Applies `status` to `object` unless that is what it has already.
    pub(super) async fn write<K, S>(&self, object: &K, before: Option<&S>, status: &S) -> anyhow::Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        S: Serialize + PartialEq + Conditions,
    {
        if before == Some(status) {
            return Ok(());
        }
        let patch = json!({"apiVersion": K::api_version(&()), "kind": K::kind(&()), "status": status});
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let api: Api<K> = Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default());
        match api.patch_status(&object.name_any(), &parameters, &Patch::Apply(&patch)).await {
            Ok(_) => self.tell(object, before, status).await,
            // It is gone, and its status with it.
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => return Err(error).context("the status cannot be written"),
        }
        Ok(())
    }

    /// An event that is not written is no reason to do anything again.
    async fn tell<S: Conditions>(
        &self,
        object: &impl Resource<DynamicType = ()>,
        before: Option<&S>,
        status: &S,
    ) {
        let Some(event) = event(before, status) else { return };
        if let Err(error) = self.recorder.publish(&event, &object.object_ref(&())).await {
            tracing::debug!(%error, reason = event.reason, "an event is not written");
        }
    }
}
