//! Every field that is rendered, and every field that a rollout has.

use std::collections::BTreeSet;

use fleetgate_api::rollout::Rollout;
use serde_json::{Value, json};

use super::*;
use crate::Provider;
use crate::flagger::test_fixtures::{find, rollout, try_objects};

/// A rollout with every field that the API has.
fn everything(provider: &str) -> Rollout {
    let metadata = json!({"labels": {"a": "b"}, "annotations": {"example.com/a": "b"}});
    let text = json!({"exact": "a"});
    let headers = json!({"add": {"a": "b"}, "remove": ["c"], "set": {"d": "e"}});
    let reference = json!({"apiVersion": "v9", "name": "route"});
    let custom = json!({
        "provider": {
            "type": "prometheus", "address": "http://p", "region": "eu", "secretRef": {"name": "s"},
            "insecureSkipVerify": true,
        },
        "query": "1",
    });
    let routing = json!({
        "timeoutSeconds": 1, "gateways": ["a/b"], "hosts": ["h"], "host": "h", "protocol": "http",
        "ingressRef": reference, "routeRef": reference,
        "retries": {"attempts": 1, "perTryTimeout": "1s", "retryOn": "5xx"},
        "headers": {"request": headers, "response": headers},
        "corsPolicy": {
            "allowOrigins": [text], "allowOrigin": ["a"], "allowMethods": ["GET"], "allowHeaders": ["a"],
            "exposeHeaders": ["a"], "allowCredentials": true, "maxAge": "1h",
        },
        "canaryStrategy": {"maxWeight": 1, "stepWeight": 1, "stepWeights": [1], "stepWeightPromotion": 1},
        "analysisTimes": 1,
        "match": [
            {"uri": text},
            {"headers": {"a": text}, "queryParams": {"a": text}, "sourceLabels": {"a": "b"}},
        ],
    });
    let analysis = json!({
        "checkIntervalSeconds": 1, "checkFailedTimes": 1,
        "metrics": [
            {"name": "request-duration", "intervalSeconds": 1, "thresholdRange": {"min": 1.5, "max": 2.5}},
            {"name": "mine", "intervalSeconds": 1, "thresholdRange": {"min": 1.5, "max": 2.5}, "customMetric": custom},
        ],
        "webhooks": {"timeoutSeconds": 1, "command": ["a"]},
        "sessionAffinity": {"cookieName": "c", "maxAge": 1},
    });
    rollout(
        provider,
        json!({
            "testLoader": true, "primary": metadata, "preview": metadata,
            "rolloutPolicy": {
                "trafficRouting": routing, "trafficAnalysis": analysis, "rolloutTimeoutSeconds": 1,
                "skipTrafficAnalysis": true, "revertOnDeletion": true, "suspend": true,
            },
        }),
    )
}

/// Calls `visit` with the path of every value that holds no other.
fn leaves<'a>(value: &'a Value, path: &mut Vec<Step<'a>>, visit: &mut impl FnMut(&[Step<'a>])) {
    let below: Vec<(Step<'a>, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (Step::Field(key), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (Step::Index(index), item)).collect()
        }
        _ => Vec::new(),
    };
    if below.is_empty() {
        visit(path);
    }
    for (step, value) in below {
        path.push(step);
        leaves(value, path, visit);
        path.pop();
    }
}

fn text(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        push(&mut text, *step);
    }
    text
}

/// The origins of everything that the provider's objects hold.
fn origins(rollout: &Rollout) -> BTreeSet<String> {
    let mut origins = BTreeSet::new();
    for object in try_objects(rollout).expect("it renders") {
        let rendered = serde_json::to_value(object.render()).expect("it serialises");
        for part in ["metadata", "spec"].iter().filter(|part| rendered.get(**part).is_some()) {
            let root = &mut vec![Step::Field(part)];
            leaves(&rendered[*part], root, &mut |path| {
                origins.insert(object.origin(path));
            });
        }
    }
    origins
}

#[test]
fn every_field_of_a_rollout_is_found_again() {
    // A match by path cannot be passed on, and texts to match are found as a whole.
    let left_out = "rolloutPolicy.trafficRouting.match[0].uri.exact";
    let wholes = ["match[1].headers.a", "match[1].queryParams.a", "allowOrigins[0]"];
    let mut found = BTreeSet::new();
    for provider in Provider::ALL {
        found.extend(origins(&everything(provider.as_str())));
    }
    let rollout = serde_json::to_value(everything("istio")).expect("it serialises");
    let mut lost = Vec::new();
    leaves(&rollout, &mut Vec::new(), &mut |path| {
        let leaf = text(path);
        let around = text(path.get(..path.len() - 1).unwrap_or_default());
        let whole = wholes.iter().any(|whole| around.ends_with(whole)) && found.contains(&around);
        if !found.contains(&leaf) && !whole && leaf != left_out {
            lost.push(leaf);
        }
    });
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn every_origin_is_a_field_of_the_rollout() {
    for provider in Provider::ALL {
        let rollout = everything(provider.as_str());
        let value = serde_json::to_value(&rollout).expect("it serialises");
        let mut fields = BTreeSet::from([String::new()]);
        leaves(&value, &mut Vec::new(), &mut |path| {
            fields.extend((1..=path.len()).map(|length| text(&path[..length])));
        });
        let unknown: Vec<_> = origins(&rollout).difference(&fields).cloned().collect();
        // What Kuma is told about the Service's port is no annotation that the user wrote.
        let kumas =
            ["preview", "primary"].map(|of| format!("{of}.annotations[9898.service.kuma.io/protocol]"));
        let expected = if provider == Provider::Kuma { kumas.to_vec() } else { Vec::new() };
        assert_eq!(unknown, expected, "{provider}");
    }
}

/// `spec/analysis/metrics/1` as steps.
fn steps(path: &str) -> Vec<Step<'_>> {
    let steps = path.split('/').filter(|step| !step.is_empty());
    steps.map(|step| step.parse().map_or(Step::Field(step), Step::Index)).collect()
}

#[test]
fn a_fault_leads_back_to_where_the_user_can_change_it() {
    let canary = find(&everything("istio"), MemberKind::Canary).remove(0);
    let table = [
        ("analysis/metrics/1/interval", "rolloutPolicy.trafficAnalysis.metrics[1].intervalSeconds"),
        (
            "analysis/metrics/0/thresholdRange/max",
            "rolloutPolicy.trafficAnalysis.metrics[0].thresholdRange.max",
        ),
        // The first match was left out.
        ("analysis/match/0/headers/x.y/regex", "rolloutPolicy.trafficRouting.match[1].headers[x.y]"),
        ("analysis/webhooks/2/metadata/cmd", "rolloutPolicy.trafficAnalysis.webhooks.command[2]"),
        ("analysis/stepWeights/3", "rolloutPolicy.trafficRouting.canaryStrategy.stepWeights[3]"),
        ("analysis", "rolloutPolicy.trafficAnalysis"),
        ("service/gatewayRefs/0/namespace", "rolloutPolicy.trafficRouting.gateways[0]"),
        ("service/retries/perTryTimeout", "rolloutPolicy.trafficRouting.retries.perTryTimeout"),
        ("service/primary/annotations/a.b", "primary.annotations[a.b]"),
        ("service/nowhere", ""),
        ("", ""),
    ];
    for (path, expected) in table {
        assert_eq!(canary.origin(&steps(&format!("spec/{path}"))), expected, "{path}");
    }
    let template = find(&everything("istio"), MemberKind::MetricTemplate).remove(0);
    assert_eq!(
        template.origin(&steps("spec/provider/type")),
        "rolloutPolicy.trafficAnalysis.metrics[1].customMetric.provider.type"
    );
}
