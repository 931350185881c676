//! Policies: kustomizations and Helm releases, as far as the source allows.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::source::SourceKind;
use crate::{destination, interval, object, reference, rollout, texts};

/// A policy at that place. With a default destination it may have its own;
/// without one it has none, so that all go to the host.
pub(crate) fn policy(source: SourceKind, index: usize, is_placed: bool) -> BoxedStrategy<Value> {
    let content = match source {
        SourceKind::Helm => helm(source, index).boxed(),
        _ => prop_oneof![3 => kustomization(index), 1 => helm(source, index)].boxed(),
    };
    let own_destination =
        if is_placed { prop::option::of(destination()).boxed() } else { Just(None).boxed() };
    let name = prop::option::of(Just(format!("policy-{index}")));
    (name, own_destination, content, prop::option::weighted(0.5, rollout::rollout(index)))
        .prop_map(|(name, destination, content, rollout)| {
            let (kind, content) = content;
            object([
                ("name", name.map(Value::from)),
                ("destination", destination),
                (kind, Some(content)),
                ("rollout", rollout),
            ])
        })
        .boxed()
}

fn kustomization(index: usize) -> impl Strategy<Value = (&'static str, Value)> {
    let patch = prop_oneof![
        Just(
            json!({"patch": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n"})
        ),
        Just(json!({
            "patch": "- op: replace\n  path: /spec/replicas\n  value: 2\n",
            "target": {"kind": "Deployment", "name": "web"},
        })),
    ];
    let health_check =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "webapp"});
    let substitute = prop::collection::btree_map("[_A-Za-z][_A-Za-z0-9]{0,8}", "[a-z0-9]{0,8}", 0..3);
    let first = (
        interval(),
        any::<bool>(),
        prop::option::of(interval()),
        prop::option::of(interval()),
        prop::option::of("[a-z]{1,10}"),
        prop::option::of(any::<bool>()),
    );
    let second = (
        prop::option::of(prop::collection::vec(patch, 0..3)),
        prop::option::of(Just(json!([health_check]))),
        prop::option::of(substitute.prop_map(|values| json!({ "substitute": values }))),
        prop::option::of((texts(), texts()).prop_map(|(labels, annotations)| {
            let labels = json!(labels);
            json!({"labels": labels, "annotations": annotations})
        })),
        prop::option::of(reference().prop_map(|secret| json!({"provider": "sops", "secretRef": secret}))),
    );
    (first, second).prop_map(move |(first, second)| {
        let (interval, prune, timeout, retry, namespace, wait) = first;
        let (patches, checks, post_build, metadata, decryption) = second;
        let kustomization = object([
            ("interval", Some(interval)),
            // Two policies of one path would fight over the same objects.
            ("path", Some(json!(format!("./deploy/part-{index}")))),
            ("prune", Some(prune.into())),
            ("timeout", timeout),
            ("retryInterval", retry),
            ("targetNamespace", namespace.map(Value::from)),
            ("wait", wait.map(Value::from)),
            ("patches", patches.map(Value::from)),
            ("healthChecks", checks),
            ("postBuild", post_build),
            ("commonMetadata", metadata),
            ("decryption", decryption),
        ]);
        ("kustomization", kustomization)
    })
}

fn helm(source: SourceKind, index: usize) -> impl Strategy<Value = (&'static str, Value)> {
    let is_chart_itself = source == SourceKind::Oci;
    let version = prop_oneof![Just("6.5.0"), Just(">=6.0.0 <7"), Just("*"), Just("~1.2")];
    let values_from = prop_oneof![
        "[a-z]{1,10}".prop_map(|name| json!({"kind": "ConfigMap", "name": name})),
        "[a-z]{1,10}".prop_map(|name| json!({"kind": "Secret", "name": name, "optional": true})),
    ];
    (
        interval(),
        prop::option::of(version),
        prop::option::of("[a-z]([-a-z0-9]{0,20}[a-z0-9])?"),
        prop::option::of("[a-z]{1,10}"),
        prop::option::of(Just(json!({"replicaCount": 2, "ingress": {"enabled": true}}))),
        prop::option::of(prop::collection::vec(values_from, 0..3)),
        prop::option::of(Just(json!({"createNamespace": true, "remediation": {"retries": 3}}))),
        prop::option::of(interval()),
        prop::option::of(0..20_i32),
    )
        .prop_map(move |fields| {
            let (interval, version, release, namespace, values, from, install, timeout, history) = fields;
            let chart = object([
                ("chart", Some(json!(format!("chart-{index}")))),
                ("version", version.map(Value::from)),
            ]);
            let helm = object([
                ("interval", Some(interval)),
                ("chart", (!is_chart_itself).then(|| json!({ "spec": chart }))),
                ("releaseName", release.map(|name| json!(format!("{name}-{index}")))),
                ("targetNamespace", namespace.map(Value::from)),
                ("values", values),
                ("valuesFrom", from.map(Value::from)),
                ("install", install),
                ("timeout", timeout),
                ("maxHistory", history.map(Value::from)),
            ]);
            ("helm", helm)
        })
}
