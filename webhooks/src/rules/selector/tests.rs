use crate::test_fixtures::{codes, findings, fleet_codes, git_source, kustomization};
use serde_json::{Value, json};

fn spec(selector: Value) -> Value {
    let destination = json!({"fleet": "quickstart", "clusterSelector": selector});
    json!({"source": git_source(), "syncPolicies": [{"destination": destination, "kustomization": kustomization()}]})
}

fn expression(key: &str, operator: &str, values: Value) -> Value {
    json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]})
}

#[test]
fn syntax() {
    let both = |one: Value, two: Value| json!({"matchExpressions": [one["matchExpressions"][0], two["matchExpressions"][0]]});
    let exists = expression("env", "Exists", json!(null));
    let absent = expression("env", "DoesNotExist", json!(null));
    let is_test = expression("env", "In", json!(["test"]));
    let not_test = expression("env", "NotIn", json!(["test"]));
    let bad = "E selector/syntax";
    let table = [
        (json!({"matchLabels": {"env": "test"}}), ""),
        (json!({"matchLabels": {"env": "not valid!"}}), bad),
        (json!({"matchLabels": {"env": "v".repeat(64)}}), bad),
        (json!({"matchLabels": {"-env": "test"}}), bad),
        (expression("env", "In", json!([])), bad),
        (expression("env", "NotIn", json!(null)), bad),
        (expression("env", "Exists", json!(["x"])), bad),
        (expression("env", "Near", json!(["x"])), bad),
        (expression("env", "In", json!(["test", "-"])), bad),
        (exists.clone(), ""),
        (both(exists, absent.clone()), bad),
        (both(is_test.clone(), absent.clone()), bad),
        (both(is_test.clone(), not_test.clone()), bad),
        (both(is_test, expression("env", "In", json!(["dev"]))), bad),
        (json!({"matchLabels": {"env": "test"}, "matchExpressions": not_test["matchExpressions"]}), bad),
    ];
    for (selector, expected) in table {
        assert_eq!(codes(spec(selector.clone())), expected, "{selector}");
    }
}

#[test]
fn what_a_selector_finds_today() {
    let table = [
        (json!({}), "W selector/empty"),
        (json!({"matchLabels": {}}), "W selector/empty"),
        (json!({"matchLabels": {"env": "prod"}}), "W selector/no-match"),
        (json!({"matchLabels": {"tier": "1"}}), "W selector/no-match"),
    ];
    for (selector, expected) in table {
        assert_eq!(codes(spec(selector.clone())), expected, "{selector}");
    }
    let finding = &findings(spec(json!({"matchLabels": {"env": "prod", "tier": "1"}})))[0];
    assert_eq!(finding.hint.as_deref(), Some("env is dev, test; no cluster has a label tier"));
}

#[test]
fn few_of_many_keys_are_looked_up() {
    let labels: serde_json::Map<String, Value> =
        (0..45_000).map(|key| (format!("k{key:05}"), json!("v"))).collect();
    let finding = &findings(spec(json!({"matchLabels": labels})))[0];
    let hint = finding.hint.as_deref().expect("a hint");
    assert!(hint.starts_with("no cluster has a label k00000; "), "{hint}");
    assert!(hint.ends_with("no cluster has a label k00004; and 44995 more"), "{hint}");
}

#[test]
fn a_fleets_own_selector() {
    let empty = "W selector/empty";
    let table = [
        (json!(null), ""),
        (json!({}), empty),
        (json!({"matchExpressions": []}), empty),
        (json!({"matchLabels": {"env": "test"}}), ""),
        (json!({"matchLabels": {"env": "-"}}), "E selector/syntax"),
    ];
    for (selector, expected) in table {
        assert_eq!(fleet_codes(json!({"clusterSelector": selector})), expected, "{selector}");
    }
}
