//! Valid Applications for property tests, and mutations that break one thing
//! at a time.
//!
//! ```text
//! application() ─▶ a valid Application ─┬─▶ admitted, and what it becomes is accepted by the API server
//!                                       └─▶ mutation ─▶ refused, with the code of the mutation
//! ```
//!
//! **Invariant**: what is generated is valid against [`fleet`] and [`clusters`].
//! The generator knows the API's documentation and nothing of the rules, so
//! that it can tell when a rule refuses too much.

mod mutation;
mod policy;
mod rollout;
mod source;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

pub use self::mutation::{MUTATIONS, Mutation};

/// The namespace of everything that is generated.
pub const NAMESPACE: &str = "default";
/// The Fleet that is named.
pub const FLEET: &str = "quickstart";

/// The clusters of [`fleet`], by name and the value of their label `env`.
const CLUSTERS: [(&str, &str); 3] = [("m1", "test"), ("m2", "dev"), ("m3", "dev")];

/// The Fleet that generated Applications name.
#[must_use]
pub fn fleet() -> Value {
    let clusters: Vec<Value> =
        CLUSTERS.iter().map(|(name, _)| json!({"kind": "AttachedCluster", "name": name})).collect();
    json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": FLEET, "namespace": NAMESPACE}, "spec": {"clusters": clusters},
    })
}

/// The clusters of that Fleet.
#[must_use]
pub fn clusters() -> Vec<Value> {
    let cluster = |(name, env): &(&str, &str)| {
        json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"env": env}},
            "spec": {"kubeconfig": {"name": name, "key": "value"}},
        })
    };
    CLUSTERS.iter().map(cluster).collect()
}

/// Valid Applications: every source, policy kind and rollout provider.
pub fn application() -> impl Strategy<Value = Value> {
    (source::source(), prop::option::of(destination()), 1_usize..4).prop_flat_map(
        |((kind, source), destination, policies)| {
            let policies: Vec<_> =
                (0..policies).map(|index| policy::policy(kind, index, destination.is_some())).collect();
            (name(), Just(source), Just(destination), policies).prop_map(
                |(name, source, destination, policies)| {
                    let spec = object([
                        ("source", Some(source)),
                        ("destination", destination),
                        ("syncPolicies", Some(Value::Array(policies))),
                    ]);
                    json!({
                        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
                        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec,
                    })
                },
            )
        },
    )
}

fn name() -> impl Strategy<Value = String> {
    "[a-z]([-a-z0-9]{0,20}[a-z0-9])?"
}

fn destination() -> impl Strategy<Value = Value> {
    let selector = prop_oneof![
        Just(json!({"matchLabels": {"env": "dev"}})),
        Just(json!({"matchExpressions": [{"key": "env", "operator": "In", "values": ["test", "dev"]}]})),
        Just(json!({"matchExpressions": [{"key": "env", "operator": "Exists"}]})),
        Just(
            json!({"matchLabels": {"env": "test"}, "matchExpressions": [{"key": "gone", "operator": "DoesNotExist"}]})
        ),
    ];
    prop::option::of(selector)
        .prop_map(|selector| object([("fleet", Some(json!(FLEET))), ("clusterSelector", selector)]))
}

/// An interval that is worth having.
fn interval() -> impl Strategy<Value = Value> {
    prop_oneof!["[1-9][0-9]{0,2}m", "[1-9][0-9]s", "[1-9]h", "[1-9]m[1-5]?[0-9]s", Just("1h30m".to_owned())]
        .prop_map(Value::from)
}

/// A timeout as sources take it, without hours.
fn short_timeout() -> impl Strategy<Value = Value> {
    prop_oneof!["[1-9][0-9]{0,2}s", "[1-9]m", "[1-9]m[1-5]?[0-9]s", "[1-9][0-9]{3}ms"].prop_map(Value::from)
}

/// A reference to an object by name.
fn reference() -> impl Strategy<Value = Value> {
    "[a-z][-a-z0-9]{0,10}[a-z0-9]".prop_map(|name| json!({ "name": name }))
}

/// Labels or annotations.
fn texts() -> impl Strategy<Value = Value> {
    let key = prop_oneof!["[a-z]([-a-z0-9]{0,8}[a-z0-9])?", "example\\.com/[a-z]{1,8}"];
    prop::collection::btree_map(key, "[a-zA-Z0-9]{0,12}", 0..3).prop_map(|map| json!(map))
}

/// The object of those fields that are there.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(fields.collect::<Map<_, _>>())
}
