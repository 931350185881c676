//! The rule about `trafficRouting.match`: whose requests an A/B test sends to
//! the new version.

mod conditions;
mod name;
mod text;

use std::collections::BTreeMap;

use fleetgate_api::rollout::HttpMatch;
use fleetgate_plan::Provider;
use fleetgate_plan::flagger::Feature;

use super::Route;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{DENIES_OR_WARNS, Example, Rule};

pub(super) use self::conditions::unread_conditions;

/// `rollout/match`
pub const MATCH: Rule = Rule {
    code: "rollout/match",
    severities: DENIES_OR_WARNS,
    what: "A header's name that is not in lower case or that no header can have; a text with no matcher or more than one, or with a regex that RE2 does not compile; no match of which the provider reads every condition; with nginx more than one header and one cookie, or a cookie that is not matched as a whole; with contour more than one header, or a regex; source labels that no pod can carry. A warning for other odd characters in a name, and for what a router takes less literally than it is written.",
    why: "Flagger's schema, Istio or the proxy refuses it, or the router drops the condition and takes in requests that nobody meant.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting: {"host": "app.example.com", "analysisTimes": 3, "match": [{"headers": {"cookie": {"regex": "^canary=.*"}}}]}"#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting: {"host": "app.example.com", "analysisTimes": 3, "match": [{"headers": {"cookie": {"exact": "canary"}}}]}"#,
    ),
};

/// The header that carries cookies.
const COOKIE: &str = "cookie";

pub(super) fn check(route: &Route<'_>, findings: &mut Findings) {
    // Providers without A/B tests drop a match as a whole, which is said elsewhere.
    if route.matches().is_empty() || !route.provider.reads(Feature::MatchHeaders) {
        return;
    }
    let path = route.path.field("match");
    for (index, item) in route.matches().iter().enumerate() {
        check_match(route.provider, item, &path.index(index), findings);
    }
    if !route.matches().iter().any(|item| is_carried(route.provider, item)) {
        findings.push(none_is_carried(route.provider, path.clone()));
    }
    match route.provider {
        Provider::Nginx => check_nginx(route.matches(), &path, findings),
        Provider::Contour => check_contour(route.matches(), &path, findings),
        Provider::Gloo => check_gloo(route.matches(), path, findings),
        _ => {}
    }
}

fn check_match(provider: Provider, item: &HttpMatch, path: &FieldPath, findings: &mut Findings) {
    for (name, matcher) in item.headers.iter().flatten() {
        let path = path.field("headers").key(name);
        findings.extend(name::check(provider, name, &path));
        text::check(provider, name == COOKIE, matcher, &path, findings);
    }
    if provider.reads(Feature::MatchQueryParams) {
        for (name, matcher) in item.query_params.iter().flatten() {
            text::check(provider, false, matcher, &path.field("queryParams").key(name), findings);
        }
    }
    if provider.reads(Feature::MatchSourceLabels) {
        for (key, value) in item.source_labels.iter().flatten() {
            if !names::is_label_key(key) || !names::is_label_value(value) {
                let message = "must be a label key and value: no pod can carry others";
                let path = path.field("sourceLabels").key(key);
                findings.push(Finding::error(&MATCH, path, Fault::Invalid, message).value(value.as_str()));
            }
        }
    }
}

/// Whether the match has conditions, and the router reads all of them.
fn is_carried(provider: Provider, item: &HttpMatch) -> bool {
    let has_any = has_some(item.headers.as_ref())
        || has_some(item.query_params.as_ref())
        || has_some(item.source_labels.as_ref());
    has_any && unread_conditions(provider, item).next().is_none()
}

fn has_some<T>(map: Option<&BTreeMap<String, T>>) -> bool {
    map.is_some_and(|map| !map.is_empty())
}

fn none_is_carried(provider: Provider, path: FieldPath) -> Finding {
    let known = match provider {
        Provider::Istio => "headers, queryParams and sourceLabels",
        provider if provider.is_gateway_api() => "headers and queryParams",
        _ => "headers",
    };
    let message =
        format!("must have a match of {known} alone: provider {provider} knows nothing else of a request");
    Finding::error(&MATCH, path, Fault::Invalid, message).hint("leave match out for blue/green")
}

/// All matches become one annotation for a header and one for a cookie
/// (Flagger's `pkg/router/ingress.go`): of several, any may win.
fn check_nginx(matches: &[HttpMatch], path: &FieldPath, findings: &mut Findings) {
    let (mut headers, mut cookies) = (0, 0);
    for (name, path) in headers_of(matches, path) {
        let (count, what) = if name == COOKIE { (&mut cookies, "cookie") } else { (&mut headers, "header") };
        *count += 1;
        if *count > 1 {
            let message =
                format!("may not be set beside another {what}: nginx knows one header and one cookie");
            findings.push(Finding::error(&MATCH, path, Fault::Forbidden, message));
        }
    }
}

/// Every header becomes a condition with a prefix of the path (Flagger's
/// `pkg/router/contour.go`), and Contour refuses a route with two prefixes.
fn check_contour(matches: &[HttpMatch], path: &FieldPath, findings: &mut Findings) {
    let message =
        "may not be set beside another header: Contour refuses the HTTPProxy that Flagger makes of two";
    let others = headers_of(matches, path).skip(1);
    findings.extend(others.map(|(_, path)| Finding::error(&MATCH, path, Fault::Forbidden, message)));
}

/// All headers become one matcher (Flagger's `pkg/router/gloo.go`).
fn check_gloo(matches: &[HttpMatch], path: FieldPath, findings: &mut Findings) {
    if matches.len() > 1 {
        let message =
            "gloo asks for the headers of all matches at once, where one match is meant to be enough";
        findings.push(Finding::warning(&MATCH, path, Fault::Invalid, message).hint("keep one match"));
    }
}

fn headers_of<'a>(matches: &'a [HttpMatch], path: &FieldPath) -> impl Iterator<Item = (&'a str, FieldPath)> {
    matches.iter().enumerate().flat_map(move |(index, item)| {
        let path = path.index(index).field("headers");
        item.headers.iter().flatten().map(move |(name, _)| (name.as_str(), path.key(name)))
    })
}

#[cfg(test)]
mod tests;
