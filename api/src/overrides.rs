//! What is different on some of a policy's clusters. Beyond Kurator's API.
//!
//! Invariant: an override adds to what the policy says and takes nothing of it away: patches are
//! appended, values are merged over the policy's own.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::flux::Patch;
use crate::schema::{label_selector, schemaless_object};

/// What is different on some of the policy's clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Override {
    /// The clusters that are meant, of those that the policy goes to. Without it, or empty: all of
    /// them, the host cluster included, which no other selector finds.
    #[schemars(schema_with = "label_selector")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_selector: Option<LabelSelector>,
    /// Patches of a kustomization, applied after its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patches: Option<Vec<Patch>>,
    /// Values of a helm release, merged over its own: maps are merged, anything else is replaced,
    /// and null takes a key away, the chart's default included.
    #[schemars(schema_with = "schemaless_object")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Value>,
}
