//! Rules about `spec.syncPolicies[].overrides`.

use fleetgate_api::Override;
use fleetgate_api::application::SyncPolicy;
use fleetgate_plan::destination::{Placement, placement};

use super::kustomization::check_patch;
use super::selector::{check_syntax, is_empty};
use super::{DENIES_OR_WARNS, Example, Input, Rule};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};

/// `policy/override`
pub const OVERRIDE: Rule = Rule {
    code: "policy/override",
    severities: DENIES_OR_WARNS,
    what: "An override of a kustomization with `values`, or of a helm release with `patches`. A warning for one that changes nothing: it has neither, or selects by label in a policy for the host cluster.",
    why: "The part has no meaning there, and what it was written for would not happen. The host cluster has no labels.",
    example: Example::new(
        r#"spec.syncPolicies[0].overrides: [{"clusterSelector": {"matchLabels": {"env": "dev"}}, "values": {"replicas": 1}}]
spec.destination.fleet: "quickstart""#,
        r#"spec.syncPolicies[0].overrides: [{"clusterSelector": {"matchLabels": {"env": "dev"}}, "patches": [{"patch": "- {op: replace, path: /spec/replicas, value: 1}", "target": {"kind": "Deployment"}}]}]
spec.destination.fleet: "quickstart""#,
    ),
};

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let spec = &input.application.spec;
    for (index, policy) in spec.sync_policies.iter().enumerate() {
        let is_on_host = placement(spec, policy) == Placement::Host;
        for (place, over) in policy.overrides.iter().flatten().enumerate() {
            let path = FieldPath::policy(index).field("overrides").index(place);
            check_kind(policy, over, &path, findings);
            check_effect(over, is_on_host, &path, findings);
            if policy.kustomization.is_some() {
                check_patches(over, &path, findings);
            }
            if let Some(selector) = &over.cluster_selector {
                check_syntax(selector, &path.field("clusterSelector"), findings);
            }
        }
    }
}

/// One that is neither or both kinds is refused for itself.
fn check_kind(policy: &SyncPolicy, over: &Override, path: &FieldPath, findings: &mut Findings) {
    let (field, message, hint) = match (&policy.kustomization, &policy.helm) {
        (Some(_), None) if over.values.is_some() => {
            ("values", "may not be set for a kustomization, which has no values", "use patches")
        }
        (None, Some(_)) if over.patches.is_some() => (
            "patches",
            "may not be set for a helm release, which would ignore them",
            "use values, or helm.postRenderers for all clusters",
        ),
        _ => return,
    };
    findings.push(Finding::error(&OVERRIDE, path.field(field), Fault::Forbidden, message).hint(hint));
}

fn check_patches(over: &Override, path: &FieldPath, findings: &mut Findings) {
    for (index, patch) in over.patches.iter().flatten().enumerate() {
        check_patch(patch, &path.field("patches").index(index), findings);
    }
}

fn check_effect(over: &Override, is_on_host: bool, path: &FieldPath, findings: &mut Findings) {
    let has_patches = over.patches.as_ref().is_some_and(|patches| !patches.is_empty());
    if !has_patches && over.values.is_none() {
        let message = "has neither patches nor values and changes nothing";
        findings.push(Finding::warning(&OVERRIDE, path.clone(), Fault::Invalid, message));
    }
    if is_on_host && over.cluster_selector.as_ref().is_some_and(|selector| !is_empty(selector)) {
        let message = "finds nothing: the policy goes to the host cluster, which has no labels";
        let path = path.field("clusterSelector");
        findings
            .push(Finding::warning(&OVERRIDE, path, Fault::Invalid, message).hint("leave the selector out"));
    }
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, findings, git_source, kustomization};
    use serde_json::{Value, json};

    fn said(mut policy: Value, destination: Value, overrides: Value) -> String {
        policy["overrides"] = overrides;
        let helm = json!({"helmRepository": {"url": "https://e.com", "interval": "5m"}});
        let source = if policy["helm"].is_null() { git_source() } else { helm };
        codes(json!({"source": source, "destination": destination, "syncPolicies": [policy]}))
    }

    #[test]
    fn an_override_is_of_its_policys_kind_and_changes_something() {
        let folder = || json!({"kustomization": kustomization()});
        let chart = || json!({"helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}});
        let (fleet, host) = (|| json!({"fleet": "quickstart"}), Value::Null);
        let dev = json!({"matchLabels": {"env": "dev"}});
        let patches =
            json!([{"patch": "- {op: remove, path: /spec/replicas}", "target": {"kind": "Deployment"}}]);
        let (forbidden, nothing) = ("E policy/override", "W policy/override");
        let table = [
            (folder(), fleet(), json!([{"clusterSelector": dev, "patches": patches}]), ""),
            (
                chart(),
                fleet(),
                json!([{"clusterSelector": dev, "values": {"a": null}}, {"values": {"a": 1}}]),
                "",
            ),
            (folder(), fleet(), json!([{"values": {"a": 1}}]), forbidden),
            (folder(), fleet(), json!([{"patches": patches, "values": {"a": 1}}]), forbidden),
            (chart(), fleet(), json!([{"patches": patches}]), forbidden),
            (folder(), fleet(), json!([{"clusterSelector": dev}]), nothing),
            (folder(), fleet(), json!([{"patches": []}]), nothing),
            (chart(), fleet(), json!([{}]), nothing),
            (folder(), host.clone(), json!([{"clusterSelector": dev, "patches": patches}]), nothing),
            (folder(), host.clone(), json!([{"clusterSelector": {}, "patches": patches}]), ""),
            (folder(), host, json!([{"patches": patches}]), ""),
            (folder(), fleet(), json!([]), ""),
            (
                folder(),
                fleet(),
                json!([{"clusterSelector": {"matchExpressions": [{"key": "env", "operator": "In"}]}, "patches": patches}]),
                "E selector/syntax",
            ),
            (chart(), fleet(), json!([{"values": [1]}]), "E object/unreadable"),
        ];
        for (policy, destination, overrides, expected) in table {
            assert_eq!(said(policy, destination, overrides.clone()), expected, "{overrides}");
        }
    }

    #[test]
    fn patches_are_judged_as_the_kustomizations_own() {
        let fine = json!({"patch": "- {op: remove, path: /spec/replicas}", "target": {"kind": "Deployment"}});
        let without_target = json!({"patch": "- {op: remove, path: /spec/replicas}"});
        let of = |policy: Value, source: Value, patches: Value| {
            let mut spec =
                json!({"source": source, "destination": {"fleet": "quickstart"}, "syncPolicies": [policy]});
            spec["syncPolicies"][0]["overrides"] = json!([{"patches": []}, {"patches": patches}]);
            let said =
                findings(spec).into_iter().filter(|finding| finding.code == "kustomization/patch-target");
            said.map(|finding| finding.path.to_string()).collect::<Vec<_>>()
        };
        let folder = |patches: Value| of(json!({"kustomization": kustomization()}), git_source(), patches);
        let path = "spec.syncPolicies[0].overrides[1].patches";
        assert_eq!(folder(json!([fine])), [""; 0]);
        assert_eq!(folder(json!([fine, without_target])), [format!("{path}[1].target")]);
        assert_eq!(folder(json!([{"patch": ""}])), [format!("{path}[0].patch")]);
        // What a chart may not have at all needs no second word.
        let chart = json!({"helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}});
        let charts = json!({"helmRepository": {"url": "https://e.com", "interval": "5m"}});
        assert_eq!(of(chart, charts, json!([without_target])), [""; 0]);
    }
}
