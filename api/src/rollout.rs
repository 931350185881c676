//! Progressive delivery of one workload, carried out by Flagger in each destination cluster.
//!
//! Invariant: the fields and their requiredness are Kurator's (but for the analysis interval,
//! which has a documented default); what combines with what is the rules' business.

mod analysis;
mod routing;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::analysis::{
    CustomMetric, Metric, MetricProvider, SecretReference, SessionAffinity, ThresholdRange, TrafficAnalysis,
    Webhooks,
};
pub use self::routing::{
    CanaryStrategy, CorsPolicy, HeaderOperations, Headers, HttpMatch, HttpRetry, RouteReference, StringMatch,
    TrafficRouting,
};

/// How each new version of a workload gets its traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// Whether a load tester is installed next to the workload, to make traffic for the analysis.
    /// Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_loader: Option<bool>,
    /// What shifts the traffic: istio, nginx, kuma, kubernetes, linkerd, contour, gloo, traefik,
    /// skipper, apisix, knative, gatewayapi:v1 or gatewayapi:v1beta1.
    pub traffic_routing_provider: String,
    /// The workload that is rolled out.
    pub workload: CrossNamespaceObjectReference,
    /// The name of the Service in front of the workload, which Flagger makes and owns.
    pub service_name: String,
    /// The port of the Service.
    pub port: i32,
    /// Labels and annotations of the Service in front of the stable version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<CustomMetadata>,
    /// Labels and annotations of the Service in front of the new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<CustomMetadata>,
    /// How the traffic is shifted, and what decides whether the new version is good.
    pub rollout_policy: RolloutPolicy,
}

/// A workload by apiVersion, kind, name and namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrossNamespaceObjectReference {
    /// The workload's apiVersion, for example apps/v1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The workload's kind: Deployment or `DaemonSet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The workload's name.
    pub name: String,
    /// The workload's namespace in the destination cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Labels and annotations to set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomMetadata {
    /// Labels to set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations to set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// How the traffic is shifted, and what decides whether the new version is good.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutPolicy {
    /// Whose traffic goes to the new version, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_routing: Option<TrafficRouting>,
    /// The metrics and checks on the new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_analysis: Option<TrafficAnalysis>,
    /// How long the new version may take to become ready, in seconds. Default: 600.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout_timeout_seconds: Option<i32>,
    /// Whether a new version takes over without any analysis. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_traffic_analysis: Option<bool>,
    /// Whether the workload gets back what Flagger changed when the rollout is removed. Default:
    /// false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revert_on_deletion: Option<bool>,
    /// Whether rollouts are paused. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}
