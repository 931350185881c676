//! Whether a rollout finds Flagger where it goes.

use std::collections::BTreeSet;

use fleetgate_plan::destination::{Placement, placement};
use kube::ResourceExt;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{Example, Input, Rule, WARNS};

/// `ref/plugin`
pub const PLUGIN: Rule = Rule {
    code: "ref/plugin",
    severities: WARNS,
    what: "A rollout goes to a Fleet that has no Flagger plugin, or one for another provider.",
    why: "Without Flagger in the clusters nothing is rolled out; one for another provider may lack the metrics or the rights.",
    example: Example::new(
        r#"
            spec.destination.fleet: "quickstart"
            spec.syncPolicies[0].rollout: {"trafficRoutingProvider": "istio", "workload": {"kind": "Deployment", "name": "a", "namespace": "b"}, "serviceName": "a", "port": 80, "rolloutPolicy": {"skipTrafficAnalysis": true}}
        "#,
        r#"
            spec.destination.fleet: "rollouts"
            spec.syncPolicies[0].rollout: {"trafficRoutingProvider": "nginx", "workload": {"kind": "Deployment", "name": "a", "namespace": "b"}, "serviceName": "a", "port": 80, "rolloutPolicy": {"skipTrafficAnalysis": true}}
        "#,
    ),
};

pub(crate) fn check(input: Input<'_>, findings: &mut Findings) {
    let spec = &input.application.spec;
    let namespace = input.application.namespace().unwrap_or_default();
    let mut without_plugin = BTreeSet::new();
    for (index, policy) in spec.sync_policies.iter().enumerate() {
        let Some(rollout) = &policy.rollout else { continue };
        let Placement::Fleet { fleet, .. } = placement(spec, policy) else { continue };
        // That a Fleet does not exist is said for itself (`ref/fleet`).
        let Some(entry) = input.catalog.fleet(&namespace, fleet) else { continue };
        let path = FieldPath::policy(index).field("rollout");
        let provider = rollout.traffic_routing_provider.as_str();
        match &entry.flagger {
            None if without_plugin.insert(fleet) => {
                let message =
                    format!("needs Flagger in the clusters, and Fleet {fleet:?} does not install it");
                findings.push(
                    Finding::warning(&PLUGIN, path, Fault::Invalid, message)
                        .hint("set spec.plugin.flagger of the Fleet, or see to it that Flagger is there"),
                );
            }
            Some(flagger) if flagger.provider != provider => {
                let message =
                    format!("is not the provider of Flagger in Fleet {fleet:?}, {:?}", flagger.provider);
                let path = path.field("trafficRoutingProvider");
                findings.push(Finding::warning(&PLUGIN, path, Fault::Invalid, message).value(provider));
            }
            None | Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog, fleet_object, git_source, kustomization};
    use serde_json::{Value, json};

    fn plugin_findings(fleet: &str, plugin: Value, provider: &str) -> Vec<String> {
        let mut catalog = catalog();
        let object = fleet_object("quickstart", json!({"plugin": plugin}));
        catalog.insert_fleet(&serde_json::from_value(object).expect("a Fleet"));
        let rollout = json!({
            "trafficRoutingProvider": provider, "serviceName": "a", "port": 80, "rolloutPolicy": {},
            "workload": {"kind": "Deployment", "name": "a", "namespace": "b"},
        });
        let policy = json!({"kustomization": kustomization(), "rollout": rollout});
        let mut spec = json!({"source": git_source(), "syncPolicies": [policy, policy]});
        if !fleet.is_empty() {
            spec["destination"] = json!({"fleet": fleet});
        }
        let verdict = judge(Kind::Application, application("shop", spec), None, &catalog);
        let said = verdict.findings.iter().filter(|finding| finding.code == "ref/plugin");
        said.map(|finding| finding.path.to_string()).collect()
    }

    #[test]
    fn rollouts_look_for_flagger() {
        let nginx = json!({"flagger": {"trafficRoutingProvider": "nginx"}});
        let provider = [
            "spec.syncPolicies[0].rollout.trafficRoutingProvider",
            "spec.syncPolicies[1].rollout.trafficRoutingProvider",
        ];
        let table: [(&str, Value, &str, &[&str]); 6] = [
            ("quickstart", nginx.clone(), "nginx", &[]),
            ("quickstart", nginx.clone(), "istio", &provider),
            ("quickstart", json!(null), "nginx", &["spec.syncPolicies[0].rollout"]),
            ("quickstart", json!({"grafana": {}}), "nginx", &["spec.syncPolicies[0].rollout"]),
            ("gone", nginx, "istio", &[]),
            ("", json!(null), "istio", &[]),
        ];
        for (fleet, plugin, provider, expected) in table {
            assert_eq!(plugin_findings(fleet, plugin, provider), expected, "{fleet} {provider}");
        }
    }
}
