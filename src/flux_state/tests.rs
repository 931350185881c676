//! What Flux says of an object, read as one state.

use super::*;
use serde_json::json;

fn state(kind: FluxKind, spec: Value, status: Value) -> State {
    let object: DynamicObject = serde_json::from_value(json!({
        "apiVersion": kind.api_version(), "kind": kind.kind(),
        "metadata": {"name": "shop", "namespace": "default", "generation": 2},
        "spec": spec, "status": status,
    }))
    .expect("an object");
    State::of(kind, &object)
}

fn status(observed: i64, ready: Value, reconciling: Value) -> Value {
    let mut conditions = json!([ready, reconciling]);
    conditions[0]["type"] = json!("Ready");
    conditions[1]["type"] = json!("Reconciling");
    json!({"observedGeneration": observed, "conditions": conditions})
}

#[test]
fn conditions_are_read_as_flux_means_them() {
    use Phase::{Failed, Progressing, Ready};
    let is = |status: &str| json!({ "status": status });
    let failed =
        |generation: i64| json!({"status": "False", "observedGeneration": generation, "message": "said"});
    let retry = json!({"status": "True", "reason": "ProgressingWithRetry"});
    let working = json!({"status": "True", "reason": "Progressing"});
    let table = [
        (status(2, is("True"), is("False")), Ready),
        (status(1, is("True"), is("False")), Progressing),
        (status(2, is("False"), is("False")), Failed),
        (status(1, is("False"), is("False")), Progressing),
        (status(2, is("False"), working), Progressing),
        // As a failed attempt looks that is tried again.
        (status(-1, failed(2), retry.clone()), Failed),
        (status(1, failed(2), retry.clone()), Failed),
        (status(1, failed(1), retry), Progressing),
        (status(2, is("Unknown"), is("True")), Progressing),
        (json!({}), Progressing),
    ];
    for kind in FluxKind::ALL {
        for (status, expected) in &table {
            assert_eq!(state(kind, json!({}), status.clone()).phase, *expected, "{kind:?} {status}");
        }
    }
}

#[test]
fn what_waits_for_others_has_not_failed() {
    use FluxKind::{GitRepository, HelmRelease, Kustomization};
    use Phase::{Failed, Progressing};
    let table = [
        (Kustomization, "DependencyNotReady", "dependency 'a/b' is not ready", Progressing),
        (HelmRelease, "DependencyNotReady", "", Progressing),
        (Kustomization, "ArtifactFailed", "Source artifact not found, retrying in 30s", Progressing),
        (Kustomization, "ArtifactFailed", "buckets.source.toolkit.fluxcd.io \"a\" not found", Progressing),
        (Kustomization, "ArtifactFailed", "kustomization path not found: stat /tmp/x: no such file", Failed),
        (Kustomization, "BuildFailed", "", Failed),
        (HelmRelease, "InstallFailed", "", Failed),
        (HelmRelease, "ArtifactFailed", "Could not load chart: no Chart.yaml", Failed),
        (
            HelmRelease,
            "SourceNotReady",
            "HelmChart 'a/b' is not ready: does not have an artifact",
            Progressing,
        ),
        (HelmRelease, "SourceNotReady", "HelmChart 'a/b' is not ready: no chart version found", Failed),
        (GitRepository, "GitOperationFailed", "repository not found", Failed),
    ];
    for (kind, reason, message, expected) in table {
        let ready = json!({"status": "False", "reason": reason, "message": message});
        let status = status(2, ready, json!({"status": "True", "reason": "ProgressingWithRetry"}));
        assert_eq!(state(kind, json!({}), status).phase, expected, "{kind:?} {reason} {message}");
    }
}

#[test]
fn a_registry_of_charts_is_ready_as_it_is() {
    let oci = || json!({"type": "oci", "url": "oci://e.com/charts"});
    assert_eq!(state(FluxKind::HelmRepository, oci(), Value::Null).phase, Phase::Ready);
    let index = json!({"type": "default", "url": "https://e.com"});
    assert_eq!(state(FluxKind::HelmRepository, index, Value::Null).phase, Phase::Progressing);
    assert_eq!(state(FluxKind::Bucket, oci(), Value::Null).phase, Phase::Progressing);
}
