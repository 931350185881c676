//! Rules about `spec.source`.

mod bucket;
mod chart_template;
mod oci;
mod range;
mod reference;
mod semver;
mod sparse;
mod url;
mod verification;

use fleetgate_api::application::Source;

pub use self::reference::REF;
pub use self::semver::SEMVER;
pub use self::url::URL;
pub use self::verification::IGNORE_AND_INCLUDE;
use super::{DENIES, DENIES_OR_WARNS, Example, Input, Rule};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};

/// `source/exactly-one`
pub const EXACTLY_ONE: Rule = Rule {
    code: "source/exactly-one",
    severities: DENIES,
    what: "None, or more than one, of `gitRepository`, `helmRepository`, `ociRepository` and `bucket`.",
    why: "Nothing could be delivered, or which one wins would be an accident.",
    example: Example::new(
        r#"
            spec.source.gitRepository.url: "https://github.com/o/r"
            spec.source.helmRepository.url: "https://charts.example.com"
        "#,
        r#"spec.source.gitRepository.url: "https://github.com/o/r""#,
    ),
};

/// `source/policy-mismatch`
pub const POLICY_MISMATCH: Rule = Rule {
    code: "source/policy-mismatch",
    severities: DENIES_OR_WARNS,
    what: "A kustomization from a `helmRepository`, or a `helm` policy that names a chart, or values files of it (`valuesFiles`), although the source is an `ociRepository`. A warning for what of `chart` has no effect then: `metadata`, `interval`, `reconcileStrategy` and `ignoreMissingValuesFiles`.",
    why: "Flux builds a Kustomization from Git, OCI and buckets only; an OCI artifact is the chart itself, and a release refers to it as a whole: it would run with other values than those of the files.",
    example: Example::new(
        r#"
            spec.source.gitRepository: null
            spec.source.helmRepository.url: "https://charts.example.com"
            spec.syncPolicies[0].kustomization.path: "./deploy"
        "#,
        r#"
            spec.source.gitRepository.url: "https://github.com/o/r"
            spec.syncPolicies[0].kustomization.path: "./deploy"
        "#,
    ),
};

/// `source/helm-type`
pub const HELM_TYPE: Rule = Rule {
    code: "source/helm-type",
    severities: DENIES,
    what: "A `helmRepository` of type `oci` without an `oci://` URL, or of type `default` with one. An absent type follows the URL.",
    why: "Flux would look for an index where there is none.",
    example: Example::new(
        r#"spec.source: {"helmRepository": {"url": "oci://ghcr.io/org/charts", "type": "default"}}"#,
        r#"spec.source: {"helmRepository": {"url": "oci://ghcr.io/org/charts", "type": "oci"}}"#,
    ),
};

/// The source kinds that are set, by field name.
fn kinds(source: &Source) -> Vec<&'static str> {
    [
        ("gitRepository", source.git_repository.is_some()),
        ("helmRepository", source.helm_repository.is_some()),
        ("ociRepository", source.oci_repository.is_some()),
        ("bucket", source.bucket.is_some()),
    ]
    .into_iter()
    .filter_map(|(kind, present)| present.then_some(kind))
    .collect()
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let source = &input.application.spec.source;
    check_exactly_one(source, findings);
    check_policies(input, findings);
    check_helm_type(source, findings);
    url::check(source, findings);
    reference::check(source, findings);
    semver::check(input, findings);
    verification::check(input, findings);
}

fn check_exactly_one(source: &Source, findings: &mut Findings) {
    let path = FieldPath::spec().field("source");
    let kinds = kinds(source);
    let Some((first, rest)) = kinds.split_first() else {
        let message = "must have one of gitRepository, helmRepository, ociRepository and bucket";
        findings.push(Finding::error(&EXACTLY_ONE, path, Fault::Required, message));
        return;
    };
    for kind in rest {
        let message = format!("may not be set together with {first}");
        findings.push(
            Finding::error(&EXACTLY_ONE, path.field(*kind), Fault::Forbidden, message)
                .hint("an Application has one source; make another Application for the other"),
        );
    }
}

fn check_policies(input: Input<'_>, findings: &mut Findings) {
    let spec = &input.application.spec;
    let [kind] = kinds(&spec.source)[..] else {
        return;
    };
    for (index, policy) in spec.sync_policies.iter().enumerate() {
        let path = FieldPath::policy(index);
        if kind == "helmRepository" && policy.kustomization.is_some() {
            let message = "may not be used with a helmRepository, which holds charts only";
            findings.push(
                Finding::error(&POLICY_MISMATCH, path.field("kustomization"), Fault::Forbidden, message)
                    .hint("use a helm policy, or a gitRepository, ociRepository or bucket as the source"),
            );
        }
        let chart = policy.helm.as_ref().and_then(|helm| helm.chart.as_ref());
        if let Some(chart) = chart.filter(|_| kind == "ociRepository") {
            chart_template::check(chart, &path.field("helm").field("chart"), findings);
        }
    }
}

fn check_helm_type(source: &Source, findings: &mut Findings) {
    let Some(helm) = &source.helm_repository else {
        return;
    };
    let path = FieldPath::spec().field("source").field("helmRepository").field("type");
    let is_oci = helm.url.starts_with("oci://");
    let message = match helm.r#type.as_deref() {
        Some("oci") if !is_oci => "must be default, or the url start with oci://",
        Some("default") if is_oci => "must be oci for an oci:// url",
        _ => return,
    };
    let value = helm.r#type.clone().unwrap_or_default();
    findings.push(
        Finding::error(&HELM_TYPE, path, Fault::Invalid, message)
            .value(value)
            .hint("left out, it follows the url"),
    );
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, git_source, kustomization};
    use serde_json::{Value, json};

    fn with(source: Value, policy: Value) -> Value {
        json!({"source": source, "syncPolicies": [policy]})
    }

    #[test]
    fn exactly_one_source() {
        let helm = json!({"url": "https://charts.example.com"});
        let mut two = git_source();
        two["helmRepository"] = helm;
        let table = [(json!({}), "E source/exactly-one"), (git_source(), ""), (two, "E source/exactly-one")];
        for (source, expected) in table {
            assert_eq!(
                codes(with(source.clone(), json!({"kustomization": kustomization()}))),
                expected,
                "{source}"
            );
        }
    }

    #[test]
    fn policies_that_fit_the_source() {
        let helm_repository = json!({"helmRepository": {"url": "https://charts.example.com"}});
        let oci = json!({"ociRepository": {"url": "oci://ghcr.io/a/b", "interval": "5m"}});
        let named = json!({"helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}});
        let unnamed = json!({"helm": {"interval": "5m"}});
        let kustomization = json!({"kustomization": kustomization()});
        let table = [
            (&helm_repository, &kustomization, "E source/policy-mismatch"),
            (&helm_repository, &named, ""),
            (&oci, &named, "E source/policy-mismatch"),
            (&oci, &unnamed, ""),
            (&oci, &kustomization, ""),
        ];
        for (source, policy, expected) in table {
            assert_eq!(codes(with(source.clone(), policy.clone())), expected, "{source} {policy}");
        }
    }

    #[test]
    fn helm_types_follow_the_url() {
        let table = [
            (json!({"url": "https://e.com"}), ""),
            (json!({"url": "https://e.com", "type": "default"}), ""),
            (json!({"url": "https://e.com", "type": "oci"}), "E source/helm-type"),
            (json!({"url": "oci://e.com/a", "type": "oci"}), ""),
            (json!({"url": "oci://e.com/a", "type": "default"}), "E source/helm-type"),
        ];
        let policy = json!({"helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}});
        for (helm, expected) in table {
            assert_eq!(codes(with(json!({"helmRepository": helm}), policy.clone())), expected, "{helm}");
        }
    }
}
