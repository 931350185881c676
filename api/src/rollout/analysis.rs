//! What decides whether a new version is good: metrics, webhooks, and how often they are asked.
//!
//! Invariant: times are whole seconds, as in Kurator's API; Flagger's own notation appears only in
//! what the plan renders.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The metrics and checks on the new version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrafficAnalysis {
    /// How often the checks run, in seconds. Default: 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_interval_seconds: Option<i32>,
    /// How many failed checks end the rollout and bring the old version back.
    #[schemars(range(min = 0))]
    pub check_failed_times: i32,
    /// The metrics that are checked; each must be within its threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<Metric>>,
    /// Commands that the load tester runs during the analysis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhooks: Option<Webhooks>,
    /// How one visitor stays with one version. With it, visitors that have seen the new version
    /// keep seeing it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_affinity: Option<SessionAffinity>,
}

/// One metric and its threshold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    /// The metric's name: request-success-rate (percent) or request-duration (milliseconds), which
    /// are built in, or a name of your own with customMetric.
    pub name: String,
    /// The span over which the metric is measured, in seconds. Default: 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_seconds: Option<i32>,
    /// The values that are accepted. Without it, every value is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_range: Option<ThresholdRange>,
    /// How a metric that is not built in is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_metric: Option<CustomMetric>,
}

/// The values that are accepted; either end may be open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThresholdRange {
    /// The least value that is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest value that is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// How a metric that is not built in is measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomMetric {
    /// The monitoring system that is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<MetricProvider>,
    /// The query, in the monitoring system's language, with Flagger's template variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

/// A monitoring system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricProvider {
    /// Its kind, as Flagger names it, for example prometheus or datadog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// Its address, as seen from the destination cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The Secret with its credentials, in the destination cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
    /// The cloud region, for providers that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether its certificate goes unchecked. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,
}

/// A Secret by name. As in Kurator's API, the name may be absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// The Secret's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Commands that the load tester runs during the analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhooks {
    /// How long a command may take, in seconds. Default: 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i32>,
    /// The commands, each as one line for a shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
}

/// How one visitor stays with one version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionAffinity {
    /// The name of the cookie that remembers the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie_name: Option<String>,
    /// How long the cookie lives, in seconds. Default: 86400, a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i32>,
}
