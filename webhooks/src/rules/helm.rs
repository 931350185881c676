//! Rules about a `helm` policy.

mod namespace;

use fleetgate_api::helm::{Helm, ValuesReference};
use serde_json::Value;

pub use self::namespace::NAMESPACE;
use super::data_source::DataSource;
use super::kustomization::check_patch;
use super::{DENIES, Example, Input, Rule};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;

/// `helm/chart-name`
pub const CHART_NAME: Rule = Rule {
    code: "helm/chart-name",
    severities: DENIES,
    what: "A chart of a `helmRepository` whose name has other characters than lower case letters, digits, `-`, `/` and `.`.",
    why: "Flux refuses to look for it; every chart's name is of that kind.",
    example: Example::new(
        r#"spec.syncPolicies[0].helm.chart.spec.chart: "PodInfo""#,
        r#"spec.syncPolicies[0].helm.chart.spec.chart: "podinfo""#,
    ),
};

/// `helm/release-name`
pub const RELEASE_NAME: Rule = Rule {
    code: "helm/release-name",
    severities: DENIES,
    what: "An explicit `releaseName` of more than 53 characters, or that is no DNS subdomain. A composed one is shortened by Flux.",
    why: "Helm refuses to install it.",
    example: Example::new(
        r#"spec.syncPolicies[0].helm.releaseName: "My Release""#,
        r#"spec.syncPolicies[0].helm.releaseName: "my-release""#,
    ),
};

/// `helm/values`
pub const VALUES: Rule = Rule {
    code: "helm/values",
    severities: DENIES,
    what: "`values` that are no object, or an item of `valuesFrom` without name or of a kind other than ConfigMap and Secret.",
    why: "Flux takes values that are no object for none, without a word, and cannot read values from anything else.",
    example: Example::new(
        r#"spec.syncPolicies[0].helm.values: "replicaCount: 2""#,
        r#"spec.syncPolicies[0].helm.values: {"replicaCount": 2}"#,
    ),
};

/// The longest name that Helm gives a release, in bytes
/// (`ValidateReleaseName` of `helm.sh/helm/v4/pkg/chart/v2/util`).
const MAX_RELEASE_NAME: usize = 53;

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let spec = &input.application.spec;
    let from_helm_repository = spec.source.helm_repository.is_some();
    for (index, policy) in spec.sync_policies.iter().enumerate() {
        let Some(helm) = &policy.helm else { continue };
        let path = FieldPath::policy(index).field("helm");
        if from_helm_repository {
            check_chart_name(helm, &path, findings);
        }
        check_release_name(helm, &path, findings);
        check_values(helm, &path, findings);
        check_post_renderers(helm, &path, findings);
        findings.extend(namespace::check(input.application, policy, helm, &path));
    }
}

fn check_chart_name(helm: &Helm, path: &FieldPath, findings: &mut Findings) {
    let name = helm.chart.as_ref().and_then(|chart| chart.spec.chart.as_deref());
    let Some(name) = name.filter(|name| !name.is_empty() && !is_chart_name(name)) else {
        return;
    };
    let path = path.field("chart").field("spec").field("chart");
    let message = "must be a chart's name: lower case letters, digits, '-', '/' and '.'";
    findings.push(Finding::error(&CHART_NAME, path, Fault::Invalid, message).value(name));
}

/// `^([-a-z0-9]+/?\.?)+$`, as source-controller has it (`RemoteReference.Validate`).
fn is_chart_name(name: &str) -> bool {
    let is_word = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let name = name.strip_suffix('/').unwrap_or(name);
    name.replace("/.", "/").split(['/', '.']).all(is_word)
}

/// Helm takes dots as well, though no service may be called so.
fn check_release_name(helm: &Helm, path: &FieldPath, findings: &mut Findings) {
    let Some(name) = names::given(helm.release_name.as_deref()) else {
        return;
    };
    let path = path.field("releaseName");
    if name.len() > MAX_RELEASE_NAME {
        let message =
            format!("may not be longer than {MAX_RELEASE_NAME} characters, Helm's limit, is {}", name.len());
        findings.push(Finding::error(&RELEASE_NAME, path, Fault::TooLong, message));
    } else if !names::is_dns_subdomain(name) {
        let message = "must consist of lower case letters, digits, '-' or '.', and start and end with a letter or digit";
        findings.push(Finding::error(&RELEASE_NAME, path, Fault::Invalid, message).value(name));
    }
}

fn check_values(helm: &Helm, path: &FieldPath, findings: &mut Findings) {
    if helm.values.as_ref().is_some_and(|values| !matches!(values, Value::Object(_) | Value::Null)) {
        let message = "must be an object: anything else is ignored, and the chart's own values hold";
        findings.push(Finding::error(&VALUES, path.field("values"), Fault::TypeInvalid, message));
    }
    for (index, reference) in helm.values_from.iter().flatten().enumerate() {
        let ValuesReference { kind, name, optional, .. } = reference;
        let source = DataSource { kind, name, optional: optional.unwrap_or_default() };
        source.check(&VALUES, &path.field("valuesFrom").index(index), findings);
    }
}

fn check_post_renderers(helm: &Helm, path: &FieldPath, findings: &mut Findings) {
    for (renderer, post_renderer) in helm.post_renderers.iter().flatten().enumerate() {
        let patches = post_renderer.kustomize.iter().flat_map(|kustomize| kustomize.patches.iter().flatten());
        let path = path.field("postRenderers").index(renderer).field("kustomize").field("patches");
        for (index, patch) in patches.enumerate() {
            check_patch(patch, &path.index(index), findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_chart_name;
    use crate::test_fixtures::codes;
    use serde_json::{Value, json};

    fn with(field: &str, value: Value) -> Value {
        let mut helm = json!({"interval": "5m", "chart": {"spec": {"chart": "podinfo"}}});
        helm[field] = value;
        json!({
            "source": {"helmRepository": {"url": "https://charts.example.com"}},
            "syncPolicies": [{"helm": helm}],
        })
    }

    #[test]
    fn chart_names() {
        for name in ["podinfo", "a-1", "-", "org/podinfo", "a.b", "a/.b", "a/", "a.", "a/."] {
            assert!(is_chart_name(name), "{name}");
        }
        for name in ["PodInfo", "pod_info", "a//b", "a..b", "a./b", "/a", ".a", "a b", "é", "", "/", "."] {
            assert!(!is_chart_name(name), "{name}");
        }
        assert_eq!(codes(with("chart", json!({"spec": {"chart": "PodInfo"}}))), "E helm/chart-name");
        let mut path_in_git = with("chart", json!({"spec": {"chart": "./Charts/PodInfo"}}));
        path_in_git["source"] = json!({"gitRepository": {"url": "https://e.com/o/r", "interval": "5m"}});
        assert_eq!(codes(path_in_git), "");
    }

    #[test]
    fn release_names_are_helms() {
        let (longest, too_long) = ("a".repeat(53), "a".repeat(54));
        let table = [
            ("podinfo", ""),
            ("a.b-1", ""),
            (&longest, ""),
            (&too_long, "E helm/release-name"),
            ("My Release", "E helm/release-name"),
            ("-a", "E helm/release-name"),
            ("a..b", "E helm/release-name"),
            ("", "E schema/HelmRelease"),
        ];
        for (name, expected) in table {
            assert_eq!(codes(with("releaseName", json!(name))), expected, "{name:?}");
        }
    }

    #[test]
    fn values_are_an_object() {
        let table = [
            (json!({}), ""),
            (json!(null), ""),
            (json!({"any": [null, {"thing": 1}]}), ""),
            (json!([]), "E helm/values"),
            (json!("replicaCount: 2"), "E helm/values"),
            (json!(5), "E helm/values"),
        ];
        for (values, expected) in table {
            assert_eq!(codes(with("values", values.clone())), expected, "{values}");
        }
    }

    #[test]
    fn values_come_from_config_maps_and_secrets() {
        let table = [
            (json!({"kind": "ConfigMap", "name": "shop.values"}), ""),
            (json!({"kind": "Secret", "name": "shop"}), ""),
            (json!({"kind": "Pod", "name": "shop"}), "E helm/values"),
            (json!({"kind": "Secret", "name": ""}), "E helm/values"),
            (json!({"kind": "Secret"}), "E object/unreadable"),
            (json!({"kind": "Secret", "name": "My_Values"}), "E helm/values"),
            (json!({"kind": "Secret", "name": "My_Values", "optional": true}), ""),
        ];
        for (reference, expected) in table {
            assert_eq!(codes(with("valuesFrom", json!([reference.clone()]))), expected, "{reference}");
        }
    }

    #[test]
    fn patches_of_post_renderers_are_patches() {
        let patch = |text: &str| json!([{"kustomize": {"patches": [{"patch": text}]}}]);
        assert_eq!(
            codes(with("postRenderers", patch("{apiVersion: v1, kind: Service, metadata: {name: a}}"))),
            ""
        );
        assert_eq!(codes(with("postRenderers", patch("{{{ not yaml"))), "E kustomization/patch-target");
    }
}
