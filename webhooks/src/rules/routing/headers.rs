//! The part of `rollout/istio` and `rollout/gateway-api` about `headers`: those
//! that are added, set and removed on the way.

use std::collections::BTreeMap;

use fleetgate_api::rollout::HeaderOperations;
use fleetgate_plan::Provider;
use fleetgate_plan::flagger::Feature;

use super::Route;
use super::gateway_api::GATEWAY_API;
use super::istio::ISTIO;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::Rule;

/// The most of `add`, `set` or `remove` that an `HTTPRoute` may have.
const MOST: usize = 16;
/// The longest name, and the longest value, that an `HTTPRoute` takes.
const LONGEST_NAME: usize = 256;
const LONGEST_VALUE: usize = 4_096;

pub(super) fn check(route: &Route<'_>, findings: &mut Findings) {
    let Some(headers) = route.routing.headers.as_ref().filter(|_| route.provider.reads(Feature::Headers))
    else {
        return;
    };
    let rule = if route.provider == Provider::Istio { &ISTIO } else { &GATEWAY_API };
    let path = route.path.field("headers");
    for (field, operations) in [("request", &headers.request), ("response", &headers.response)] {
        let Some(operations) = operations else { continue };
        let check = Check { rule, is_request: field == "request", path: path.field(field) };
        check.operations(operations, findings);
    }
}

/// The headers of requests, or of responses, by one provider's rule.
struct Check {
    rule: &'static Rule,
    is_request: bool,
    path: FieldPath,
}

impl Check {
    fn operations(&self, operations: &HeaderOperations, findings: &mut Findings) {
        for (field, headers) in [("add", &operations.add), ("set", &operations.set)] {
            let Some(headers) = headers else { continue };
            let path = self.path.field(field);
            self.values(headers, &path, findings);
            for name in headers.keys() {
                findings.extend(self.name(name, self.is_request, || path.key(name)));
            }
        }
        let removed = operations.remove.as_deref().unwrap_or_default();
        let path = self.path.field("remove");
        findings.extend(self.too_many(removed.len(), &path));
        for (index, name) in removed.iter().enumerate() {
            findings.extend(self.name(name, false, || path.index(index)));
        }
    }

    fn is_gateway_api(&self) -> bool {
        self.rule.code == GATEWAY_API.code
    }

    fn values(&self, headers: &BTreeMap<String, String>, path: &FieldPath, findings: &mut Findings) {
        findings.extend(self.too_many(headers.len(), path));
        for (name, value) in headers {
            if !self.is_gateway_api() {
                // Envoy puts something in place of what stands between two of them.
                if !value.matches('%').count().is_multiple_of(2) {
                    let message =
                        "may not have a single %: Istio takes %% for one, and %NAME% for what Envoy knows";
                    findings.push(Finding::error(self.rule, path.key(name), Fault::Invalid, message));
                }
            } else if value.is_empty() || value.chars().count() > LONGEST_VALUE {
                let message = format!("must have 1 to {LONGEST_VALUE} characters in an HTTPRoute");
                findings.push(Finding::error(self.rule, path.key(name), Fault::Invalid, message));
            }
        }
    }

    fn too_many(&self, count: usize, path: &FieldPath) -> Option<Finding> {
        let message = format!("may have {MOST} items at most, has {count}");
        (self.is_gateway_api() && count > MOST)
            .then(|| Finding::error(self.rule, path.clone(), Fault::TooLong, message))
    }

    /// Istio lets requests be sent to another host so, and nothing else of the request line.
    fn name(&self, name: &str, may_be_host: bool, path: impl Fn() -> FieldPath) -> Option<Finding> {
        let is_host = name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host");
        let message = if !self.is_gateway_api() && is_host {
            if may_be_host {
                return None;
            }
            "may not be changed here: Istio lets the host be set for requests alone"
        } else if names::is_http_token(name) && (name.len() <= LONGEST_NAME || !self.is_gateway_api()) {
            return None;
        } else {
            "must be a header's name: letters, digits and '-'"
        };
        Some(Finding::error(self.rule, path(), Fault::Invalid, message).value(name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::said;
    use super::*;
    use serde_json::{Value, json};

    fn both(headers: &Value) -> [String; 2] {
        let of = |provider: &str, code: &str| {
            said(&[code], provider, json!({"gateways": ["infra/public"], "headers": headers}))
                .replace(&format!(" {code}"), "")
        };
        [of("istio", ISTIO.code), of("gatewayapi:v1", GATEWAY_API.code)]
    }

    #[test]
    fn names_and_values() {
        let many: Value =
            (0..17).map(|n| (format!("x-{n}"), json!("1"))).collect::<serde_json::Map<_, _>>().into();
        let table = [
            (json!({"request": {"set": {"x-a": "1", "X-B": "2"}, "remove": ["x-c"]}}), ["", ""]),
            (json!({"request": {"set": {"x a": "1"}}}), ["E headers.request.set[x a]"; 2]),
            (json!({"response": {"add": {"": "1"}}}), ["E headers.response.add."; 2]),
            (json!({"response": {"remove": ["x:y"]}}), ["E headers.response.remove[0]"; 2]),
            (json!({"request": {"set": {":authority": "a"}}}), ["", "E headers.request.set.:authority"]),
            (json!({"request": {"set": {"Host": "a"}}}), ["", ""]),
            (json!({"request": {"remove": ["host"]}}), ["E headers.request.remove[0]", ""]),
            (json!({"response": {"set": {"host": "a"}}}), ["E headers.response.set.host", ""]),
            (json!({"request": {"set": {"x-a": ""}}}), ["", "E headers.request.set.x-a"]),
            (json!({"request": {"set": {"x-a": "50%"}}}), ["E headers.request.set.x-a", ""]),
            (json!({"response": {"add": {"x-a": "50%% %HOSTNAME%"}}}), ["", ""]),
            (json!({"request": {"add": many}}), ["", "E headers.request.add"]),
        ];
        for (headers, expected) in table {
            assert_eq!(both(&headers), expected, "{headers}");
        }
    }
}
