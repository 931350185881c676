//! The Fleet: a named set of clusters, listed or chosen by label.
//!
//! Invariant: a Fleet and its clusters are in one namespace; nothing here refers beyond it.

pub mod plugin;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::plugin::FleetPlugin;
use crate::schema::{conditions, label_selector, schemaless_object};

/// Which clusters belong to a Fleet.
#[expect(clippy::duplicated_attributes, reason = "each printer column has a type_ of its own")]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "fleet.kurator.dev",
    version = "v1alpha1",
    kind = "Fleet",
    plural = "fleets",
    shortname = "flt",
    category = "fleetgate",
    namespaced,
    status = "FleetStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "A Fleet is a named set of clusters to which Applications are delivered.",
    printcolumn(
        name = "Clusters",
        type_ = "integer",
        json_path = ".status.clusters",
        description = "How many clusters belong to the Fleet."
    ),
    printcolumn(
        name = "Ready",
        type_ = "integer",
        json_path = ".status.readyClusters",
        description = "How many of them are ready."
    ),
    printcolumn(
        name = "Phase",
        type_ = "string",
        json_path = ".status.phase",
        description = "Running, Ready, Failed or Terminating."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the Fleet was created."
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        description = "The message of the Ready condition.",
        priority = "1"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct FleetSpec {
    /// The clusters that belong to the Fleet, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<Vec<ClusterReference>>,
    /// Clusters of the Fleet's namespace that belong to it by their labels, beside those that are
    /// listed. An empty selector means all. Beyond Kurator's API.
    #[schemars(schema_with = "label_selector")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_selector: Option<LabelSelector>,
    /// What is installed in every cluster of the Fleet, by Kurator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<FleetPlugin>,
}

/// A cluster by kind and name. As in Kubernetes' `ObjectReference`, everything may be absent; what
/// is not said to be used is kept and ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReference {
    /// Which API the cluster belongs to, for example cluster.kurator.dev/v1alpha1. Needed only to
    /// tell Kurator's Cluster from Cluster API's. Default: Kurator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The cluster's kind: `AttachedCluster`, Cluster or `CustomCluster`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The cluster's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Ignored: clusters are looked up in the Fleet's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_path: Option<String>,
    /// Ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// Ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// Which clusters belong to a Fleet, and how they fare.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetStatus {
    /// The metadata.generation that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready: whether every cluster of the Fleet exists and is ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,
    /// The Ready condition in one word, as Kurator's tools read it: Running, Ready, Failed or
    /// Terminating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Why the phase is what it is: the reason of the Ready condition where that does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many clusters belong to the Fleet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<i32>,
    /// How many of them are ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_clusters: Option<i32>,
    /// How many of them are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub un_ready_clusters: Option<i32>,
    /// Kurator's: the Secret in which it keeps the Fleet's credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_secret: Option<String>,
    /// Kurator's: where the Fleet's plugins are served, by plugin.
    #[schemars(schema_with = "schemaless_object")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_endpoints: Option<Value>,
}
