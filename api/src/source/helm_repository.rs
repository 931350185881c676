//! The fields of Flux's `HelmRepository`.
//!
//! Invariant: what only one kind of repository has (an index over HTTP, or an OCI registry) is
//! told apart by the rules, never by the schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flux::{AccessFrom, LocalObjectReference};
use crate::schema::{DURATION, SHORT_DURATION};

/// A repository of Helm charts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmRepository {
    /// The repository's address: http or https for an index, oci for a registry.
    pub url: String,
    /// How often the index is asked for something new, for example 5m. Default: 1m. Not used for an
    /// OCI registry.
    #[schemars(regex(pattern = DURATION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// How long a request may take, in ms, s or m. Default: 60s.
    #[schemars(regex(pattern = SHORT_DURATION), extend("default" = "60s"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// The kind of repository: default for an index over HTTP, oci for a registry. Default:
    /// default.
    #[schemars(extend("enum" = ["default", "oci"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// The Secret with the credentials: username and password, or for a registry a docker
    /// configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The Secret with the TLS material: tls.crt and tls.key, ca.crt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// Whether the credentials also go to another host, if the index names charts there. Default:
    /// false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass_credentials: Option<bool>,
    /// By whose identity Flux logs in to a registry without a Secret. Default: generic, which is
    /// none.
    #[schemars(extend("enum" = ["generic", "aws", "azure", "gcp"], "default" = "generic"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Whether a registry may be spoken to over plain HTTP. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure: Option<bool>,
    /// Whether to stop looking for something new. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Who else may use the source. Flux has the field and does not enforce it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_from: Option<AccessFrom>,
}
