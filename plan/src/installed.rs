//! The CRDs that are installed on the host, as far as the schema check needs them.
//!
//! They are large: as their own type each takes megabytes, of which little is
//! read. So they are read as what they are, JSON, and kept as its text.

use kube::core::DynamicObject;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::RenderedKind;

/// What a schema says to its readers alone.
const PROSE: [&str; 4] = ["description", "title", "example", "externalDocs"];

/// The schema of one version of a CRD.
#[derive(Clone, Debug, PartialEq)]
pub struct InstalledCrd {
    /// Whose schema it is, in the version that is rendered.
    pub kind: RenderedKind,
    /// Its `openAPIV3Schema` as JSON, without descriptions and without the
    /// status, which is not rendered.
    pub schema: String,
    /// SHA-256 of the schema: what was compiled once need not be compiled again.
    pub fingerprint: [u8; 32],
}

impl InstalledCrd {
    /// The schema of a CRD in the version that is rendered; `None` if the CRD
    /// is of another kind, or does not serve that version.
    #[must_use]
    pub fn of(crd: &DynamicObject) -> Option<Self> {
        let kind = kind_of(crd)?;
        let version = served(crd).find(|version| name_of(version) == kind.version())?;
        let mut schema = version.pointer("/schema/openAPIV3Schema")?.clone();
        strip_prose(&mut schema);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.remove("status");
        }
        let schema = schema.to_string();
        let fingerprint = Sha256::digest(&schema).into();
        Some(Self { kind, schema, fingerprint })
    }
}

/// The kind that a CRD defines, if it is one that is rendered.
pub(crate) fn kind_of(crd: &DynamicObject) -> Option<RenderedKind> {
    let text = |pointer: &str| crd.data.pointer(pointer)?.as_str();
    RenderedKind::of(text("/spec/group")?, text("/spec/names/kind")?)
}

/// The versions in which the API server serves what a CRD defines, in its order.
pub fn served_versions(crd: &DynamicObject) -> impl Iterator<Item = &str> {
    served(crd).map(name_of)
}

fn served(crd: &DynamicObject) -> impl Iterator<Item = &Value> {
    let versions = crd.data.pointer("/spec/versions").and_then(Value::as_array);
    versions.into_iter().flatten().filter(|version| version["served"] == true)
}

fn name_of(version: &Value) -> &str {
    version.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// As deep as the schema itself, which some parser has bounded.
fn strip_prose(schema: &mut Value) {
    let Value::Object(keywords) = schema else {
        return;
    };
    keywords.retain(|keyword, _| !PROSE.contains(&keyword.as_str()));
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(strip_prose),
            ("allOf" | "anyOf" | "oneOf", Value::Array(branches)) => {
                branches.iter_mut().for_each(strip_prose);
            }
            ("items" | "additionalProperties" | "not", schema) => strip_prose(schema),
            _ => {}
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// A CRD of Flux's Kustomization with one field in its spec.
    pub(crate) fn kustomizations(version: &str, served: bool, field: &str) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "kustomizations.kustomize.toolkit.fluxcd.io"},
            "spec": {
                "group": "kustomize.toolkit.fluxcd.io", "scope": "Namespaced",
                "names": {"kind": "Kustomization", "plural": "kustomizations"},
                "versions": [{"name": version, "served": served, "storage": true, "schema": {"openAPIV3Schema": {
                    "type": "object", "description": "prose",
                    "properties": {
                        "spec": {"type": "object", "properties": {
                            field: {"type": "string", "description": "prose"},
                            "description": {"type": "string"},
                        }},
                        "status": {"type": "object"},
                    },
                }}}],
            },
        }))
        .expect("a CRD")
    }

    #[test]
    fn what_is_kept_is_what_judges() {
        let installed = InstalledCrd::of(&kustomizations("v1", true, "path")).expect("it is kept");
        assert_eq!(
            serde_json::from_str::<Value>(&installed.schema).expect("JSON"),
            json!({"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"path": {"type": "string"}, "description": {"type": "string"}}},
            }})
        );
        let other = InstalledCrd::of(&kustomizations("v1", true, "prune")).expect("it is kept");
        assert_ne!(installed.fingerprint, other.fingerprint);
    }

    #[test]
    fn what_does_not_serve_the_rendered_version_judges_nothing() {
        for (version, served) in [("v1beta2", true), ("v1", false)] {
            assert_eq!(InstalledCrd::of(&kustomizations(version, served, "path")), None, "{version}");
        }
        let mut foreign = kustomizations("v1", true, "path");
        foreign.data["spec"]["group"] = json!("example.com");
        assert_eq!(InstalledCrd::of(&foreign), None);
        foreign.data = json!({"spec": 5});
        assert_eq!(InstalledCrd::of(&foreign), None);
    }
}
