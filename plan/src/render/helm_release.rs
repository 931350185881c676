//! A policy that installs a chart of the source, by a Flux HelmRelease.

use fleetgate_api::Helm;
use fleetgate_api::names::LABEL_SHARD;
use serde_json::{Map, Value, json};

use super::to_map;
use crate::{FluxKind, Owner};

/// The spec of each HelmRelease. An OCI artifact is the chart, and is referred
/// to as a whole (`chartRef`); in any other source the chart is named: by its
/// name in a Helm repository, by its path in a Git repository or a bucket.
pub(super) fn spec(helm: &Helm, source: FluxKind, owner: &Owner) -> Map<String, Value> {
    let mut spec = to_map(helm);
    let reference = json!({"kind": source.kind(), "name": owner.name});
    if source == FluxKind::OciRepository {
        spec.remove("chart");
        spec.insert("chartRef".into(), reference);
        return spec;
    }
    within(&mut spec, "chart", |chart| {
        within(chart, "spec", |spec| drop(spec.insert("sourceRef".into(), reference)));
        // Flux labels the HelmChart that it makes of this by what stands here alone.
        if let Some(shard) = &owner.shard {
            within(chart, "metadata", |metadata| {
                within(metadata, "labels", |labels| {
                    labels.entry(LABEL_SHARD).or_insert_with(|| json!(shard));
                });
            });
        }
    });
    spec
}

/// Changes the object at `field`, which is made if there is none.
fn within(parent: &mut Map<String, Value>, field: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut object = match parent.remove(field) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    change(&mut object);
    parent.insert(field.to_owned(), Value::Object(object));
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{rendered, rendered_with, source, two_clusters};
    use serde_json::{Value, json};

    /// The objects for the clusters of the Fleet.
    fn releases(field: &str, helm: Value) -> Vec<Value> {
        let policies = json!([{"name": "web", "destination": {"fleet": "quickstart"}, "helm": helm}]);
        let mut objects =
            rendered(json!({"source": source(field), "syncPolicies": policies}), &two_clusters());
        objects.remove(0);
        objects
    }

    #[test]
    fn a_chart_of_every_source() {
        let helm = |chart: &str| json!({"interval": "5m", "chart": {"spec": {"chart": chart, "version": "6.x"}}, "values": {"a": 1}});
        let named = |kind: &str, chart: &str| json!({"chart": {"spec": {"chart": chart, "version": "6.x", "sourceRef": {"kind": kind, "name": "shop"}}}});
        let whole = json!({"chartRef": {"kind": "OCIRepository", "name": "shop"}});
        let table = [
            ("helmRepository", helm("podinfo"), named("HelmRepository", "podinfo")),
            ("gitRepository", helm("./charts/podinfo"), named("GitRepository", "./charts/podinfo")),
            ("bucket", helm("charts/podinfo"), named("Bucket", "charts/podinfo")),
            ("ociRepository", json!({"interval": "5m", "values": {"a": 1}}), whole.clone()),
            (
                "ociRepository",
                json!({"interval": "5m", "values": {"a": 1}, "chart": {"spec": {"version": "6.x"}}}),
                whole,
            ),
        ];
        for (field, helm, chart) in table {
            let objects = releases(field, helm);
            assert_eq!(objects.len(), 2, "{field}");
            assert_eq!(objects[1]["apiVersion"], "helm.toolkit.fluxcd.io/v2");
            assert_eq!(objects[1]["kind"], "HelmRelease");
            assert_eq!(objects[1]["metadata"]["name"], "web-attachedcluster-m2");
            let mut expected = json!({
                "interval": "5m", "values": {"a": 1},
                "kubeConfig": {"secretRef": {"name": "m2", "key": "value"}},
            });
            for (key, value) in chart.as_object().expect("an object") {
                expected[key] = value.clone();
            }
            assert_eq!(objects[1]["spec"], expected, "{field}");
        }
    }

    #[test]
    fn all_of_fluxs_fields_are_passed_on() {
        let helm = json!({
            "interval": "5m", "releaseName": "r", "targetNamespace": "web", "storageNamespace": "web", "suspend": true,
            "serviceAccountName": "deployer", "timeout": "2m", "maxHistory": 3, "persistentClient": false,
            "install": {"createNamespace": true, "remediation": {"retries": 3}}, "upgrade": {"crds": "CreateReplace"},
            "rollback": {"force": true}, "uninstall": {"keepHistory": true}, "test": {"enable": true},
            "driftDetection": {"mode": "enabled", "ignore": [{"paths": ["/spec/replicas"]}]},
            "postRenderers": [{"kustomize": {"images": [{"name": "web", "newTag": "2"}]}}],
            "valuesFrom": [{"kind": "ConfigMap", "name": "v"}], "values": {"none": null, "list": [1]},
        });
        let mut expected = helm.clone();
        expected["chartRef"] = json!({"kind": "OCIRepository", "name": "shop"});
        let spec = json!({"source": source("ociRepository"), "syncPolicies": [{"helm": helm}]});
        assert_eq!(rendered(spec, &two_clusters())[1]["spec"], expected);
    }

    #[test]
    fn a_missing_chart_is_left_for_the_schema_to_find() {
        let object = &releases("helmRepository", json!({"interval": "5m"}))[0];
        assert_eq!(
            object["spec"]["chart"],
            json!({"spec": {"sourceRef": {"kind": "HelmRepository", "name": "shop"}}})
        );
    }

    #[test]
    fn a_shard_goes_along_to_the_chart_and_the_users_word_stands() {
        let chart = |labels: Value| json!({"interval": "5m", "chart": {"metadata": {"labels": labels}, "spec": {"chart": "c"}}});
        let table = [
            (json!({"a": "b"}), json!({"a": "b", "sharding.fluxcd.io/key": "s1"})),
            (json!({"sharding.fluxcd.io/key": "own"}), json!({"sharding.fluxcd.io/key": "own"})),
        ];
        for (labels, expected) in table {
            let spec = json!({"source": source("helmRepository"), "syncPolicies": [{"helm": chart(labels)}]});
            let sharded = json!({"sharding.fluxcd.io/key": "s1", "team": "a"});
            let objects = rendered_with(sharded, spec, &two_clusters());
            assert_eq!(objects[1]["spec"]["chart"]["metadata"]["labels"], expected);
            for object in &objects {
                assert_eq!(
                    object["metadata"]["labels"],
                    json!({"apps.kurator.dev/app-name": "shop", "sharding.fluxcd.io/key": "s1"})
                );
            }
        }
    }
}
