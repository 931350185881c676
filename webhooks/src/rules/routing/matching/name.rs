//! The names of headers in a match.

use fleetgate_plan::Provider;

use super::MATCH;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::names;

/// What is wrong with a header's name, if anything is.
pub(super) fn check(provider: Provider, name: &str, path: &FieldPath) -> Option<Finding> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !name.is_empty() && name.bytes().all(is_plain) {
        return None;
    }
    let error = |message| Finding::error(&MATCH, path.clone(), Fault::Invalid, message).value(name);
    // Envoy has the parts of the request line as headers, too.
    let is_pseudo = matches!(provider, Provider::Istio | Provider::Gloo);
    let token = name.strip_prefix(':').filter(|_| is_pseudo).unwrap_or(name);
    if !names::is_http_token(token) {
        return Some(error("must be a header's name: lower case letters, digits and '-'"));
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let hint = format!("write {:?}, which means the same header", name.to_ascii_lowercase());
        return Some(error("must be in lower case").hint(hint));
    }
    let message =
        "is no usual header name: some proxies drop headers that have more than letters, digits and '-'";
    Some(Finding::warning(&MATCH, path.clone(), Fault::Invalid, message))
}
