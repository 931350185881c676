//! Flagger in every cluster of a Fleet.
//!
//! Invariant: the provider is a text. Which ones there are is a rule's business, so that a Fleet
//! that names another can still be read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ChartConfig, schemaless};

/// Progressive rollouts, by Flagger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlaggerPlugin {
    /// Where Flagger's chart comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartConfig>,
    /// What shifts the traffic, by Flagger's name for it, for example istio or nginx.
    pub traffic_routing_provider: String,
    /// Whether a load tester is installed that all rollouts may use. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_testloader: Option<bool>,
    /// How that load tester is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<FlaggerConfig>,
    /// Values of Flagger's chart, as an object.
    #[schemars(schema_with = "schemaless")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_args: Option<Value>,
}

/// How the load tester is installed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlaggerConfig {
    /// Where the load tester's chart comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartConfig>,
    /// Values of the load tester's chart, as an object.
    #[schemars(schema_with = "schemaless")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_args: Option<Value>,
}
