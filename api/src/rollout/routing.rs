//! Whose traffic goes to the new version, and when.
//!
//! Invariant: a canary by weight (canaryStrategy), an A/B test by match, or blue/green by
//! analysisTimes alone are all this one type; which it is, the plan decides from what is set.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose traffic goes to the new version, and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrafficRouting {
    /// How long a request may take, in seconds. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i32>,
    /// The Istio gateways that carry the traffic, as NAMESPACE/NAME. Default: mesh, the traffic
    /// within the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateways: Option<Vec<String>>,
    /// The host names for which Istio routes. Default: `serviceName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
    /// The host name of the Ingress, for nginx.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The protocol of the Service, for kuma: http, http2, tcp or grpc. Default: http.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The Ingress that exists for the workload, for skipper. Beyond Kurator's API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_ref: Option<RouteReference>,
    /// The `ApisixRoute` that exists for the workload, for apisix. Beyond Kurator's API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_ref: Option<RouteReference>,
    /// When a failed request is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<HttpRetry>,
    /// Headers that are changed on the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
    /// Which other origins a browser may call from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_policy: Option<CorsPolicy>,
    /// A canary: a growing share of all requests goes to the new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_strategy: Option<CanaryStrategy>,
    /// How many checks must pass, for an A/B test or blue/green.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis_times: Option<i32>,
    /// An A/B test: the requests that go to the new version. One match is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#match: Option<Vec<HttpMatch>>,
}

/// An object in the workload's namespace that routes its traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteReference {
    /// The object's apiVersion. Default: networking.k8s.io/v1 for an Ingress, apisix.apache.org/v2
    /// for an `ApisixRoute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The object's name.
    pub name: String,
}

/// A growing share of all requests, in percent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CanaryStrategy {
    /// The greatest share before the new version takes over, in percent. Default: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_weight: Option<i32>,
    /// By how much the share grows after each check, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_weight: Option<i32>,
    /// The shares to go through, in percent, in place of maxWeight and stepWeight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_weights: Option<Vec<i32>>,
    /// By how much the share grows while the new version takes over, in percent. Default: 100, at
    /// once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_weight_promotion: Option<i32>,
}

/// Requests by their properties. All that is set must match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpMatch {
    /// A name for the match, for the mesh's logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<StringMatch>,
    /// The scheme, http or https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<StringMatch>,
    /// The method, for example GET.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<StringMatch>,
    /// The host that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<StringMatch>,
    /// Headers by their lower-case names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, StringMatch>>,
    /// Headers by their lower-case names, which must not match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_headers: Option<BTreeMap<String, StringMatch>>,
    /// Query parameters by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_params: Option<BTreeMap<String, StringMatch>>,
    /// The port that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// Labels of the pod that the request comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_labels: Option<BTreeMap<String, String>>,
    /// The namespace that the request comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_namespace: Option<String>,
    /// The gateways through which the request comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateways: Option<Vec<String>>,
    /// Whether upper and lower case are the same in the path. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_uri_case: Option<bool>,
}

/// A text: exactly one of the ways to match it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StringMatch {
    /// The whole text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact: Option<String>,
    /// How the text begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// How the text ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// A regular expression (RE2) over the whole text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
}

/// When a failed request is tried again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpRetry {
    /// How often, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i32>,
    /// How long each try may take, for example 25ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_try_timeout: Option<String>,
    /// After which failures, as a comma-separated list in Envoy's terms, for example
    /// gateway-error,connect-failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<String>,
}

/// Headers that are changed on the way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Headers {
    /// Before a request reaches the workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<HeaderOperations>,
    /// Before a response reaches the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<HeaderOperations>,
}

/// Changes to headers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeaderOperations {
    /// Headers to add, beside those of the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<BTreeMap<String, String>>,
    /// Headers to remove.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<Vec<String>>,
    /// Headers to set, in place of those of the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<BTreeMap<String, String>>,
}

/// Which other origins a browser may call from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CorsPolicy {
    /// The origins. One match is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_origins: Option<Vec<StringMatch>>,
    /// The origins, in full. Deprecated in Istio: use allowOrigins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_origin: Option<Vec<String>>,
    /// The methods that are allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_methods: Option<Vec<String>>,
    /// The request headers that are allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_headers: Option<Vec<String>>,
    /// The response headers that a script may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expose_headers: Option<Vec<String>>,
    /// Whether credentials may be sent along. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_credentials: Option<bool>,
    /// How long a browser may remember the answer, for example 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<String>,
}
