//! The rule about ranges of versions: of Git tags, OCI tags and charts.

use fleetgate_api::application::{Source, SyncPolicy};

use super::kinds;
use super::range::{self, RangeFault};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::re2::{self, Refusal};
use crate::rules::{DENIES_OR_WARNS, Example, Input, Rule};

/// `source/semver`
pub const SEMVER: Rule = Rule {
    code: "source/semver",
    severities: DENIES_OR_WARNS,
    what: "`ref.semver`, or a chart's `version` from a `helmRepository`, that is no range of semantic versions as Flux reads it: `>=1.2 <2`, `1.x || ^3`, `1.0 - 2.0`, `*`. An OCI `ref.semverFilter` that is no regular expression. A warning for one without `ref.semver`, and for a chart's `version` with another source, which ignores it.",
    why: "Flux never finds a version for it, and delivers nothing.",
    example: Example::new(
        r#"spec.source.gitRepository.ref: {"semver": ">>1.x"}"#,
        r#"spec.source.gitRepository.ref: {"semver": ">=1.2.0 <2.0.0"}"#,
    ),
};

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let spec = &input.application.spec;
    let path = FieldPath::spec().field("source");
    let git = spec.source.git_repository.as_ref().and_then(|git| git.r#ref.as_ref()?.semver.as_deref());
    let oci = spec.source.oci_repository.as_ref().and_then(|oci| oci.r#ref.as_ref()?.semver.as_deref());
    for (kind, range) in [("gitRepository", git), ("ociRepository", oci)] {
        if let Some(range) = range {
            check_range(range, path.field(kind).field("ref").field("semver"), findings);
        }
    }
    let filter =
        spec.source.oci_repository.as_ref().and_then(|oci| oci.r#ref.as_ref()?.semver_filter.as_deref());
    if let Some(filter) = filter {
        let path = path.field("ociRepository").field("ref").field("semverFilter");
        findings.extend(check_filter(filter, oci, path));
    }
    for (index, policy) in spec.sync_policies.iter().enumerate() {
        check_chart(&spec.source, policy, index, findings);
    }
}

/// Flux compiles it before it looks at the tags (`filterTags` of source-controller).
fn check_filter(filter: &str, semver: Option<&str>, path: FieldPath) -> Option<Finding> {
    if semver.is_none_or(str::is_empty) {
        let message = "is not used: it filters tags for ref.semver, which is not set";
        return (!filter.is_empty()).then(|| Finding::warning(&SEMVER, path, Fault::Invalid, message));
    }
    let (Refusal::Malformed(reason) | Refusal::Dialect(reason)) = re2::check(filter).err()?;
    let message = format!("must be a regular expression: {reason}");
    Some(Finding::error(&SEMVER, path, Fault::Invalid, message).value(filter))
}

/// Flux takes an empty range for none, and here for the latest version.
fn check_chart(source: &Source, policy: &SyncPolicy, index: usize, findings: &mut Findings) {
    let chart = policy.helm.as_ref().and_then(|helm| helm.chart.as_ref());
    let Some(version) = chart.and_then(|chart| chart.spec.version.as_deref()) else {
        return;
    };
    let path = || {
        let helm = FieldPath::policy(index).field("helm");
        helm.field("chart").field("spec").field("version")
    };
    match kinds(source)[..] {
        ["helmRepository"] => check_range(version, path(), findings),
        [kind] if !matches!(version, "" | "*") => {
            let message = format!("is not used: the version is that of the chart in the {kind}");
            findings.push(Finding::warning(&SEMVER, path(), Fault::Invalid, message));
        }
        _ => {}
    }
}

fn check_range(range: &str, path: FieldPath, findings: &mut Findings) {
    let message = match range::check(range) {
        Err(fault) if !range.is_empty() => match fault {
            RangeFault::TooLong => "is longer than 512 bytes, more than Flux reads",
            RangeFault::TooMany => "has more than 32 alternatives, more than Flux reads",
            RangeFault::Malformed => "must be a range of semantic versions such as 1.x or >=1.2.0 <2.0.0",
        },
        _ => return,
    };
    findings.push(Finding::error(&SEMVER, path, Fault::Invalid, message).value(range));
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, kustomization};
    use serde_json::{Value, json};

    fn helm(version: &str) -> Value {
        json!({"helm": {"interval": "5m", "chart": {"spec": {"chart": "c", "version": version}}}})
    }

    #[test]
    fn references() {
        let table = [("1.x", ""), ("", ""), (">>1.x.y", "E source/semver"), (" ", "E source/semver")];
        for (range, expected) in table {
            for kind in ["gitRepository", "ociRepository"] {
                let scheme = if kind == "gitRepository" { "https" } else { "oci" };
                let repository = json!({"url": format!("{scheme}://e.com/o/r"), "interval": "5m", "ref": {"semver": range}});
                let spec = json!({"source": {kind: repository}, "syncPolicies": [{"kustomization": kustomization()}]});
                assert_eq!(codes(spec), expected, "{kind} {range:?}");
            }
        }
    }

    #[test]
    fn filters_of_tags() {
        let table = [
            (json!({"semver": "1.x", "semverFilter": ".*-rc.*"}), ""),
            (json!({"semver": "1.x", "semverFilter": ""}), ""),
            (json!({"semver": "1.x", "semverFilter": "(["}), "E source/semver"),
            (json!({"semver": "1.x", "semverFilter": "(?!rc)"}), "E source/semver"),
            (json!({"tag": "v1", "semverFilter": ".*"}), "W source/semver"),
        ];
        for (reference, expected) in table {
            let source =
                json!({"ociRepository": {"url": "oci://e.com/o/r", "interval": "5m", "ref": reference}});
            let spec = json!({"source": source, "syncPolicies": [{"kustomization": kustomization()}]});
            assert_eq!(codes(spec), expected, "{reference}");
        }
    }

    #[test]
    fn chart_versions() {
        let charts = json!({"helmRepository": {"url": "https://charts.example.com"}});
        let git = json!({"gitRepository": {"url": "https://e.com/o/r", "interval": "5m"}});
        let table = [
            (&charts, "1.2.3", ""),
            (&charts, "*", ""),
            (&charts, "", ""),
            (&charts, "latest", "E source/semver"),
            (&git, "latest", "W source/semver"),
            (&git, "*", ""),
        ];
        for (source, version, expected) in table {
            assert_eq!(
                codes(json!({"source": source, "syncPolicies": [helm(version)]})),
                expected,
                "{source} {version}"
            );
        }
    }
}
