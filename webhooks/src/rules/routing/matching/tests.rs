use super::super::test_fixtures::{routed, said};
use super::*;
use crate::finding::MOST_KEPT;
use serde_json::{Value, json};

fn of(provider: &str, matches: Value) -> String {
    let routing =
        json!({"analysisTimes": 3, "match": matches, "host": "app.example.com", "gateways": ["a/b"]});
    said(&[MATCH.code], provider, routing)
}

/// Of one header `x-user`, without the path of it.
fn text(provider: &str, matcher: Value) -> String {
    of(provider, json!([{"headers": {"x-user": matcher}}])).replace("match[0].headers.x-user", "~")
}

#[test]
fn names_of_headers() {
    let long = "a".repeat(300);
    let bad = "E rollout/match";
    let table = [
        ("istio", "x-canary", ""),
        ("istio", "user-agent", ""),
        ("istio", &long, ""),
        ("istio", "X-Canary", bad),
        ("contour", "X-Canary", bad),
        ("istio", "x canary", bad),
        ("istio", "x:canary", bad),
        ("istio", "", bad),
        ("istio", "ä", bad),
        ("istio", ":", bad),
        ("istio", ":path", "W rollout/match"),
        ("gatewayapi:v1", ":path", bad),
        ("istio", "x_canary", "W rollout/match"),
        ("nginx", "x.canary", "W rollout/match"),
    ];
    for (provider, name, expected) in table {
        let said = of(provider, json!([{"headers": {name: {"exact": "a"}}}]));
        assert_eq!(
            said.replace(&format!("match[0].headers.{name} "), "")
                .replace("match[0].headers[] ", "")
                .replace(&format!("match[0].headers[{name}] "), ""),
            expected,
            "{provider} {name}"
        );
    }
}

#[test]
fn one_matcher_for_each_text() {
    for provider in ["istio", "gatewayapi:v1", "contour", "gloo", "nginx"] {
        assert_eq!(text(provider, json!({})), "E ~ rollout/match", "{provider}");
        assert_eq!(text(provider, json!({"exact": "", "regex": ""})), "E ~ rollout/match", "{provider}");
        assert_eq!(text(provider, json!({"exact": "a", "prefix": "b"})), "E ~ rollout/match", "{provider}");
        assert_eq!(text(provider, json!({"exact": "a", "prefix": ""})), "", "{provider}");
    }
    let params = json!([{"queryParams": {"v": {"exact": "1", "regex": "2"}}}]);
    assert_eq!(of("istio", params), "E match[0].queryParams.v rollout/match");
}

#[test]
fn regexes() {
    let error = "E ~.regex rollout/match";
    let warning = "W ~.regex rollout/match";
    let dialect = json!({"regex": "^(?!bot).*$"});
    let malformed = json!({"regex": "(["});
    let good = json!({"regex": "^(.*?;)?(canary=always)(;.*)?$"});
    let long = |length: usize| json!({"regex": "a".repeat(length)});
    let table = [
        ("istio", good.clone(), ""),
        ("istio", malformed.clone(), error),
        ("istio", dialect.clone(), error),
        ("istio", long(1_024), ""),
        ("istio", long(1_025), error),
        ("gatewayapi:v1", good.clone(), ""),
        ("gatewayapi:v1", malformed.clone(), error),
        ("gatewayapi:v1", dialect.clone(), warning),
        ("gatewayapi:v1", long(4_097), error),
        ("gloo", dialect.clone(), error),
        ("gloo", good.clone(), ""),
        ("nginx", good.clone(), ""),
        ("nginx", malformed, error),
        ("nginx", dialect, ""),
        ("contour", good, error),
        ("contour", json!({"prefix": "a"}), "W ~.prefix rollout/match"),
        ("contour", json!({"suffix": "a"}), "W ~.suffix rollout/match"),
        ("istio", json!({"suffix": "a"}), ""),
        ("gatewayapi:v1beta1", json!({"prefix": "a"}), ""),
    ];
    for (provider, matcher, expected) in table {
        assert_eq!(text(provider, matcher.clone()), expected, "{provider} {matcher}");
    }
}

#[test]
fn what_a_router_has_room_for() {
    let header = |name: &str| json!({"headers": {name: {"exact": "a"}}});
    let cookie = |matcher: &str| json!({"headers": {"cookie": {matcher: "canary"}}});
    let both = json!({"headers": {"x-a": {"exact": "a"}, "x-b": {"exact": "b"}}});
    let table = [
        ("nginx", json!([header("x-a"), cookie("exact")]), ""),
        ("nginx", json!([header("x-a"), header("x-b")]), "E match[1].headers.x-b rollout/match"),
        ("nginx", json!([both]), "E match[0].headers.x-b rollout/match"),
        ("nginx", json!([cookie("exact"), cookie("exact")]), "E match[1].headers.cookie rollout/match"),
        ("nginx", json!([cookie("regex")]), "E match[0].headers.cookie.regex rollout/match"),
        ("nginx", json!([cookie("prefix")]), "E match[0].headers.cookie.prefix rollout/match"),
        ("contour", json!([header("x-a"), header("x-b")]), "E match[1].headers.x-b rollout/match"),
        ("gloo", json!([header("x-a"), header("x-b")]), "W match rollout/match"),
        ("istio", json!([both, header("x-c"), cookie("regex")]), ""),
    ];
    for (provider, matches, expected) in table {
        assert_eq!(of(provider, matches.clone()), expected, "{provider} {matches}");
    }
}

#[test]
fn some_match_must_reach_the_router() {
    let header = json!({"headers": {"x-a": {"exact": "a"}}});
    let params = json!({"queryParams": {"v": {"exact": "2"}}});
    let labels = json!({"sourceLabels": {"app": "web"}});
    let uri = json!({"uri": {"prefix": "/shop"}, "headers": {"x-a": {"exact": "a"}}});
    let none = "E match rollout/match";
    let table = [
        ("istio", json!([params]), ""),
        ("istio", json!([labels]), ""),
        ("istio", json!([uri]), none),
        ("istio", json!([{}]), none),
        ("istio", json!([uri, header]), ""),
        ("gatewayapi:v1", json!([params]), ""),
        ("gatewayapi:v1", json!([labels]), none),
        ("nginx", json!([params]), none),
        ("nginx", json!([{"name": "insiders", "headers": {"x-a": {"exact": "a"}}}]), ""),
        ("kubernetes", json!([uri]), ""),
        ("kuma", json!([uri]), ""),
    ];
    for (provider, matches, expected) in table {
        assert_eq!(of(provider, matches.clone()), expected, "{provider} {matches}");
    }
}

#[test]
fn labels_of_the_source() {
    let labels = |key: &str, value: &str| json!([{"sourceLabels": {key: value}}]);
    assert_eq!(of("istio", labels("app", "web")), "");
    assert_eq!(of("istio", labels("app", "not valid!")), "E match[0].sourceLabels.app rollout/match");
    assert_eq!(of("istio", labels("-app", "web")), "E match[0].sourceLabels.-app rollout/match");
}

#[test]
fn many_matches_take_time_in_proportion() {
    let item = json!({"headers": {"x-a": {"regex": "[".repeat(40)}, "x-b": {"exact": "a"}}});
    let findings = routed("nginx", json!({"analysisTimes": 3, "match": vec![item; 10_000]}));
    assert!(findings.len() > MOST_KEPT);
}
