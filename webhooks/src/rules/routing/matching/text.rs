//! How the text of a header or a parameter is matched.

use fleetgate_api::rollout::StringMatch;
use fleetgate_plan::Provider;

use super::MATCH;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::re2::{self, Refusal};

/// The longest regex that Istio takes, in bytes.
const LONGEST_IN_ISTIO: usize = 1_024;
/// The longest text that the Gateway API's `HTTPRoute` takes, in characters.
const LONGEST_IN_GATEWAY_API: usize = 4_096;

/// What is wrong with a text of a match, which is the cookie header's or another.
pub(super) fn check(
    provider: Provider,
    is_cookie: bool,
    text: &StringMatch,
    path: &FieldPath,
    findings: &mut Findings,
) {
    let mut set = matchers(text);
    let (Some((matcher, value)), None) = (set.next(), set.next()) else {
        findings.push(not_one(text, path.clone()));
        return;
    };
    let path = path.field(matcher);
    findings.extend(match (provider, matcher) {
        (Provider::Nginx, "prefix" | "suffix" | "regex") if is_cookie => Some(
            Finding::error(&MATCH, path, Fault::Forbidden, "may not be set for a cookie with nginx")
                .hint("set exact to the cookie's name; its value has to be \"always\""),
        ),
        (Provider::Contour, "regex") => Some(
            Finding::error(&MATCH, path, Fault::Forbidden, "may not be set with contour: Flagger drops it")
                .hint("use exact, prefix or suffix"),
        ),
        (Provider::Contour, "prefix" | "suffix") => {
            let message = "is taken for a part of the text, wherever it stands: contour knows no ends";
            Some(Finding::warning(&MATCH, path, Fault::Invalid, message))
        }
        (_, "regex") => check_regex(provider, value, path),
        _ => None,
    });
}

/// The matchers that say something. An empty text says nothing: Kurator's types
/// do not tell it from an absent one.
fn matchers(text: &StringMatch) -> impl Iterator<Item = (&'static str, &str)> {
    let all =
        [("exact", &text.exact), ("prefix", &text.prefix), ("suffix", &text.suffix), ("regex", &text.regex)];
    all.into_iter().filter_map(|(name, value)| Some((name, names::given(value.as_deref())?)))
}

fn not_one(text: &StringMatch, path: FieldPath) -> Finding {
    let set: Vec<&str> = matchers(text).map(|(name, _)| name).collect();
    if set.is_empty() {
        let message = "must have one of exact, prefix, suffix and regex";
        return Finding::error(&MATCH, path, Fault::Required, message);
    }
    let message = format!("may not have {} together", set.join(" and "));
    Finding::error(&MATCH, path, Fault::Forbidden, message).hint("keep one of them")
}

fn check_regex(provider: Provider, regex: &str, path: FieldPath) -> Option<Finding> {
    let error = |message: String| Finding::error(&MATCH, path.clone(), Fault::Invalid, message).value(regex);
    let too_long = |longest: usize| {
        Finding::error(&MATCH, path.clone(), Fault::TooLong, format!("may not be longer than {longest}"))
    };
    if provider == Provider::Istio && regex.len() > LONGEST_IN_ISTIO {
        return Some(too_long(LONGEST_IN_ISTIO));
    }
    if provider.is_gateway_api() && regex.chars().count() > LONGEST_IN_GATEWAY_API {
        return Some(too_long(LONGEST_IN_GATEWAY_API));
    }
    match (re2::check(regex), provider) {
        (Err(Refusal::Malformed(reason)), _) => {
            Some(error(format!("must be a regular expression: {reason}")))
        }
        // nginx speaks Perl's dialect.
        (Ok(()), _) | (Err(Refusal::Dialect(_)), Provider::Nginx) => None,
        (Err(Refusal::Dialect(reason)), provider) if provider.is_gateway_api() => {
            let message = format!("RE2, which most gateways speak, does not compile it: {reason}");
            Some(Finding::warning(&MATCH, path, Fault::Invalid, message))
        }
        (Err(Refusal::Dialect(reason)), _) => Some(error(format!("must be one that RE2 compiles: {reason}"))),
    }
}
