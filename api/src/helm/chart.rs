//! Which chart a release installs: the part of `HelmRelease` from which Flux makes a `HelmChart`.
//!
//! Invariant: the chart's source is always the Application's, so there is no sourceRef.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flux::LocalObjectReference;
use crate::schema::DURATION;

/// A chart of the Application's source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Chart {
    /// Labels and annotations of the Flux `HelmChart`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ChartMetadata>,
    /// Which chart, in which version.
    pub spec: ChartSpec,
}

/// Labels and annotations of the Flux `HelmChart`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChartMetadata {
    /// Annotations to set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Labels to set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
}

/// Which chart, in which version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChartSpec {
    /// The chart's name in a helmRepository, or its path in a gitRepository or bucket. Not used
    /// with an ociRepository, which is the chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<String>,
    /// The version, or a range of semantic versions. Only for a helmRepository. Default: *, the
    /// latest.
    #[schemars(extend("default" = "*"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How often the source is asked for a new chart. Default: the release's interval.
    #[schemars(regex(pattern = DURATION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// What makes a new chart: a new version in Chart.yaml (`ChartVersion`), or any new revision of
    /// the source (Revision). Default: `ChartVersion`.
    #[schemars(extend("enum" = ["ChartVersion", "Revision"], "default" = "ChartVersion"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconcile_strategy: Option<String>,
    /// Files of the source with values, merged in this order. Default: the chart's values.yaml.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_files: Option<Vec<String>>,
    /// Whether values files that do not exist are passed over. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_missing_values_files: Option<bool>,
    /// How the chart's signature is verified. Only for an OCI registry. Default: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<ChartVerification>,
}

/// How a chart's signature is verified.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChartVerification {
    /// The tool that made the signature: cosign or notation. Default: cosign.
    #[schemars(extend("enum" = ["cosign", "notation"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The Secret with the public keys that are trusted. Without it, cosign verifies keyless
    /// signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
}
