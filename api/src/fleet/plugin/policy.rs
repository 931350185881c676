//! Policies for the pods of a Fleet's clusters.
//!
//! Invariant: the sets of values and their defaults are Kurator's. They are texts in the type, so
//! that a stored Fleet with another value can still be read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ChartConfig, schemaless};

/// Policies for pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyPlugin {
    /// Kyverno, in every cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kyverno: Option<Kyverno>,
}

/// Kyverno, in every cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kyverno {
    /// Where Kyverno's chart comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartConfig>,
    /// Which of Kubernetes' Pod Security Standards holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_security: Option<PodSecurity>,
    /// Values of Kyverno's chart, as an object.
    #[schemars(schema_with = "schemaless")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_args: Option<Value>,
}

/// Which of Kubernetes' Pod Security Standards holds, and what happens to pods that break it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodSecurity {
    /// The standard: privileged, baseline or restricted.
    #[schemars(extend("enum" = PodSecurity::STANDARDS, "default" = "baseline"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard: Option<String>,
    /// How bad a breach is in reports: low, medium or high.
    #[schemars(extend("enum" = PodSecurity::SEVERITIES, "default" = "medium"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// What happens to a pod that breaks the standard: Enforce refuses it, Audit reports it.
    #[schemars(extend("enum" = PodSecurity::ACTIONS, "default" = "Audit"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_failure_action: Option<String>,
}

impl PodSecurity {
    /// Every standard.
    pub const STANDARDS: [&'static str; 3] = ["privileged", "baseline", "restricted"];
    /// Every severity.
    pub const SEVERITIES: [&'static str; 3] = ["low", "medium", "high"];
    /// Everything that can happen to a pod.
    pub const ACTIONS: [&'static str; 2] = ["Enforce", "Audit"];
}
