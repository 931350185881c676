//! The rule about `customMetric`, of which a `MetricTemplate` is made.

use fleetgate_api::rollout::{CustomMetric, Metric, MetricProvider};

use super::{query, templates};
use crate::address;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{DENIES_OR_WARNS, Example, Rule};

/// `rollout/metric-template`
pub const METRIC_TEMPLATE: Rule = Rule {
    code: "rollout/metric-template",
    severities: DENIES_OR_WARNS,
    what: "A `customMetric` whose provider is missing or unknown, or lacks what its type needs: an http(s) `address` (prometheus, graphite, influxdb, dynatrace, externalmetrics, splunk), a `region` (cloudwatch), a `secretRef` (datadog, dynatrace, newrelic, splunk); whose query is missing, or certainly fails as the Go template that it is. A warning for a query that is too long to be looked at.",
    why: "The MetricTemplate's schema refuses it, or Flagger fails every check.",
    example: Example::new(
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics: [{"name": "up", "thresholdRange": {"min": 1}, "customMetric": {"provider": {"type": "prometheus", "address": "http://prometheus:9090"}, "query": "up{namespace=\"{{ .Namespace }}\"}"}}]"#,
        r#"spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics: [{"name": "up", "thresholdRange": {"min": 1}, "customMetric": {"provider": {"type": "prometheus", "address": "http://prometheus:9090"}, "query": "up{namespace=\"{{ namespace }}\"}"}}]"#,
    ),
};

/// A monitoring system that Flagger asks (its `pkg/metrics/providers/*.go`), and
/// what it cannot be asked without.
struct System {
    name: &'static str,
    address: Address,
    needs_secret: bool,
    needs_region: bool,
}

/// What Flagger does with a system's address.
#[derive(Clone, Copy, PartialEq)]
enum Address {
    /// It asks there; there is no other.
    Needed,
    /// The same, by a scheme of its own.
    NeededInAnyScheme,
    /// It has one where none is given.
    Known,
    /// Nothing.
    Unread,
}

const fn system(name: &'static str, address: Address) -> System {
    System { name, address, needs_secret: false, needs_region: false }
}

const fn with_secret(name: &'static str, address: Address) -> System {
    System { name, address, needs_secret: true, needs_region: false }
}

/// The types of Flagger's CRD.
const SYSTEMS: [System; 11] = [
    System { name: "cloudwatch", address: Address::Unread, needs_secret: false, needs_region: true },
    with_secret("datadog", Address::Known),
    with_secret("dynatrace", Address::Needed),
    system("externalmetrics", Address::Needed),
    system("graphite", Address::Needed),
    system("influxdb", Address::Needed),
    system("keptn", Address::Unread),
    with_secret("newrelic", Address::Known),
    system("prometheus", Address::Needed),
    with_secret("splunk", Address::NeededInAnyScheme),
    system("stackdriver", Address::Unread),
];

pub(super) fn check(metrics: &[Metric], path: &FieldPath, findings: &mut Findings) {
    for (_, custom, path) in templates(metrics, path) {
        let path = path.field("customMetric");
        check_provider(custom, &path.field("provider"), findings);
        findings.extend(query::check(custom.query.as_deref(), path.field("query")));
    }
}

fn check_provider(custom: &CustomMetric, path: &FieldPath, findings: &mut Findings) {
    let Some(provider) = &custom.provider else {
        findings.push(required(path.clone(), "must say which monitoring system is asked"));
        return;
    };
    let name = provider.r#type.as_deref().unwrap_or_default();
    match SYSTEMS.iter().find(|system| system.name == name) {
        Some(system) => check_needs(system, provider, path, findings),
        None => findings.push(unknown(name, path.field("type"))),
    }
}

fn required(path: FieldPath, message: impl Into<String>) -> Finding {
    Finding::error(&METRIC_TEMPLATE, path, Fault::Required, message)
}

fn unknown(name: &str, path: FieldPath) -> Finding {
    let all = || SYSTEMS.iter().map(|system| system.name);
    let one_of = || format!("it is one of {}", all().collect::<Vec<_>>().join(", "));
    if name.is_empty() {
        return required(path, "must name the kind of monitoring system").hint(one_of());
    }
    let message = "is no kind of monitoring system that Flagger knows";
    Finding::error(&METRIC_TEMPLATE, path, Fault::NotSupported, message)
        .value(name)
        .hint(names::suggest(name, all()).unwrap_or_else(one_of))
}

fn check_needs(system: &System, provider: &MetricProvider, path: &FieldPath, findings: &mut Findings) {
    let set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let must = || format!("must be set with type {}", system.name);
    findings.extend(check_address(system, provider, path.field("address")));
    if system.needs_region && !set(&provider.region) {
        findings.push(required(path.field("region"), must()));
    }
    match &provider.secret_ref {
        None if system.needs_secret => {
            findings.push(required(path.field("secretRef"), must()).hint("its keys are in the Secret"));
        }
        Some(secret) if !secret.name.as_deref().is_some_and(names::is_dns_subdomain) => {
            let path = path.field("secretRef").field("name");
            let message = "must be the name of a Secret";
            let finding = Finding::error(&METRIC_TEMPLATE, path, Fault::Invalid, message);
            findings.push(finding.value(secret.name.as_deref().unwrap_or_default()));
        }
        _ => {}
    }
}

fn check_address(system: &System, provider: &MetricProvider, path: FieldPath) -> Option<Finding> {
    let address = provider.address.as_deref().filter(|address| !address.is_empty());
    let is_needed = matches!(system.address, Address::Needed | Address::NeededInAnyScheme);
    let Some(address) = address else {
        let message = format!("must be set with type {}", system.name);
        return is_needed
            .then(|| required(path, message).hint("http://prometheus.monitoring:9090, for example"));
    };
    if !matches!(system.address, Address::Needed | Address::Known)
        || address::is_of(address, &["http", "https"])
    {
        return None;
    }
    let message = "must be an http or https URL with a host: Flagger asks by that alone";
    let finding = Finding::error(&METRIC_TEMPLATE, path, Fault::Invalid, message).value(address);
    let has_scheme = address.contains("://");
    Some(if has_scheme { finding } else { finding.hint("put \"http://\" before it") })
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::said;
    use super::*;
    use serde_json::{Value, json};

    fn of(custom: Value) -> String {
        let said = said(METRIC_TEMPLATE.code, json!([{"name": "orders", "customMetric": custom}]));
        said.replace("[0].customMetric.", "")
    }

    #[test]
    fn providers_have_what_they_need() {
        let http = "http://prometheus:9090";
        let secret = json!({"name": "token"});
        let table = [
            (json!({"type": "prometheus", "address": http}), ""),
            (json!({"type": "prometheus", "address": "https://user:pw@prometheus/base"}), ""),
            (json!({"type": "prometheus"}), "E provider.address"),
            (json!({"type": "prometheus", "address": ""}), "E provider.address"),
            (json!({"type": "prometheus", "address": "prometheus:9090"}), "E provider.address"),
            (json!({"type": "prometheus", "address": "10.0.0.1:9090"}), "E provider.address"),
            (json!({"type": "prometheus", "address": "grpc://prometheus:9090"}), "E provider.address"),
            (json!({"type": "prometheus", "address": "http://"}), "E provider.address"),
            (json!({"type": "graphite"}), "E provider.address"),
            (json!({"type": "influxdb"}), "E provider.address"),
            (json!({"type": "externalmetrics"}), "E provider.address"),
            (json!({"type": "dynatrace"}), "E provider.address, E provider.secretRef"),
            (json!({"type": "splunk", "address": "wss://stream.eu0.signalfx.com", "secretRef": secret}), ""),
            (json!({"type": "splunk"}), "E provider.address, E provider.secretRef"),
            (json!({"type": "datadog"}), "E provider.secretRef"),
            (json!({"type": "datadog", "secretRef": secret}), ""),
            (json!({"type": "datadog", "secretRef": {}}), "E provider.secretRef.name"),
            (json!({"type": "datadog", "secretRef": {"name": "A b"}}), "E provider.secretRef.name"),
            (json!({"type": "newrelic"}), "E provider.secretRef"),
            (json!({"type": "cloudwatch"}), "E provider.region"),
            (json!({"type": "cloudwatch", "region": "eu-west-1"}), ""),
            (json!({"type": "stackdriver"}), ""),
            (json!({"type": "keptn", "address": "anything"}), ""),
            (json!({"type": "graphit", "address": http}), "E provider.type"),
            (json!({"type": "Prometheus", "address": http}), "E provider.type"),
            (json!({"address": http}), "E provider.type"),
            (json!({}), "E provider.type"),
            (Value::Null, "E provider"),
        ];
        for (provider, expected) in table {
            assert_eq!(of(json!({"query": "up", "provider": provider})), expected, "{provider}");
        }
    }

    #[test]
    fn a_template_that_is_not_made_is_not_judged() {
        let metrics =
            json!([{"name": "request-duration", "customMetric": {"query": "{{"}}, {"name": "orders"}]);
        assert_eq!(said(METRIC_TEMPLATE.code, metrics), "");
        assert_eq!(of(json!({})), "E provider, E query");
    }
}
