//! A policy that applies a folder of the source, by a Flux Kustomization.

use fleetgate_api::Kustomization;
use serde_json::{Map, Value, json};

use super::to_map;
use crate::FluxKind;

/// The spec of its Kustomizations, from the source of that kind and name.
/// `None` for a Helm repository, which has charts and no folders; admission
/// refuses that (`source/policy-mismatch`).
pub(super) fn spec(
    kustomization: &Kustomization,
    source: FluxKind,
    name: &str,
) -> Option<Map<String, Value>> {
    if source == FluxKind::HelmRepository {
        return None;
    }
    let mut spec = to_map(kustomization);
    spec.insert("sourceRef".into(), json!({"kind": source.kind(), "name": name}));
    Some(spec)
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{rendered, source, two_clusters};
    use serde_json::{Value, json};

    #[test]
    fn a_folder_of_every_source_that_has_folders() {
        let table = [
            ("gitRepository", json!({"kind": "GitRepository", "name": "shop"})),
            ("ociRepository", json!({"kind": "OCIRepository", "name": "shop"})),
            ("bucket", json!({"kind": "Bucket", "name": "shop"})),
            ("helmRepository", Value::Null),
        ];
        for (field, expected) in table {
            let kustomization = json!({"interval": "5m", "path": "./deploy", "prune": true});
            let policies = json!([{"name": "web", "destination": {"fleet": "quickstart"}, "kustomization": kustomization}]);
            let objects =
                rendered(json!({"source": source(field), "syncPolicies": policies}), &two_clusters());
            if expected.is_null() {
                assert_eq!(objects.len(), 1, "{field}: {objects:?}");
                continue;
            }
            assert_eq!(objects.len(), 3, "{field}");
            assert_eq!(objects[2]["metadata"]["name"], "web-attachedcluster-m2");
            assert_eq!(
                objects[2]["spec"],
                json!({
                    "interval": "5m", "path": "./deploy", "prune": true, "sourceRef": expected,
                    "kubeConfig": {"secretRef": {"name": "m2", "key": "value"}},
                }),
                "{field}"
            );
        }
    }

    #[test]
    fn all_of_fluxs_fields_are_passed_on() {
        let kustomization = json!({
            "interval": "5m", "prune": true, "suspend": true, "wait": true, "serviceAccountName": "deployer",
            "retryInterval": "1m", "timeout": "2m", "force": false, "targetNamespace": "web", "components": ["../c"],
            "decryption": {"provider": "sops", "secretRef": {"name": "keys"}},
            "healthChecks": [{"kind": "Deployment", "name": "web", "namespace": "web"}],
            "healthCheckExprs": [{"apiVersion": "a/v1", "kind": "A", "current": "true"}],
            "images": [{"name": "web", "newTag": "2"}], "patches": [{"patch": "p", "target": {"kind": "Deployment"}}],
            "commonMetadata": {"labels": {"a": "b"}}, "deletionPolicy": "Orphan", "buildMetadata": ["originAnnotations"],
        });
        let mut expected = kustomization.clone();
        expected["sourceRef"] = json!({"kind": "GitRepository", "name": "shop"});
        let spec =
            json!({"source": source("gitRepository"), "syncPolicies": [{"kustomization": kustomization}]});
        assert_eq!(rendered(spec, &two_clusters())[1]["spec"], expected);
    }
}
