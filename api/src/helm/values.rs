//! Values that come from `ConfigMaps` and Secrets.
//!
//! Invariant: a reference names its object; what is in it is read by Flux alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A `ConfigMap` or Secret that holds values for a chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValuesReference {
    /// `ConfigMap` or Secret.
    #[schemars(extend("enum" = ["Secret", "ConfigMap"]))]
    pub kind: String,
    /// Its name, in the Application's namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key that holds the values. Default: values.yaml.
    #[schemars(length(max = 253), regex(pattern = r"^[\-._a-zA-Z0-9]+$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_key: Option<String>,
    /// Where in the values the content goes, as a dotted path. Default: it is merged at the root.
    #[schemars(length(max = 250), regex(pattern = r"^([a-zA-Z0-9_\-.\\\/]|\[[0-9]{1,5}\])+$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_path: Option<String>,
    /// Whether the content is put at targetPath as it is, not read in the syntax of helm's --set.
    /// Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub literal: Option<bool>,
    /// Whether the object or the key may be missing. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
}
