//! Which CRD judges a rendered object, and what it says.
//!
//! ```text
//! Catalog: the host's CRD ─┐ (Flux)
//!                          ├─▶ compiled once per content ─▶ check
//! bundled schema ──────────┘ (Flagger; and Flux where nothing is installed)
//! ```
//!
//! The bundled ones are generated from the CRDs of the Flux and Flagger versions
//! that the sandbox runs (`UPDATE_SCHEMAS=1 cargo test --test it bundled_schemas`).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use fleetgate_plan::{Catalog, FluxKind, RenderedKind};
use serde_json::Value;

use super::crd::CrdCheck;
use super::fault::SchemaFault;
use super::structural::NotStructural;

/// What the CRD of `kind` says against `object`, as it would at its creation;
/// the object gets the CRD's defaults. The paths are those of the object.
pub fn check_rendered(kind: RenderedKind, object: &mut Value, catalog: &Catalog) -> Vec<SchemaFault> {
    checker_for(kind, catalog).check(object)
}

/// What judges objects of that kind: the CRD that is installed on the host, for
/// the kinds that live there; else, and where that one cannot be read, the
/// bundled one.
#[must_use]
pub fn checker_for(kind: RenderedKind, catalog: &Catalog) -> Arc<CrdCheck> {
    let installed = catalog.installed_crd(kind).and_then(|crd| {
        let version = Version { kind, origin: Origin::Installed };
        cached(version, &crd.fingerprint, &crd.schema)
    });
    installed.unwrap_or_else(|| bundled(kind))
}

/// The check by the CRD of the Flux or Flagger version that Fleetgate is tested with.
#[must_use]
pub fn bundled(kind: RenderedKind) -> Arc<CrdCheck> {
    let version = Version { kind, origin: Origin::Bundled };
    cached(version, &[0; 32], bundled_schema(kind)).unwrap_or_default()
}

/// The bundled `openAPIV3Schema` of that kind, without descriptions and status.
#[must_use]
pub const fn bundled_schema(kind: RenderedKind) -> &'static str {
    match kind {
        RenderedKind::Flux(FluxKind::GitRepository) => include_str!("../../schemas/GitRepository.json"),
        RenderedKind::Flux(FluxKind::HelmRepository) => include_str!("../../schemas/HelmRepository.json"),
        RenderedKind::Flux(FluxKind::OciRepository) => include_str!("../../schemas/OCIRepository.json"),
        RenderedKind::Flux(FluxKind::Bucket) => include_str!("../../schemas/Bucket.json"),
        RenderedKind::Flux(FluxKind::Kustomization) => include_str!("../../schemas/Kustomization.json"),
        RenderedKind::Flux(FluxKind::HelmRelease) => include_str!("../../schemas/HelmRelease.json"),
        RenderedKind::Canary => include_str!("../../schemas/Canary.json"),
        RenderedKind::MetricTemplate => include_str!("../../schemas/MetricTemplate.json"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Installed,
    Bundled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    kind: RenderedKind,
    origin: Origin,
}

/// A schema's digest, and its check if it has one.
type Compiled = ([u8; 32], Option<Arc<CrdCheck>>);

/// The last content of each version: at most two per kind, for as long as the
/// process lives.
static CHECKS: LazyLock<RwLock<BTreeMap<Version, Compiled>>> = LazyLock::new(RwLock::default);

/// The check of a version with that content. Two threads may compile it at the
/// same time; both are right.
fn cached(version: Version, fingerprint: &[u8; 32], schema: &str) -> Option<Arc<CrdCheck>> {
    {
        let checks = CHECKS.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, check)) = checks.get(&version)
            && known == fingerprint
        {
            return check.clone();
        }
    }
    let check = compile(version, schema);
    let mut checks = CHECKS.write().unwrap_or_else(PoisonError::into_inner);
    checks.insert(version, (*fingerprint, check.clone()));
    check
}

fn compile(version: Version, schema: &str) -> Option<Arc<CrdCheck>> {
    let Version { kind, origin } = version;
    let schema = serde_json::from_str(schema).map_err(|error| NotStructural(error.to_string()));
    match schema.and_then(CrdCheck::compile) {
        Ok(check) => {
            for rule in check.skipped_rules() {
                tracing::debug!(?kind, ?origin, rule, "a rule of the CRD is not judged before delivery");
            }
            Some(Arc::new(check))
        }
        Err(error) => {
            tracing::warn!(?kind, ?origin, %error, "the CRD's schema cannot be read; the bundled one judges");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::any_json;
    use fleetgate_plan::InstalledCrd;
    use kube::core::DynamicObject;
    use proptest::prelude::*;
    use serde_json::json;

    /// What is said about the objects of a file that the API server judges, too
    /// (`tests/it/schemas.rs`).
    #[test]
    fn objects_are_judged_as_by_the_api_server() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases/rendered.yaml");
        let text = std::fs::read_to_string(path).expect("the cases");
        let cases: Vec<Value> = serde_saphyr::from_str(&text).expect("YAML");
        assert!(cases.len() > 25);
        for case in cases {
            let mut object = case["object"].clone();
            let group = object["apiVersion"].as_str().and_then(|version| version.split('/').next());
            let kind =
                RenderedKind::of(group.unwrap_or_default(), object["kind"].as_str().unwrap_or_default());
            let faults = check_rendered(kind.expect("a rendered kind"), &mut object, &Catalog::default());
            let mut said: Vec<String> = faults.iter().map(|fault| fault.path.to_string()).collect();
            said.sort();
            let expected: Vec<&str> =
                case["refused"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            assert_eq!(said, expected, "{}: {faults:?}", case["what"]);
        }
    }

    #[test]
    fn every_bundled_schema_and_rule_judges() {
        for kind in RenderedKind::ALL {
            let schema: Value = serde_json::from_str(bundled_schema(kind)).expect("JSON");
            let check = CrdCheck::compile(schema).expect("a structural schema");
            assert_eq!(check.skipped_rules(), [] as [String; 0], "{kind:?}");
            assert!(!bundled(kind).check(&mut json!({"spec": 5})).is_empty(), "{kind:?}");
        }
    }

    #[test]
    fn rules_speak_in_their_own_words() {
        let mut release = json!({"spec": {"interval": "5m", "kubeConfig": {}}});
        let faults =
            check_rendered(RenderedKind::Flux(FluxKind::HelmRelease), &mut release, &Catalog::default());
        let said: Vec<String> =
            faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect();
        assert_eq!(
            said,
            [
                "spec: either chart or chartRef must be set",
                "spec.kubeConfig: exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified",
            ]
        );
    }

    /// A CRD that knows one field, which must be a positive number.
    fn crd(kind: RenderedKind, version: &str, schema: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": kind.crd_name()},
            "spec": {
                "group": kind.group(), "scope": "Namespaced",
                "names": {"kind": kind.kind(), "plural": kind.plural()},
                "versions": [{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
            },
        }))
        .expect("a CRD")
    }

    #[test]
    fn an_installed_crd_judges_in_the_bundled_ones_place() {
        let number = json!({"type": "object", "properties": {"spec": {"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0"}]}}});
        let mut nested = json!({"type": "string"});
        for _ in 0..100 {
            nested = json!({"type": "array", "items": nested});
        }
        let kind = RenderedKind::Flux(FluxKind::Kustomization);
        let table = [
            // The CRD, then whether `spec: 0` and `spec: 1` are accepted by it.
            (crd(kind, "v1", &number), [false, true]),
            (crd(kind, "v1", &json!({"type": "object"})), [true, true]),
            // The bundled one speaks, and wants an object.
            (crd(kind, "v2", &number), [false, false]),
            (crd(kind, "v1", &nested), [false, false]),
            (crd(RenderedKind::Canary, "v1beta1", &number), [false, false]),
        ];
        for (crd, expected) in table {
            let mut catalog = Catalog::default();
            catalog.insert_crd(&crd);
            let accepted =
                [0, 1].map(|spec| check_rendered(kind, &mut json!({ "spec": spec }), &catalog).is_empty());
            assert_eq!(accepted, expected, "{:?}", InstalledCrd::of(&crd));
        }
        let mut catalog = Catalog::default();
        catalog.insert_crd(&crd(kind, "v1", &number));
        let (first, second) = (checker_for(kind, &catalog), checker_for(kind, &catalog.clone()));
        assert!(Arc::ptr_eq(&first, &second), "compiled once");
    }

    #[test]
    fn a_long_text_takes_time_in_proportion() {
        let mut release =
            json!({"spec": {"interval": "1h".repeat(500_000) + "!", "timeout": "9".repeat(1_000_000)}});
        let start = std::time::Instant::now();
        assert!(
            !check_rendered(RenderedKind::Flux(FluxKind::HelmRelease), &mut release, &Catalog::default())
                .is_empty()
        );
        assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    }

    /// Any JSON, with names that the CRDs know.
    fn json_value() -> impl Strategy<Value = Value> {
        let texts = "\\PC{0,8}|[0-9.hms]{0,6}|aws|generic|Kustomization";
        any_json(
            texts,
            &[
                "spec",
                "metadata",
                "name",
                "interval",
                "chart",
                "chartRef",
                "sourceRef",
                "kubeConfig",
                "secretRef",
                "sts",
                "provider",
                "install",
                "strategy",
                "analysis",
                "metrics",
                "service",
                "match",
                "targetPort",
                "ref",
            ],
        )
    }

    proptest! {
        #[test]
        fn no_object_makes_it_panic(object in json_value()) {
            for kind in RenderedKind::ALL {
                let faults = check_rendered(kind, &mut object.clone(), &Catalog::default());
                for fault in faults.iter().filter(|fault| fault.value.is_some()) {
                    prop_assert!(!fault.path.to_string().is_empty() || !object.is_object());
                }
            }
        }
    }
}
