//! What is said of an Application that is being deleted and cannot be read: its
//! status may be.

use anyhow::anyhow;
use fleetgate_api::{Application, ApplicationStatus, FIELD_MANAGER};
use k8s_openapi::jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::Guarded;
use super::finalize::Left;
use super::status;
use crate::stored::in_words;

/// Says what is waited for. It is no apply: the API server refuses each of what
/// does not fit its CRD, and takes a patch that changes nothing of that.
pub(super) async fn say(application: &Guarded, left: &Left, client: &Client) -> anyhow::Result<()> {
    let resource = ApiResource::erase::<Application>(&());
    let (namespace, name) = (application.namespace().unwrap_or_default(), application.name_any());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
    let Some(mut stored) = api.get_opt(&name).await.map_err(in_words)? else { return Ok(()) };
    let before = stored.data.get_mut("status").map(Value::take).unwrap_or_default();
    // What was found there is not for the log.
    let before: Option<ApplicationStatus> =
        serde_json::from_value(before).map_err(|_| anyhow!("it cannot be read either"))?;
    let after = status::deleting(application, before.as_ref(), left, Timestamp::now());
    if before.as_ref() == Some(&after) {
        return Ok(());
    }
    let changed = json!({"observedGeneration": after.observed_generation, "conditions": after.conditions});
    let patch = Patch::Merge(json!({ "status": changed }));
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    api.patch_status(&name, &parameters, &patch).await.map_err(in_words)?;
    Ok(())
}
