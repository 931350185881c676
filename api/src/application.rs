//! The Application: what to deliver (one source), where (destinations), and how (sync policies).
//!
//! Invariant: an Application that is read and written again is the same document. Absent fields
//! stay absent, whatever the API server or Flux would default them to.

mod packed;
mod status;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::packed::PackedList;
pub use self::status::{
    ApplicationStatus, ClusterStatus, DestinationStatus, HeldStatus, PolicyStatus, SourceStatus,
};
use crate::helm::Helm;
use crate::kustomization::Kustomization;
use crate::overrides::Override;
use crate::rollout::Rollout;
use crate::schema::{label_selector, schemaless};
use crate::source::{Bucket, GitRepository, HelmRepository, OciRepository};

/// What an Application delivers, where, and how.
#[expect(clippy::duplicated_attributes, reason = "each printer column has a type_ of its own")]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "apps.kurator.dev",
    version = "v1alpha1",
    kind = "Application",
    plural = "applications",
    shortname = "fgapp",
    category = "fleetgate",
    namespaced,
    status = "ApplicationStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "An Application is delivered from one source to the clusters of a Fleet, or to the host \
           cluster, by one or more sync policies.",
    printcolumn(
        name = "Source",
        type_ = "string",
        json_path = ".status.source.kind",
        description = "The kind of the source."
    ),
    printcolumn(
        name = "Destination",
        type_ = "string",
        json_path = ".status.destination",
        description = "The Fleet, or the host cluster."
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.ready",
        description = "Clusters on which everything is ready, of all clusters."
    ),
    printcolumn(
        name = "Revision",
        type_ = "string",
        json_path = ".status.source.revision",
        description = "The revision that the source last fetched."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the Application was created."
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "The reason of the Ready condition.",
        priority = "1"
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
pub struct ApplicationSpec {
    /// Where the manifests or the chart come from. Exactly one kind of source.
    pub source: Source,
    /// Where every policy goes that has no destination of its own. Without either, a policy goes
    /// to the host cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// What is taken from the source, and how it is applied. Each policy is a kustomization or a
    /// helm release.
    // Required, but an object that was stored under the early name has to be readable.
    #[serde(default)]
    #[schemars(!default)]
    pub sync_policies: Vec<SyncPolicy>,
    /// Deprecated: the early name of syncPolicies, to which it is moved at admission.
    #[schemars(schema_with = "schemaless")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_policy: Option<Value>,
}

impl ApplicationSpec {
    /// Whether something stands under an early name.
    #[must_use]
    pub fn has_early_names(&self) -> bool {
        let Source { git_repo, helm_repo, oci_repo, .. } = &self.source;
        [&self.sync_policy, git_repo, helm_repo, oci_repo].into_iter().any(Option::is_some)
    }
}

/// Where the manifests or the chart come from: exactly one of the kinds.
// Boxed, as what is not there is not to take the memory of what is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// A git repository, fetched by a Flux `GitRepository`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_repository: Option<Box<GitRepository>>,
    /// A repository of Helm charts, served over HTTP(S) or as OCI artifacts, fetched by a Flux
    /// `HelmRepository`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm_repository: Option<Box<HelmRepository>>,
    /// An OCI artifact, fetched by a Flux `OCIRepository`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oci_repository: Option<Box<OciRepository>>,
    /// A bucket of an object store, fetched by a Flux Bucket. Beyond Kurator's API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Box<Bucket>>,
    /// Deprecated: the early name of gitRepository, to which it is moved at admission.
    #[schemars(schema_with = "schemaless")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_repo: Option<Value>,
    /// Deprecated: the early name of helmRepository, to which it is moved at admission.
    #[schemars(schema_with = "schemaless")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helm_repo: Option<Value>,
    /// Deprecated: the early name of ociRepository, to which it is moved at admission.
    #[schemars(schema_with = "schemaless")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oci_repo: Option<Value>,
}

/// Which clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// The Fleet, in the Application's namespace, whose clusters are meant. A policy's destination
    /// without it takes the fleet of spec.destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fleet: Option<String>,
    /// Only those clusters of the Fleet whose labels match. Without it, or empty: all of them.
    #[schemars(schema_with = "label_selector")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_selector: Option<LabelSelector>,
}

/// One thing to apply, and where: a kustomization or a helm release.
// Boxed, as each kind takes hundreds of bytes, there are thousands of policies, and none has all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncPolicy {
    /// The policy's name, from which the names of its Flux objects are made. Default: the
    /// Application's name, a dash, and the policy's index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where this policy goes. As a whole in place of spec.destination, except that a missing
    /// fleet is taken from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// Apply a folder of the source by a Flux Kustomization. Not together with helm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomization: Option<Box<Kustomization>>,
    /// Install a chart of the source by a Flux `HelmRelease`. Not together with kustomization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<Box<Helm>>,
    /// What is different on some of the policy's clusters, applied in this order. Beyond Kurator's
    /// API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overrides: Option<Vec<Override>>,
    /// Shift traffic to each new version of a workload step by step, by Flagger in every
    /// destination cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Box<Rollout>>,
}
