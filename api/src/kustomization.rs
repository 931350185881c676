//! The fields of Flux's Kustomization that a sync policy may set.
//!
//! Invariant: the union of Kurator's and Flux's fields, without sourceRef and kubeConfig, which
//! the plan fills in per cluster.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::flux::{
    CommonMetadata, DependencyReference, HealthCheckExpr, IgnoreRule, Image, LocalObjectReference, Patch,
};
use crate::schema::DURATION;

/// A folder of manifests, built by kustomize and applied by Flux.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kustomization {
    /// How often the manifests are applied again, which undoes drift, for example 10m.
    #[schemars(regex(pattern = DURATION))]
    pub interval: String,
    /// How soon to try again after a failure. Default: interval.
    #[schemars(regex(pattern = DURATION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<String>,
    /// How long building, applying and health checks may take. Default: interval.
    #[schemars(regex(pattern = DURATION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// The folder of the source, for example ./deploy. Default: its root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether objects that are gone from the source are deleted from the cluster.
    pub prune: bool,
    /// What becomes of the applied objects when the Flux Kustomization is deleted. Default:
    /// `MirrorPrune`, which does what prune says.
    #[schemars(extend("enum" = ["MirrorPrune", "Delete", "WaitForTermination", "Orphan"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<String>,
    /// Whether an object is deleted and created again where an immutable field has changed.
    /// Default: false.
    #[schemars(extend("default" = false))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// The namespace to put every namespaced object in. Default: as in the manifests.
    #[schemars(length(min = 1, max = 63))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_namespace: Option<String>,
    /// A prefix for the name of every object.
    #[schemars(length(min = 1, max = 200))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_prefix: Option<String>,
    /// A suffix for the name of every object.
    #[schemars(length(min = 1, max = 200))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_suffix: Option<String>,
    /// Labels and annotations for every object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    /// Kustomize components to include, as paths relative to path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<Vec<String>>,
    /// Whether components that do not exist are passed over. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_missing_components: Option<bool>,
    /// Patches over the built manifests, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patches: Option<Vec<Patch>>,
    /// Container images to exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Vec<Image>>,
    /// What kustomize records about the build in annotations: where an object comes from
    /// (`originAnnotations`), what changed it (`transformerAnnotations`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "build_metadata")]
    pub build_metadata: Option<Vec<String>>,
    /// Variables to substitute in the built manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_build: Option<PostBuild>,
    /// How encrypted manifests are decrypted. Default: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decryption: Option<Decryption>,
    /// Other Flux Kustomizations that must be ready first. The name of a policy of this Application
    /// means its Kustomization for the same cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<Vec<DependencyReference>>,
    /// Whether to wait until every applied object is healthy. Default: false. With it,
    /// healthChecks is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<bool>,
    /// The objects whose health decides whether the Kustomization is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_checks: Option<Vec<HealthCheck>>,
    /// How the health of custom resources is told. Only with wait or healthChecks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_exprs: Option<Vec<HealthCheckExpr>>,
    /// Fields that Flux neither compares nor sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<Vec<IgnoreRule>>,
    /// The `ServiceAccount` as which the manifests are applied. Default: what the administrator set
    /// for Flux.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// Whether to stop applying. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// What kustomize can record; the values are an item's, which an attribute cannot say.
fn build_metadata(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "type": "string", "enum": ["originAnnotations", "transformerAnnotations"] },
    })
}

/// Variables to substitute in the built manifests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostBuild {
    /// Variables by name: ${name} in a manifest becomes the value. Where this is set, be it to
    /// nothing, member clusters add `cluster_name` and `cluster_label_KEY` for each of their labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub substitute: Option<BTreeMap<String, String>>,
    /// `ConfigMaps` and Secrets whose keys are variables. What is in substitute wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub substitute_from: Option<Vec<SubstituteReference>>,
    /// Whether substitution runs only where there are variables (`WithVariables`) or in any case
    /// (Always). Default: `WithVariables`.
    #[schemars(extend("enum" = ["WithVariables", "Always"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub substitute_strategy: Option<String>,
}

/// A `ConfigMap` or Secret whose keys are variables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubstituteReference {
    /// `ConfigMap` or Secret.
    #[schemars(extend("enum" = ["Secret", "ConfigMap"]))]
    pub kind: String,
    /// Its name, in the Application's namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Whether it may be missing. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
}

/// How encrypted manifests are decrypted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decryption {
    /// The tool that encrypted them: sops.
    #[schemars(extend("enum" = ["sops"]))]
    pub provider: String,
    /// The Secret with the private keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The `ServiceAccount` whose cloud identity opens the keys of a key service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
}

/// An object whose health is watched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// The object's `apiVersion`. Default: the one that the cluster prefers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The object's kind.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// The object's namespace, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}
