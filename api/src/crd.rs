//! The CRDs, generated from the types.
//!
//! ```text
//! Rust types ─schemars─▶ schema ─kube─▶ CRD ─tidy─▶ what the API server stores
//! ```
//!
//! Invariant: tidying changes how a schema reads and whether it takes `null`; it never adds,
//! removes or loosens a field.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt as _;
use serde_json::json;

use crate::application::Application;
use crate::attached_cluster::AttachedCluster;
use crate::fleet::Fleet;

/// The CRDs of every kind that Fleetgate serves, always in this order.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    [in_progress(Application::crd()), Fleet::crd(), AttachedCluster::crd()].map(tidied).into()
}

/// With a status from the first moment, which speaks of no generation yet, as Flux's own kinds have
/// it: to kstatus an object without any status is done, and whoever waits for it would go on before
/// anything is delivered.
fn in_progress(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    schemas(&mut crd)
        .filter_map(|schema| schema.properties.as_mut()?.get_mut("status"))
        .for_each(|status| status.default = Some(JSON(json!({ "observedGeneration": -1 }))));
    crd
}

/// The CRD with all its schemas tidied.
fn tidied(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    schemas(&mut crd).for_each(tidy);
    crd
}

/// The schema of every version.
fn schemas(crd: &mut CustomResourceDefinition) -> impl Iterator<Item = &mut JSONSchemaProps> {
    let versions = crd.spec.versions.iter_mut();
    versions.filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut())
}

/// Makes a schema read and behave as hand-written Kubernetes types do, all the way down:
/// descriptions are whole paragraphs of plain text, and an optional field is left out rather than
/// `null`.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let Some(description) = &mut schema.description {
        *description = unwrapped(description);
    }
    children(schema).for_each(tidy);
}

/// The schemas directly below: properties, items, values of a map.
fn children(schema: &mut JSONSchemaProps) -> impl Iterator<Item = &mut JSONSchemaProps> {
    let items = match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => std::slice::from_mut(&mut **item),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.as_mut_slice(),
        None => &mut [],
    };
    let values = match &mut schema.additional_properties {
        Some(JSONSchemaPropsOrBool::Schema(value)) => Some(&mut **value),
        _ => None,
    };
    schema.properties.iter_mut().flat_map(|properties| properties.values_mut()).chain(items).chain(values)
}

/// The text as a terminal shows it best: no line breaks but between paragraphs, and none of
/// rustdoc's backticks.
fn unwrapped(text: &str) -> String {
    text.replace('`', "")
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n\n")
}
