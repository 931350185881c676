//! The fields of Flux's `OCIRepository`.
//!
//! Invariant: the artifact may be manifests or a chart; what it is, the sync policy says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flux::LocalObjectReference;
use crate::schema::{DURATION, SHORT_DURATION};

/// An OCI artifact: manifests, or a chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OciRepository {
    /// The artifact's address, `oci://HOST/PATH`, without tag.
    #[schemars(regex(pattern = "^oci://.*$"))]
    pub url: String,
    /// How often the registry is asked for something new, for example 5m.
    #[schemars(regex(pattern = DURATION))]
    pub interval: String,
    /// How long a request may take, in ms, s or m. Default: 60s.
    #[schemars(regex(pattern = SHORT_DURATION), extend("default" = "60s"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Which version to fetch. Default: the tag latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<OciReference>,
    /// Which layer of the artifact to take. Default: the first one, extracted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_selector: Option<LayerSelector>,
    /// By whose identity Flux logs in to the registry without a Secret. Default: generic, which is
    /// none.
    #[schemars(extend("enum" = ["generic", "aws", "azure", "gcp"], "default" = "generic"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The Secret with the registry's credentials, as a docker configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The `ServiceAccount` whose image pull secrets, or cloud identity, are used to log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The Secret with the TLS material: tls.crt and tls.key, ca.crt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// The Secret with the address and the credentials of a proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// How the artifact's signature is verified. Default: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<OciVerification>,
    /// What to leave out of the artifact, in the syntax of .gitignore, in place of Flux's own list
    /// of files that are no manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
    /// Whether the registry may be spoken to over plain HTTP. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure: Option<bool>,
    /// Whether to stop looking for something new. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// Which version of the artifact. Of several, digest wins, then semver, then tag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OciReference {
    /// Exactly this content, for example sha256:….
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The latest tag in this range of semantic versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// A regular expression that a tag must match before semver is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semver_filter: Option<String>,
    /// This tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// Which layer of the artifact, and what becomes of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LayerSelector {
    /// The media type of the layer. The first layer that has it is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Whether the layer is unpacked (extract) or kept as it is (copy). Default: extract.
    #[schemars(extend("enum" = ["extract", "copy"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// How the signature of an artifact or a chart is verified.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OciVerification {
    /// The tool that made the signature: cosign or notation. Default: cosign.
    #[schemars(extend("enum" = ["cosign", "notation"], "default" = "cosign"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The Secret with the public keys that are trusted. Without it, cosign verifies keyless
    /// signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The Secret with the trusted root for keyless signatures. Default: the public one of
    /// Sigstore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_root_secret_ref: Option<LocalObjectReference>,
    /// Whose keyless signatures are trusted. One match is enough.
    #[serde(rename = "matchOIDCIdentity")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_oidc_identity: Option<Vec<OidcIdentity>>,
}

/// Who must have made a keyless signature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcIdentity {
    /// The issuer in the certificate, as a regular expression.
    pub issuer: String,
    /// The subject in the certificate, as a regular expression.
    pub subject: String,
}
