//! What is installed in every cluster of a Fleet.
//!
//! Invariant: the fields, their requiredness and their defaults are Kurator's, so that its Fleets
//! pass unmodified. Plugins that no rule reads are kept as they are.

mod flagger;
mod metric;
mod policy;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::flagger::{FlaggerConfig, FlaggerPlugin};
pub use self::metric::{Component, GrafanaPlugin, MetricPlugin, ObjectStoreConfig, Prometheus, Thanos};
pub use self::policy::{Kyverno, PodSecurity, PolicyPlugin};
use crate::schema::{schemaless, schemaless_object};

/// What is installed in every cluster of the Fleet. Installed by Kurator; Fleetgate checks it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetPlugin {
    /// Metrics of all clusters in one place, by Prometheus and Thanos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricPlugin>,
    /// Dashboards over the metrics, by Grafana. Needs metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grafana: Option<GrafanaPlugin>,
    /// Policies for pods, by Kyverno.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyPlugin>,
    /// Progressive rollouts, by Flagger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flagger: Option<FlaggerPlugin>,
    /// Backups, by Velero. Kept as it is, and not checked.
    #[schemars(schema_with = "schemaless_object")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Value>,
    /// Storage across nodes, by Rook. Kept as it is, and not checked.
    #[schemars(schema_with = "schemaless_object")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distributed_storage: Option<Value>,
    /// A network across clusters, by Submariner. Kept as it is, and not checked.
    #[schemars(schema_with = "schemaless_object")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submariner: Option<Value>,
}

/// Where a plugin's chart comes from. What is absent is the plugin's own default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChartConfig {
    /// The address of the chart's repository: http, https or oci.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The chart's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The chart's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}
