//! `spec.analysis.match` of the Canary: whose requests an A/B test sends to the
//! new version.
//!
//! Flagger's schema has three of the thirteen fields of a match, the API server
//! drops the others without a word, and each router reads fewer still. A match
//! that has lost a condition takes in requests that nobody meant, up to all of
//! them. So a match is passed on whole or not at all: one that cannot be is left
//! out, and the new version gets less traffic than was asked for, never more.

use std::collections::BTreeMap;

use fleetgate_api::rollout::{HttpMatch, StringMatch};
use serde_json::{Value, json};

use super::Feature;
use super::fields::{Fields, json};
use crate::Provider;

/// The matches that are passed on, and the place of each in the rollout's own list.
#[derive(Default)]
pub(super) struct Carried {
    pub(super) items: Vec<Value>,
    pub(super) places: Vec<usize>,
}

pub(super) fn render(provider: Provider, matches: &[HttpMatch]) -> Carried {
    let mut carried = Carried::default();
    for (place, item) in matches.iter().enumerate() {
        if let Some(item) = render_match(provider, item) {
            carried.items.push(item);
            carried.places.push(place);
        }
    }
    carried
}

/// The conditions of a match that cannot be passed on to the provider, by the
/// names of their fields. If there is one, or no condition at all, the match is
/// left out.
#[must_use]
pub fn uncarried(provider: Provider, item: &HttpMatch) -> Vec<&'static str> {
    let never = [
        ("uri", item.uri.is_some()),
        ("scheme", item.scheme.is_some()),
        ("method", item.method.is_some()),
        ("authority", item.authority.is_some()),
        ("withoutHeaders", is_set(item.without_headers.as_ref())),
        ("port", item.port.is_some()),
        ("sourceNamespace", item.source_namespace.is_some()),
        ("gateways", item.gateways.as_ref().is_some_and(|gateways| !gateways.is_empty())),
    ];
    let lost = never.into_iter().filter(|(_, set)| *set).map(|(field, _)| field);
    let asked = [
        ("headers", is_set(item.headers.as_ref()) && headers(provider, item).is_none()),
        ("queryParams", is_set(item.query_params.as_ref()) && query_params(provider, item).is_none()),
        ("sourceLabels", is_set(item.source_labels.as_ref()) && source_labels(provider, item).is_none()),
    ];
    lost.chain(asked.into_iter().filter(|(_, set)| *set).map(|(field, _)| field)).collect()
}

fn render_match(provider: Provider, item: &HttpMatch) -> Option<Value> {
    if !uncarried(provider, item).is_empty() {
        return None;
    }
    Fields::new()
        .maybe("headers", headers(provider, item))
        .maybe("queryParams", query_params(provider, item))
        .maybe("sourceLabels", source_labels(provider, item))
        .non_empty()
}

fn headers(provider: Provider, item: &HttpMatch) -> Option<Value> {
    let headers = some(item.headers.as_ref()).filter(|_| provider.reads(Feature::MatchHeaders))?;
    texts(headers, |name, text| header(provider, name, text))
}

fn query_params(provider: Provider, item: &HttpMatch) -> Option<Value> {
    let params = some(item.query_params.as_ref()).filter(|_| provider.reads(Feature::MatchQueryParams))?;
    texts(params, |_, text| exact_or_expression(text))
}

fn source_labels(provider: Provider, item: &HttpMatch) -> Option<Value> {
    some(item.source_labels.as_ref()).filter(|_| provider.reads(Feature::MatchSourceLabels)).map(json)
}

/// All texts, or none if one cannot be said.
fn texts(
    texts: &BTreeMap<String, StringMatch>,
    say: impl Fn(&str, &StringMatch) -> Option<Value>,
) -> Option<Value> {
    let said = texts.iter().map(|(name, text)| Some((name.clone(), say(name, text)?)));
    said.collect::<Option<_>>().map(Value::Object)
}

/// A header's text in the ways that the provider's router reads.
fn header(provider: Provider, name: &str, text: &StringMatch) -> Option<Value> {
    match (provider, way(text)?) {
        // Its router passes on everything but expressions.
        (Provider::Contour, Way::Regex) => None,
        (Provider::Contour, way) => Some(as_it_is(way, text)),
        (Provider::Istio, Way::Prefix) => Some(as_it_is(Way::Prefix, text)),
        // A cookie is looked up by its name, and has to say "always".
        (Provider::Nginx, way) if name == "cookie" && way != Way::Exact => None,
        _ => exact_or_expression(text),
    }
}

/// An origin for which a browser may ask.
pub(super) fn origin(text: &StringMatch) -> Option<Value> {
    match way(text)? {
        Way::Suffix => exact_or_expression(text),
        way => Some(as_it_is(way, text)),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Exact,
    Prefix,
    Suffix,
    Regex,
}

/// The one way in which a text is to match. An empty text is as good as none:
/// Kurator's types cannot tell them apart.
fn way(text: &StringMatch) -> Option<Way> {
    let ways = [Way::Exact, Way::Prefix, Way::Suffix, Way::Regex];
    let mut ways = ways.into_iter().filter(|way| !value(*way, text).is_empty());
    ways.next().filter(|_| ways.next().is_none())
}

fn value(way: Way, text: &StringMatch) -> &str {
    let value = match way {
        Way::Exact => &text.exact,
        Way::Prefix => &text.prefix,
        Way::Suffix => &text.suffix,
        Way::Regex => &text.regex,
    };
    value.as_deref().unwrap_or_default()
}

fn as_it_is(way: Way, text: &StringMatch) -> Value {
    let field = match way {
        Way::Exact => "exact",
        Way::Prefix => "prefix",
        Way::Suffix => "suffix",
        Way::Regex => "regex",
    };
    Fields::new().with(field, value(way, text)).into()
}

/// A text as one of the two ways that every router reads. The expressions mean
/// the same whether they are matched against the whole (RE2 in Envoy) or are
/// searched for (PCRE in nginx).
fn exact_or_expression(text: &StringMatch) -> Option<Value> {
    let way = way(text)?;
    let quoted = || quote(value(way, text));
    Some(match way {
        Way::Exact | Way::Regex => as_it_is(way, text),
        Way::Prefix => json!({"regex": format!("^{}.*$", quoted())}),
        Way::Suffix => json!({"regex": format!("^.*{}$", quoted())}),
    })
}

/// An expression that matches exactly that text.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

fn some<V>(map: Option<&BTreeMap<String, V>>) -> Option<&BTreeMap<String, V>> {
    map.filter(|map| !map.is_empty())
}

fn is_set<V>(map: Option<&BTreeMap<String, V>>) -> bool {
    some(map).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(item: Value) -> HttpMatch {
        serde_json::from_value(item).expect("a match")
    }

    fn rendered(provider: &str, items: Value) -> (Value, Vec<usize>) {
        let items: Vec<HttpMatch> = serde_json::from_value(items).expect("matches");
        let carried = render(Provider::of(provider).expect("a provider"), &items);
        (Value::from(carried.items), carried.places)
    }

    #[test]
    fn a_text_is_said_in_a_way_that_the_router_reads() {
        let exact = json!({"exact": "a.b"});
        let regex = json!({"regex": "a|b"});
        let table = [
            ("istio", json!({"prefix": "a.b"}), json!({"prefix": "a.b"})),
            ("istio", json!({"suffix": "a.b"}), json!({"regex": "^.*a\\.b$"})),
            ("gatewayapi:v1", json!({"prefix": "a.b"}), json!({"regex": "^a\\.b.*$"})),
            ("nginx", json!({"suffix": "(a"}), json!({"regex": "^.*\\(a$"})),
            ("gloo", json!({"prefix": "a", "exact": ""}), json!({"regex": "^a.*$"})),
            ("contour", json!({"prefix": "a"}), json!({"prefix": "a"})),
            ("contour", json!({"suffix": "a"}), json!({"suffix": "a"})),
            ("contour", exact.clone(), exact.clone()),
            ("istio", exact.clone(), exact.clone()),
            ("nginx", regex.clone(), regex.clone()),
            ("istio", regex.clone(), regex),
        ];
        for (provider, text, expected) in table {
            let (items, _) = rendered(provider, json!([{"headers": {"x-user": text}}]));
            assert_eq!(items, json!([{"headers": {"x-user": expected}}]), "{provider} {text}");
        }
    }

    #[test]
    fn a_match_is_passed_on_whole_or_not_at_all() {
        let headers = json!({"x-user": {"exact": "a"}});
        let matches = json!([
            {"headers": headers, "uri": {"prefix": "/shop"}},
            {"headers": headers, "queryParams": {"v": {"exact": "2"}}},
            {"headers": headers, "sourceLabels": {"app": "web"}},
            {"headers": headers, "name": "insiders", "ignoreUriCase": true, "gateways": []},
            {},
            {"headers": {}, "queryParams": {}},
            {"headers": {"x-user": {}}},
            {"headers": {"x-user": {"exact": "a", "prefix": "b"}}},
        ]);
        let table = [
            ("istio", vec![1, 2, 3]),
            ("gatewayapi:v1", vec![1, 3]),
            ("nginx", vec![3]),
            ("contour", vec![3]),
            ("gloo", vec![3]),
            ("kubernetes", vec![]),
            ("kuma", vec![]),
            ("linkerd", vec![]),
            ("traefik", vec![]),
        ];
        for (provider, places) in table {
            assert_eq!(rendered(provider, matches.clone()).1, places, "{provider}");
        }
    }

    #[test]
    fn what_cannot_be_passed_on_is_named() {
        let everything = of(json!({
            "uri": {}, "scheme": {}, "method": {}, "authority": {}, "withoutHeaders": {"a": {}}, "port": 80,
            "sourceNamespace": "", "gateways": ["mesh"], "sourceLabels": {"a": "b"},
            "headers": {"cookie": {"regex": "a"}}, "queryParams": {"a": {"exact": "b"}},
        }));
        let names = uncarried(Provider::Nginx, &everything);
        assert_eq!(
            names.join(" "),
            "uri scheme method authority withoutHeaders port sourceNamespace gateways headers queryParams sourceLabels"
        );
        let regex = of(json!({"headers": {"x-user": {"regex": "a"}}}));
        assert_eq!(uncarried(Provider::Contour, &regex), ["headers"]);
        assert_eq!(uncarried(Provider::Istio, &regex), <[&str; 0]>::default());
    }
}
