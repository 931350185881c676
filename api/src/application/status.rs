//! What an Application's status says: compact, and the same for as long as nothing happens.
//!
//! Invariant: nothing here changes with every reconcile (no times but a condition's transition, no
//! history), and what is listed per cluster or per policy is capped by whoever writes it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::packed::PackedList;
use crate::schema::conditions;

/// How far the delivery has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationStatus {
    /// The metadata.generation that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, and while work goes on or is stuck, Reconciling and Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,
    /// The Flux source that was made for the Application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceStatus>,
    /// Where the Application goes, in one word: the fleet, or "host" for the host cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Clusters on which everything is ready, of all clusters, for example "2/3".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// Where each policy goes, once inheritance is resolved: in the order of policies, and capped
    /// like them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<DestinationStatus>,
    /// How each policy fares, over all of its clusters. Those that are not ready come first; the
    /// list is capped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyStatus>,
    /// How each cluster fares, over all policies. Those that are not ready come first; the list is
    /// capped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterStatus>,
    /// How many clusters the cap left out of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub omitted_clusters: Option<i32>,
    /// How many policies the cap left out of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub omitted_policies: Option<i32>,
    /// What is not removed until it is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldStatus>,
    /// The source as Kurator's own status has it, for tools that read that: gitRepoStatus,
    /// helmRepoStatus or ociRepoStatus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "kurators_object")]
    pub source_status: Option<Value>,
    /// The Flux objects of the policies as Kurator's own status has them, for tools that read that:
    /// a name each, and kustomizationStatus or `HelmReleaseStatus`. Those that are not ready come
    /// first; the list is capped.
    #[serde(default, skip_serializing_if = "PackedList::is_empty")]
    #[schemars(schema_with = "kurators_list")]
    pub sync_status: PackedList,
}

/// An object that is replaced as a whole, so that nothing of what Kurator wrote into it stays.
fn kurators_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

/// A list of such objects, replaced as a whole.
fn kurators_list(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "x-kubernetes-list-type": "atomic",
        "items": {
            "description": "One Flux object.",
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
        },
    })
}

/// The Flux source of an Application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// The kind of the Flux object, for example `GitRepository`.
    pub kind: String,
    /// The name of the Flux object, in the Application's namespace.
    pub name: String,
    /// The revision that was last fetched, for example "main@sha1:8a9f…".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Whether the source could be fetched.
    pub ready: bool,
    /// What Flux says, while the source is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Where one policy goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DestinationStatus {
    /// The policy's name, given or made.
    pub policy: String,
    /// The Fleet. Absent for the host cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fleet: Option<String>,
    /// The cluster selector, as kubectl's -l would have it. Absent if all clusters of the Fleet
    /// are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// True if spec.destination decides, the policy having no destination of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inherited: Option<bool>,
}

/// A removal that nobody decided and that is held: too much goes because of a label, a Fleet or a
/// cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldStatus {
    /// What confirms exactly this removal, as the value of the Application's annotation
    /// fleetgate.dev/confirm-prune.
    pub digest: String,
    /// How many Flux objects would go.
    pub count: i32,
}

/// One policy, over all of its clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// The policy's name, given or made.
    pub name: String,
    /// The kind of the Flux objects that deliver it: Kustomization or `HelmRelease`.
    pub kind: String,
    /// Clusters on which the policy is ready, of all its clusters, for example "2/3".
    pub ready: String,
    /// The first thing that is wrong, and where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One cluster, over all policies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// The cluster's name, in the Application's namespace.
    pub name: String,
    /// The cluster's kind, for example `AttachedCluster`.
    pub kind: String,
    /// Whether every policy is ready there.
    pub ready: bool,
    /// The first thing that is wrong there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
