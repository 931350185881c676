//! What is installed in a Fleet's clusters (Kurator's plugins).

use fleetgate_api::fleet::FleetPlugin;
use fleetgate_api::fleet::plugin::{ChartConfig, PodSecurity};
use fleetgate_plan::Provider;
use serde_json::Value;

use crate::address;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{DENIES_OR_WARNS, Example, FleetInput, Rule};

/// `fleet/plugin`
pub const PLUGIN: Rule = Rule {
    code: "fleet/plugin",
    severities: DENIES_OR_WARNS,
    what: "Metrics without the Secret of their object store; a value that Kyverno does not have; a chart repository that is not http, https or oci; `extraArgs` that are no object; a Flagger provider that does not exist. Grafana without metrics is a warning.",
    why: "Kurator would fail to install it, or crash; Flagger takes a provider that it does not know for Istio.",
    example: Example::new(
        r#"spec.plugin.flagger.trafficRoutingProvider: "Istio""#,
        r#"spec.plugin.flagger.trafficRoutingProvider: "istio""#,
    ),
};

pub(crate) fn check(input: FleetInput<'_>, findings: &mut Findings) {
    let Some(plugin) = &input.fleet.spec.plugin else { return };
    let path = FieldPath::spec().field("plugin");
    findings.extend(check_metric(plugin, &path));
    findings.extend(check_grafana(plugin, &path));
    findings.extend(check_flagger(plugin, &path));
    check_pod_security(plugin, &path, findings);
    for installed in installed(plugin, &path) {
        findings.extend(check_repository(&installed));
        findings.extend(check_extra_args(&installed));
    }
}

fn error(path: FieldPath, fault: Fault, message: impl Into<String>) -> Finding {
    Finding::error(&PLUGIN, path, fault, message)
}

fn check_metric(plugin: &FleetPlugin, path: &FieldPath) -> Option<Finding> {
    let metric = plugin.metric.as_ref()?;
    let path = path.field("metric").field("thanos").field("objectStoreConfig").field("secretName");
    let name = metric.thanos.as_ref().map_or("", |thanos| &thanos.object_store_config.secret_name);
    if name.is_empty() {
        let message = "must name the Secret with the configuration of the object store";
        return Some(error(path, Fault::Required, message).hint("without it no metrics are kept"));
    }
    (!names::is_dns_subdomain(name)).then(|| {
        error(path, Fault::Invalid, "must be the name of a Secret in the Fleet's namespace").value(name)
    })
}

fn check_grafana(plugin: &FleetPlugin, path: &FieldPath) -> Option<Finding> {
    (plugin.grafana.is_some() && plugin.metric.is_none()).then(|| {
        let message = "has no metrics to show: spec.plugin.metric is not set";
        Finding::warning(&PLUGIN, path.field("grafana"), Fault::Invalid, message)
    })
}

fn check_flagger(plugin: &FleetPlugin, path: &FieldPath) -> Option<Finding> {
    let provider = &plugin.flagger.as_ref()?.traffic_routing_provider;
    if Provider::of(provider).is_some() {
        return None;
    }
    let known = Provider::ALL.map(Provider::as_str);
    let path = path.field("flagger").field("trafficRoutingProvider");
    let message = format!("must be one of {}, in exactly that spelling", known.join(", "));
    let finding = error(path, Fault::NotSupported, message).value(provider.as_str());
    Some(match names::nearest(provider, known.into_iter()) {
        Some(near) => finding.hint(format!("did you mean {near:?}?")),
        None => finding,
    })
}

fn check_pod_security(plugin: &FleetPlugin, path: &FieldPath, findings: &mut Findings) {
    let kyverno = plugin.policy.as_ref().and_then(|policy| policy.kyverno.as_ref());
    let Some(security) = kyverno.and_then(|kyverno| kyverno.pod_security.as_ref()) else { return };
    let path = path.field("policy").field("kyverno").field("podSecurity");
    let fields: [(&str, &Option<String>, &[&str]); 3] = [
        ("standard", &security.standard, &PodSecurity::STANDARDS),
        ("severity", &security.severity, &PodSecurity::SEVERITIES),
        ("validationFailureAction", &security.validation_failure_action, &PodSecurity::ACTIONS),
    ];
    for (field, value, known) in fields {
        if let Some(value) = value.as_deref().filter(|value| !known.contains(value)) {
            let message = format!("must be one of {}", known.join(", "));
            findings.push(error(path.field(field), Fault::NotSupported, message).value(value));
        }
    }
}

/// One chart that a plugin installs.
struct Installed<'a> {
    path: FieldPath,
    chart: Option<&'a ChartConfig>,
    extra_args: Option<&'a Value>,
}

fn installed<'a>(plugin: &'a FleetPlugin, path: &FieldPath) -> Vec<Installed<'a>> {
    let mut charts = Vec::new();
    let mut push =
        |fields: &[&'static str], chart: &'a Option<ChartConfig>, extra_args: &'a Option<Value>| {
            let path = fields.iter().fold(path.clone(), |path, field| path.field(*field));
            charts.push(Installed { path, chart: chart.as_ref(), extra_args: extra_args.as_ref() });
        };
    if let Some(metric) = &plugin.metric {
        if let Some(prometheus) = &metric.prometheus {
            push(&["metric", "prometheus"], &prometheus.chart, &prometheus.extra_args);
        }
        if let Some(thanos) = &metric.thanos {
            push(&["metric", "thanos"], &thanos.chart, &thanos.extra_args);
        }
    }
    if let Some(grafana) = &plugin.grafana {
        push(&["grafana"], &grafana.chart, &grafana.extra_args);
    }
    if let Some(kyverno) = plugin.policy.as_ref().and_then(|policy| policy.kyverno.as_ref()) {
        push(&["policy", "kyverno"], &kyverno.chart, &kyverno.extra_args);
    }
    if let Some(flagger) = &plugin.flagger {
        push(&["flagger"], &flagger.chart, &flagger.extra_args);
        if let Some(config) = &flagger.config {
            push(&["flagger", "config"], &config.chart, &config.extra_args);
        }
    }
    charts
}

fn check_repository(installed: &Installed<'_>) -> Option<Finding> {
    // An empty one is the plugin's own, as an absent one is.
    let repository = installed.chart?.repository.as_deref().filter(|repository| !repository.is_empty())?;
    (!address::is_of(repository, &["http", "https", "oci"])).then(|| {
        let path = installed.path.field("chart").field("repository");
        let message = "must be an address of the form https://, http:// or oci://, with a host";
        error(path, Fault::Invalid, message).value(repository)
    })
}

fn check_extra_args(installed: &Installed<'_>) -> Option<Finding> {
    let extra_args = installed.extra_args?;
    (!extra_args.is_object()).then(|| {
        let path = installed.path.field("extraArgs");
        error(path, Fault::TypeInvalid, "must be an object: they are values of the chart")
    })
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{fleet_codes, fleet_findings};
    use serde_json::{Value, json};

    #[test]
    fn plugins() {
        let metric = json!({"thanos": {"objectStoreConfig": {"secretName": "store"}}});
        let flagger = |provider: &str| json!({"flagger": {"trafficRoutingProvider": provider}});
        let security =
            |field: &str, value: &str| json!({"policy": {"kyverno": {"podSecurity": {field: value}}}});
        let chart =
            |repository: &str| json!({"grafana": {"chart": {"repository": repository}}, "metric": metric});
        let bad = "E fleet/plugin";
        let unreadable = "E object/unreadable";
        let table = [
            (json!({}), ""),
            (json!({"metric": null, "grafana": null}), ""),
            (json!({"metric": metric, "grafana": {}}), ""),
            (json!({"grafana": {}}), "W fleet/plugin"),
            (json!({"metric": {}}), bad),
            (json!({"metric": {"prometheus": {}}}), bad),
            (json!({"metric": {"thanos": {}}}), unreadable),
            (json!({"metric": {"thanos": {"objectStoreConfig": {"secretName": ""}}}}), bad),
            (json!({"metric": {"thanos": {"objectStoreConfig": {"secretName": "a/b"}}}}), bad),
            (flagger("istio"), ""),
            (flagger("gatewayapi:v1"), ""),
            (flagger("Istio"), bad),
            (flagger("gatewayapi"), bad),
            (flagger("appmesh"), bad),
            (flagger(""), bad),
            (json!({"flagger": {}}), unreadable),
            (security("standard", "restricted"), ""),
            (security("standard", "Baseline"), bad),
            (security("severity", "critical"), bad),
            (security("severity", ""), bad),
            (security("validationFailureAction", "enforce"), bad),
            (chart("https://charts.example.com"), ""),
            (chart("oci://charts.example.com/a"), ""),
            (chart(""), ""),
            (chart("ftp://charts.example.com"), bad),
            (chart("charts.example.com"), bad),
            (chart("https://"), bad),
            (json!({"metric": metric, "grafana": {"extraArgs": {"any": [1]}}}), ""),
            (json!({"metric": metric, "grafana": {"extraArgs": null}}), ""),
            (json!({"metric": metric, "grafana": {"extraArgs": "--set a=b"}}), bad),
            (json!({"flagger": {"trafficRoutingProvider": "nginx", "config": {"extraArgs": []}}}), bad),
            (
                json!({"backup": {"storage": {}}, "submariner": {"brokerCluster": "m1"}, "distributedStorage": {}}),
                "",
            ),
        ];
        for (plugin, expected) in table {
            assert_eq!(fleet_codes(json!({"plugin": plugin.clone()})), expected, "{plugin}");
        }
    }

    #[test]
    fn a_provider_gets_the_nearest_one() {
        let plugin: Value = json!({"flagger": {"trafficRoutingProvider": "gatewayapi:v2"}});
        let text = fleet_findings(json!({"plugin": plugin}))[0].to_string();
        assert!(text.ends_with("did you mean \"gatewayapi:v1\"? [fleet/plugin]"), "{text}");
    }
}
