//! The metrics of a Fleet's clusters, and the dashboards over them.
//!
//! Invariant: the Secret with the object store's configuration is named, never held.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ChartConfig, schemaless};

/// Metrics of all clusters in one place, by Prometheus and Thanos.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricPlugin {
    /// Prometheus, in every cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Prometheus>,
    /// Thanos, which keeps the metrics and answers for all clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thanos: Option<Thanos>,
}

/// Prometheus, in every cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Prometheus {
    /// Where Prometheus' chart comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartConfig>,
    /// The metrics of nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_exporter: Option<Component>,
    /// The metrics of Kubernetes' objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_state_metrics: Option<Component>,
    /// Values of Prometheus' chart, as an object.
    #[schemars(schema_with = "schemaless")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_args: Option<Value>,
}

/// A part that can be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Whether it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// Thanos, which keeps the metrics and answers for all clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Thanos {
    /// Where Thanos' chart comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartConfig>,
    /// Where the metrics are kept.
    pub object_store_config: ObjectStoreConfig,
    /// Values of Thanos' chart, as an object.
    #[schemars(schema_with = "schemaless")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_args: Option<Value>,
}

/// Where the metrics are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStoreConfig {
    /// The Secret, in the Fleet's namespace, with the object store's configuration.
    pub secret_name: String,
}

/// Dashboards over the metrics, by Grafana.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrafanaPlugin {
    /// Where Grafana's chart comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartConfig>,
    /// Values of Grafana's chart, as an object.
    #[schemars(schema_with = "schemaless")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_args: Option<Value>,
}
