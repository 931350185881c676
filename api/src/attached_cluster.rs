//! The `AttachedCluster`: a cluster that exists already, reached by a kubeconfig in a Secret.
//!
//! Invariant: the object names its Secret and never holds any of its content.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::conditions;

/// How a cluster is reached.
#[expect(clippy::duplicated_attributes, reason = "each printer column has a type_ of its own")]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "cluster.kurator.dev",
    version = "v1alpha1",
    kind = "AttachedCluster",
    plural = "attachedclusters",
    shortname = "ac",
    category = "fleetgate",
    namespaced,
    status = "AttachedClusterStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "An AttachedCluster is a cluster that exists already and may become a member of Fleets.",
    printcolumn(
        name = "Ready",
        type_ = "boolean",
        json_path = ".status.ready",
        description = "Whether the cluster answered the last probe."
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Why it is ready, or not."
    ),
    printcolumn(
        name = "Version",
        type_ = "string",
        json_path = ".status.version",
        description = "The Kubernetes version of the cluster."
    ),
    printcolumn(
        name = "Secret",
        type_ = "string",
        json_path = ".spec.kubeconfig.name",
        description = "The Secret with the kubeconfig."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the cluster was attached."
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
pub struct AttachedClusterSpec {
    /// The Secret with the cluster's kubeconfig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<KubeconfigReference>,
}

/// A kubeconfig in a Secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubeconfigReference {
    /// The Secret's name, in the `AttachedCluster`'s namespace.
    pub name: String,
    /// The key of the Secret under which the kubeconfig stands. Default: value.
    #[serde(default = "default_key")]
    pub key: String,
}

/// The key that Cluster API's own kubeconfig Secrets have.
fn default_key() -> String {
    "value".to_owned()
}

impl Default for KubeconfigReference {
    fn default() -> Self {
        Self { name: String::new(), key: default_key() }
    }
}

/// Whether a cluster can be reached, and what it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttachedClusterStatus {
    /// The metadata.generation that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready: whether the cluster can be reached with its kubeconfig.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,
    /// The Ready condition as Kurator's tools read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// The Kubernetes version that the cluster reports, for example v1.36.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}
