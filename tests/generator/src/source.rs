//! Sources of every kind.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{interval, object, reference, short_timeout};

/// Which kind of source an Application has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    Git,
    Helm,
    Oci,
    Bucket,
}

pub(crate) fn source() -> impl Strategy<Value = (SourceKind, Value)> {
    prop_oneof![
        git().prop_map(|git| (SourceKind::Git, json!({ "gitRepository": git }))),
        helm().prop_map(|helm| (SourceKind::Helm, json!({ "helmRepository": helm }))),
        oci().prop_map(|oci| (SourceKind::Oci, json!({ "ociRepository": oci }))),
        bucket().prop_map(|bucket| (SourceKind::Bucket, json!({ "bucket": bucket }))),
    ]
}

fn git() -> impl Strategy<Value = Value> {
    // Nothing is fetched by SSH without a key.
    let place = prop_oneof![
        (Just("https://github.com/org/repo"), prop::option::of(reference())),
        (Just("http://git.example.com:8080/repo.git"), prop::option::of(reference())),
        (Just("ssh://git@github.com/org/repo"), reference().prop_map(Some)),
    ];
    let reference_in_git = prop_oneof![
        Just(json!({"branch": "main"})),
        Just(json!({"branch": "feature/a-b_c"})),
        Just(json!({"tag": "v1.2.3"})),
        Just(json!({"semver": ">=1.0.0 <2.0.0 || 3.x"})),
        Just(json!({"name": "refs/heads/main"})),
        "[0-9a-f]{40}".prop_map(|commit| json!({"branch": "main", "commit": commit})),
    ];
    (
        place,
        interval(),
        prop::option::of(reference_in_git),
        prop::option::of(short_timeout()),
        prop::option::of(any::<bool>()),
        prop::option::of(Just("/*\n!/deploy\n")),
    )
        .prop_map(|((url, secret), interval, git_ref, timeout, submodules, ignore)| {
            object([
                ("url", Some(json!(url))),
                ("interval", Some(interval)),
                ("ref", git_ref),
                ("timeout", timeout),
                ("secretRef", secret),
                ("recurseSubmodules", submodules.map(Value::from)),
                ("ignore", ignore.map(Value::from)),
            ])
        })
}

fn helm() -> impl Strategy<Value = Value> {
    let place = prop_oneof![
        Just(("https://charts.example.com/stable", None)),
        Just(("http://charts.example.com:8080", Some("default"))),
        Just(("oci://ghcr.io/org/charts", Some("oci"))),
        Just(("oci://ghcr.io/org/charts", None)),
    ];
    (
        place,
        prop::option::of(interval()),
        prop::option::of(short_timeout()),
        prop::option::of(reference()),
        prop::option::of(any::<bool>()),
    )
        .prop_map(|((url, r#type), interval, timeout, secret, pass_credentials)| {
            object([
                ("url", Some(json!(url))),
                ("type", r#type.map(Value::from)),
                ("interval", interval),
                ("timeout", timeout),
                ("secretRef", secret),
                ("passCredentials", pass_credentials.map(Value::from)),
            ])
        })
}

fn oci() -> impl Strategy<Value = Value> {
    let reference_in_registry = prop_oneof![
        Just(json!({"tag": "latest"})),
        Just(json!({"semver": "~1.2 || ^2"})),
        "[0-9a-f]{64}".prop_map(|digest| json!({"digest": format!("sha256:{digest}")})),
    ];
    let provider = prop_oneof![Just("generic"), Just("aws"), Just("azure"), Just("gcp")];
    (
        prop_oneof![Just("oci://ghcr.io/org/manifests"), Just("oci://registry.example.com:5000/a/b")],
        interval(),
        prop::option::of(reference_in_registry),
        prop::option::of(short_timeout()),
        prop::option::of(provider),
        prop::option::of(reference()),
    )
        .prop_map(|(url, interval, oci_ref, timeout, provider, secret)| {
            object([
                ("url", Some(json!(url))),
                ("interval", Some(interval)),
                ("ref", oci_ref),
                ("timeout", timeout),
                ("provider", provider.map(Value::from)),
                ("secretRef", secret),
            ])
        })
}

fn bucket() -> impl Strategy<Value = Value> {
    let provider = prop_oneof![Just("generic"), Just("aws"), Just("gcp")];
    (
        "[a-z][a-z0-9]{2,20}",
        prop_oneof![Just("s3.amazonaws.com"), Just("minio.example.com:9000")],
        interval(),
        prop::option::of(provider),
        prop::option::of(Just("eu-west-1")),
        prop::option::of(short_timeout()),
        prop::option::of(reference()),
    )
        .prop_map(|(name, endpoint, interval, provider, region, timeout, secret)| {
            object([
                ("bucketName", Some(json!(name))),
                ("endpoint", Some(json!(endpoint))),
                ("interval", Some(interval)),
                ("provider", provider.map(Value::from)),
                ("region", region.map(Value::from)),
                ("timeout", timeout),
                ("secretRef", secret),
            ])
        })
}
