//! The CRDs that are installed on the host, as far as the schema check needs them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
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
    /// Its `openAPIV3Schema` without descriptions and without the status,
    /// which is not rendered.
    pub schema: Value,
    /// SHA-256 of the schema: what was compiled once need not be compiled again.
    pub fingerprint: [u8; 32],
}

impl InstalledCrd {
    /// The schema of a CRD in the version that is rendered; `None` if the CRD
    /// is of another kind, or does not serve that version.
    #[must_use]
    pub fn of(crd: &CustomResourceDefinition) -> Option<Self> {
        let kind = RenderedKind::of(&crd.spec.group, &crd.spec.names.kind)?;
        let version =
            crd.spec.versions.iter().find(|version| version.served && version.name == kind.version())?;
        let schema = version.schema.as_ref()?.open_api_v3_schema.as_ref()?;
        let mut schema = serde_json::to_value(schema).ok()?;
        strip_prose(&mut schema);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.remove("status");
        }
        let fingerprint = Sha256::digest(schema.to_string()).into();
        Some(Self { kind, schema, fingerprint })
    }
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
    pub(crate) fn kustomizations(version: &str, served: bool, field: &str) -> CustomResourceDefinition {
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
            installed.schema,
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
        foreign.spec.group = "example.com".to_owned();
        assert_eq!(InstalledCrd::of(&foreign), None);
    }
}
