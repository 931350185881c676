//! The fields of Flux's Bucket, a source that Kurator's API does not have.
//!
//! Invariant: as Flux has it, without Flux's own defaults: those are filled in by the API server
//! when the Bucket is created.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flux::LocalObjectReference;
use crate::schema::{DURATION, SHORT_DURATION};

/// A bucket of an object store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// The bucket's name.
    pub bucket_name: String,
    /// The object store's host, and port where it is not the usual one, without scheme.
    pub endpoint: String,
    /// How often the bucket is asked for something new, for example 5m.
    #[schemars(regex(pattern = DURATION))]
    pub interval: String,
    /// How long a download may take, in ms, s or m. Default: 60s.
    #[schemars(regex(pattern = SHORT_DURATION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// The object store's API, and how to log in to it. Default: generic, which is S3 with a
    /// Secret.
    #[schemars(extend("enum" = ["generic", "aws", "gcp", "azure"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The object store's region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Only objects whose key begins with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The Secret with the credentials: accesskey and secretkey, or what the provider asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The `ServiceAccount` whose cloud identity is used to log in, with a provider that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The service that hands out temporary credentials. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sts: Option<BucketSts>,
    /// The Secret with the TLS material: tls.crt and tls.key, ca.crt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// The Secret with the address and the credentials of a proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// What to leave out of the artifact, in the syntax of .gitignore, in place of Flux's own list
    /// of files that are no manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
    /// Whether the object store may be spoken to over plain HTTP. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure: Option<bool>,
    /// Whether to stop looking for something new. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// The service that hands out temporary credentials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BucketSts {
    /// The service's API: aws or ldap.
    #[schemars(extend("enum" = ["aws", "ldap"]))]
    pub provider: String,
    /// The service's address, over http or https.
    #[schemars(regex(pattern = "^(http|https)://.*$"))]
    pub endpoint: String,
    /// The Secret with the credentials for the service: username and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The Secret with the TLS material for the service: tls.crt and tls.key, ca.crt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
}
