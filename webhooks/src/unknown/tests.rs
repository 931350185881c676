use super::*;
use serde_json::json;

#[test]
fn unknown_fields_get_the_nearest_name_or_their_place() {
    let object = json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "metadata": {"name": "shop", "labls": {}},
        "syncPolicies": [],
        "spec": {
            "source": {"gitRepository": {"ulr": "https://e.com", "zebra": 1}},
            "syncPolicies": [{"helm": {"values": {"any": {"thing": 1}}}, "kustomization": {"branch": "main"}}],
        },
    });
    let texts: Vec<String> =
        unknown_fields(Kind::Application, &object).iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "metadata.labls: Forbidden: is not a field of this object; did you mean labels? [object/unknown-field]",
            "spec.source.gitRepository.ulr: Forbidden: is not a field of this object; did you mean url? [object/unknown-field]",
            "spec.source.gitRepository.zebra: Forbidden: is not a field of this object [object/unknown-field]",
            "spec.syncPolicies[0].kustomization.branch: Forbidden: is not a field of this object; it belongs at spec.source.gitRepository.ref.branch [object/unknown-field]",
            "syncPolicies: Forbidden: is not a field of this object; it belongs at spec.syncPolicies [object/unknown-field]",
        ]
    );
}

#[test]
fn a_plugin_has_its_place() {
    let object = json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": "f"},
        "grafana": {}, "spec": {"flagger": {}, "plugin": {"backup": {"any": 1}, "metrics": {}}},
    });
    let texts: Vec<String> = unknown_fields(Kind::Fleet, &object).iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "grafana: Forbidden: is not a field of this object; it belongs at spec.plugin.grafana [object/unknown-field]",
            "spec.flagger: Forbidden: is not a field of this object; it belongs at spec.plugin.flagger [object/unknown-field]",
            "spec.plugin.metrics: Forbidden: is not a field of this object; did you mean metric? [object/unknown-field]",
        ]
    );
}

fn application(spec: Value) -> Vec<String> {
    let object = json!({"apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "metadata": {"name": "shop"}, "spec": spec});
    hints(Kind::Application, &object)
}

/// Every unknown field with its hint.
fn hints(kind: Kind, object: &Value) -> Vec<String> {
    let findings = unknown_fields(kind, object);
    let line = |finding: &Finding| format!("{}: {}", finding.path, finding.hint.as_deref().unwrap_or("-"));
    findings.iter().map(line).collect()
}

#[test]
fn a_field_in_the_wrong_place_is_led_to_the_nearest_one() {
    let of_policy = |policy: Value| json!({"syncPolicies": [{"name": "web"}, policy]});
    let of_git = |git: Value| json!({"source": {"gitRepository": git}});
    let table = [
        (json!({"fleet": "f"}), "spec.fleet: it belongs at spec.destination.fleet"),
        (json!({"interval": "5m"}), "spec.interval: -"),
        (
            json!({"interval": "5m", "source": {"gitRepository": {}}}),
            "spec.interval: it belongs at spec.source.gitRepository.interval",
        ),
        (
            of_policy(json!({"clusterSelector": {}})),
            "spec.syncPolicies[1].clusterSelector: it belongs at spec.syncPolicies[1].destination.clusterSelector",
        ),
        (
            of_policy(json!({"interval": "5m", "kustomization": {}})),
            "spec.syncPolicies[1].interval: it belongs at spec.syncPolicies[1].kustomization.interval",
        ),
        (
            of_policy(json!({"interval": "5m", "helm": {}})),
            "spec.syncPolicies[1].interval: it belongs at spec.syncPolicies[1].helm.interval",
        ),
        (of_policy(json!({"interval": "5m"})), "spec.syncPolicies[1].interval: -"),
        (
            of_policy(json!({"helm": {"fleet": "f"}})),
            "spec.syncPolicies[1].helm.fleet: it belongs at spec.syncPolicies[1].destination.fleet",
        ),
        (
            of_git(json!({"tag": "v1"})),
            "spec.source.gitRepository.tag: it belongs at spec.source.gitRepository.ref.tag",
        ),
        (of_git(json!({"name": "web"})), "spec.source.gitRepository.name: -"),
        (of_policy(json!({"kustomize": {}})), "spec.syncPolicies[1].kustomize: did you mean kustomization?"),
        (json!({"syncPolicys": []}), "spec.syncPolicys: did you mean syncPolicies?"),
        (json!({"source": {"gitRepositroy": {}}}), "spec.source.gitRepositroy: did you mean gitRepository?"),
        (
            of_policy(json!({"kustomization": {"patchesStrategicMerge": []}})),
            "spec.syncPolicies[1].kustomization.patchesStrategicMerge: did you mean patches?",
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(application(spec), [expected]);
    }
    let object = json!({"metadata": {"name": "shop"}, "syncPolicy": [], "name": "shop"});
    assert_eq!(
        hints(Kind::Application, &object),
        ["name: it belongs at metadata.name", "syncPolicy: it belongs at spec.syncPolicies"]
    );
}

#[test]
fn what_fleetgate_fills_is_left_out() {
    let spec = json!({"syncPolicies": [
        {"kustomization": {"sourceRef": {}, "kubeConfig": {}}},
        {"helm": {"chartRef": {}, "kubeConfig": {}, "chart": {"spec": {"sourceRef": {}}}}},
    ]});
    assert_eq!(
        application(spec),
        [
            "spec.syncPolicies[0].kustomization.kubeConfig: leave it out: Fleetgate fills it, from each cluster of the destination",
            "spec.syncPolicies[0].kustomization.sourceRef: leave it out: Fleetgate fills it, from spec.source",
            "spec.syncPolicies[1].helm.chart.spec.sourceRef: leave it out: Fleetgate fills it, from spec.source",
            "spec.syncPolicies[1].helm.chartRef: leave it out: Fleetgate fills it, from spec.source",
            "spec.syncPolicies[1].helm.kubeConfig: leave it out: Fleetgate fills it, from each cluster of the destination",
        ]
    );
}

#[test]
fn a_label_by_itself_is_led_to_the_labels() {
    assert_eq!(
        application(json!({"destination": {"fleet": "f", "clusterSelector": {"env": "test"}}})),
        [
            "spec.destination.clusterSelector.env: labels belong at spec.destination.clusterSelector.matchLabels"
        ]
    );
    assert_eq!(
        application(
            json!({"destination": {"fleet": "f", "clusterSelector": {"matchLabel": {"env": "test"}}}})
        ),
        ["spec.destination.clusterSelector.matchLabel: did you mean matchLabels?"]
    );
}

#[test]
fn nothing_of_a_spec_is_led_to_the_metadata() {
    let fleet = json!({"spec": {"clusters": [{"name": "m1", "labels": {}}]}});
    assert_eq!(hints(Kind::Fleet, &fleet), ["spec.clusters[0].labels: -"]);
    let cluster = json!({"spec": {"kubeconfig": {"name": "m1", "namespace": "web"}}});
    assert_eq!(hints(Kind::AttachedCluster, &cluster), ["spec.kubeconfig.namespace: -"]);
}
