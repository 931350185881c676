//! What holds for every rollout that the API's types can hold.

use std::collections::BTreeSet;

use fleetgate_api::rollout::Rollout;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::test_fixtures::{release, try_objects};
use super::{MemberKind, MemberObject, Step, objects};
use crate::Provider;

/// Texts as users write them, and as they do not.
fn text() -> BoxedStrategy<Value> {
    prop_oneof!["[a-z0-9.*/-]{0,12}", "\\PC{0,6}", Just(String::new())].prop_map(Value::from).boxed()
}

fn int() -> BoxedStrategy<Value> {
    prop_oneof![-2..120_i32, any::<i32>()].prop_map(Value::from).boxed()
}

fn float() -> BoxedStrategy<Value> {
    prop_oneof![(-2..120_i32).prop_map(f64::from), any::<f64>()].prop_map(Value::from).boxed()
}

fn flag() -> BoxedStrategy<Value> {
    any::<bool>().prop_map(Value::from).boxed()
}

fn list(item: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop::collection::vec(item, 0..3).prop_map(Value::from).boxed()
}

fn map(value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let entries = prop::collection::btree_map("[a-z.-]{1,6}|cookie", value, 0..3);
    entries.prop_map(|entries| Value::Object(entries.into_iter().collect())).boxed()
}

/// An object of those fields, any of which may be absent.
fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let fields: Vec<_> =
        fields.into_iter().map(|(name, value)| (Just(name), prop::option::of(value))).collect();
    fields
        .prop_map(|fields| {
            let set = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            Value::Object(set.collect())
        })
        .boxed()
}

/// An object with one more field, which is always there.
fn with(
    fields: BoxedStrategy<Value>,
    name: &'static str,
    value: BoxedStrategy<Value>,
) -> BoxedStrategy<Value> {
    (fields, value)
        .prop_map(move |(mut fields, value)| {
            fields[name] = value;
            fields
        })
        .boxed()
}

fn string_match() -> BoxedStrategy<Value> {
    object(vec![("exact", text()), ("prefix", text()), ("suffix", text()), ("regex", text())])
}

fn http_match() -> BoxedStrategy<Value> {
    let mut fields = vec![
        ("headers", map(string_match())),
        ("queryParams", map(string_match())),
        ("sourceLabels", map(text())),
        ("name", text()),
        ("ignoreUriCase", flag()),
    ];
    // Rarely: each of these keeps a match from being passed on.
    fields.push(("gateways", list(text())));
    prop_oneof![
        3 => object(fields),
        1 => object(vec![("uri", string_match()), ("method", string_match()), ("port", int())]),
    ]
    .boxed()
}

fn routing() -> BoxedStrategy<Value> {
    let operations = || object(vec![("add", map(text())), ("remove", list(text())), ("set", map(text()))]);
    let reference = || with(object(vec![("apiVersion", text())]), "name", text());
    let strategy = vec![
        ("maxWeight", int()),
        ("stepWeight", int()),
        ("stepWeights", list(int())),
        ("stepWeightPromotion", int()),
    ];
    object(vec![
        ("timeoutSeconds", int()),
        ("gateways", list(text())),
        ("hosts", list(text())),
        ("host", text()),
        ("protocol", text()),
        ("ingressRef", reference()),
        ("routeRef", reference()),
        ("retries", object(vec![("attempts", int()), ("perTryTimeout", text())])),
        ("headers", object(vec![("request", operations()), ("response", operations())])),
        ("corsPolicy", object(vec![("allowOrigins", list(string_match())), ("maxAge", text())])),
        ("canaryStrategy", object(strategy)),
        ("analysisTimes", int()),
        ("match", list(http_match())),
    ])
}

fn analysis() -> BoxedStrategy<Value> {
    let provider = vec![("type", text()), ("address", text()), ("secretRef", object(vec![("name", text())]))];
    let custom = object(vec![("provider", object(provider)), ("query", text())]);
    let name = prop_oneof!["request-duration", "[ab]", "\\PC{0,3}"].prop_map(Value::from).boxed();
    let metric = vec![
        ("intervalSeconds", int()),
        ("thresholdRange", object(vec![("min", float()), ("max", float())])),
        ("customMetric", custom),
    ];
    let fields = object(vec![
        ("checkIntervalSeconds", int()),
        ("metrics", list(with(object(metric), "name", name))),
        ("webhooks", object(vec![("timeoutSeconds", int()), ("command", list(text()))])),
        ("sessionAffinity", object(vec![("cookieName", text()), ("maxAge", int())])),
    ]);
    with(fields, "checkFailedTimes", int())
}

fn rollouts() -> impl Strategy<Value = Rollout> {
    let known = prop::sample::select(&Provider::ALL[..]).prop_map(|provider| json!(provider.as_str()));
    let provider = prop_oneof![9 => known, 1 => text()].boxed();
    let label = || "[a-z]([a-z0-9-]{0,20}[a-z0-9])?".prop_map(Value::from);
    let name = || prop_oneof![9 => label(), 1 => text()].boxed();
    let namespace = object(vec![("namespace", name()), ("kind", text()), ("apiVersion", text())]);
    let metadata = || object(vec![("labels", map(text())), ("annotations", map(text()))]);
    let policy = object(vec![
        ("trafficRouting", routing()),
        ("trafficAnalysis", analysis()),
        ("rolloutTimeoutSeconds", int()),
        ("skipTrafficAnalysis", flag()),
    ]);
    let optional = object(vec![("testLoader", flag()), ("primary", metadata()), ("preview", metadata())]);
    let required = (provider, with(namespace, "name", name()), name(), int(), policy);
    (optional, required).prop_map(|(mut rollout, (provider, workload, service, port, policy))| {
        rollout["trafficRoutingProvider"] = provider;
        rollout["workload"] = workload;
        rollout["serviceName"] = service;
        rollout["port"] = port;
        rollout["rolloutPolicy"] = policy;
        serde_json::from_value(rollout).expect("a Rollout")
    })
}

/// How many conditions a match has, wherever it is written.
fn conditions(item: &Value) -> usize {
    let maps = ["headers", "queryParams", "sourceLabels"].into_iter();
    maps.filter_map(|field| item.get(field)?.as_object()).map(serde_json::Map::len).sum()
}

/// Asks for the origin of everything below `path`.
fn ask<'a>(object: &MemberObject, value: &'a Value, path: &mut Vec<Step<'a>>) {
    assert!(!object.origin(path).starts_with('.'));
    let below: Vec<(Step<'a>, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (Step::Field(key), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (Step::Index(index), item)).collect()
        }
        _ => Vec::new(),
    };
    for (step, value) in below {
        path.push(step);
        ask(object, value, path);
        path.pop();
    }
}

proptest! {
    #[test]
    fn a_rollout_always_renders_the_same(rollout in rollouts()) {
        let once = try_objects(&rollout);
        prop_assert_eq!(&once, &objects(&release(&rollout.clone())));
        for object in once.unwrap_or_default() {
            let rendered = serde_json::to_value(object.render()).expect("it serialises");
            ask(&object, &rendered, &mut Vec::new());
        }
    }

    #[test]
    fn no_two_objects_have_one_name(rollout in rollouts()) {
        let mut seen = BTreeSet::new();
        for object in try_objects(&rollout).unwrap_or_default() {
            prop_assert!(seen.insert((object.kind, object.name.clone())), "{:?} {}", object.kind, object.name);
        }
    }

    #[test]
    fn names_are_legal_where_their_parts_are(rollout in rollouts()) {
        let legal = |name: &str| {
            let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            name.len() <= 63 && name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.ends_with(|c: char| c != '-') && name.chars().all(inner)
        };
        let parts = [&rollout.workload.name, &rollout.service_name];
        prop_assume!(parts.iter().all(|part| legal(part)));
        for object in try_objects(&rollout).unwrap_or_default() {
            // A template's name is the metric's own, a Namespace's the workload's.
            if !matches!(object.kind, MemberKind::MetricTemplate | MemberKind::Namespace) {
                prop_assert!(legal(&object.name), "{}", object.name);
            }
        }
    }

    #[test]
    fn a_canary_always_has_what_flaggers_schema_requires(rollout in rollouts()) {
        let objects = try_objects(&rollout).unwrap_or_default();
        for canary in objects.iter().filter(|object| object.kind == MemberKind::Canary) {
            let analysis = &canary.body["spec"]["analysis"];
            prop_assert!(analysis["interval"].is_string() && analysis["threshold"].is_number());
            let strategies = ["iterations", "stepWeight", "stepWeights"];
            prop_assert!(strategies.iter().any(|field| analysis.get(field).is_some()), "{analysis}");
            prop_assert!(canary.body["spec"]["service"]["port"].is_number());
        }
    }

    #[test]
    fn no_match_loses_a_condition(rollout in rollouts()) {
        let asked = serde_json::to_value(&rollout).expect("it serialises");
        let asked = &asked["rolloutPolicy"]["trafficRouting"]["match"];
        for canary in try_objects(&rollout).unwrap_or_default() {
            let carried = canary.body.get("spec").and_then(|spec| spec["analysis"]["match"].as_array());
            for (item, place) in carried.into_iter().flatten().zip(&canary.items) {
                prop_assert!(conditions(item) > 0, "{item} takes in everything");
                prop_assert_eq!(conditions(item), conditions(&asked[*place]));
                prop_assert!(asked[*place].get("uri").is_none());
            }
        }
    }
}
