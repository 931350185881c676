//! The rule about paths in a source.

use fleetgate_api::application::SyncPolicy;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES_OR_WARNS, Example, Input, Rule};

/// `policy/path`
pub const PATH: Rule = Rule {
    code: "policy/path",
    severities: DENIES_OR_WARNS,
    what: "The absolute path of a chart in a `gitRepository` or `bucket`, or one of a component that is absolute or an address. A warning for the absolute path of a kustomization, and for a path that climbs out of the source with `..`.",
    why: "Flux refuses the first two; the others it joins below the source's root, so that they are not what they say.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.path: "../deploy""#,
        r#"spec.syncPolicies[0].kustomization.path: "./deploy""#,
    ),
};

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let source = &input.application.spec.source;
    let has_files = source.git_repository.is_some() || source.bucket.is_some();
    for (index, policy) in input.application.spec.sync_policies.iter().enumerate() {
        check_manifests(policy, index, findings);
        check_components(policy, index, findings);
        if has_files && source.helm_repository.is_none() {
            check_chart(policy, index, findings);
        }
    }
}

fn check_manifests(policy: &SyncPolicy, index: usize, findings: &mut Findings) {
    let Some(path) = policy.kustomization.as_ref().and_then(|kustomization| kustomization.path.as_deref())
    else {
        return;
    };
    let place = || FieldPath::policy(index).field("kustomization").field("path");
    if path.starts_with('/') {
        let message = "is not absolute: it is taken from the source's root";
        findings.push(
            Finding::warning(&PATH, place(), Fault::Invalid, message).value(path).hint("begin it with ./"),
        );
    } else if climbs(path) {
        findings.push(climbing(path, place()));
    }
}

/// Flux builds no component that is not in the source (`IsLocalRelativePath` of
/// `github.com/fluxcd/pkg/kustomize`).
fn check_components(policy: &SyncPolicy, index: usize, findings: &mut Findings) {
    const REMOTE: [&str; 8] =
        ["git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/"];
    let components =
        policy.kustomization.as_ref().and_then(|kustomization| kustomization.components.as_ref());
    for (place, component) in components.into_iter().flatten().enumerate() {
        let lower = component.to_lowercase();
        let is_remote = REMOTE.iter().any(|head| lower.len() > head.len() && lower.starts_with(head));
        if is_remote || lower.strip_prefix("file://").unwrap_or(&lower).starts_with('/') {
            let path = FieldPath::policy(index).field("kustomization").field("components").index(place);
            let message = "must be a path in the source, relative to the kustomization's";
            findings.push(Finding::error(&PATH, path, Fault::Invalid, message).value(component.as_str()));
        }
    }
}

/// source-controller, `LocalReference.Validate`: "expected to be relative".
fn check_chart(policy: &SyncPolicy, index: usize, findings: &mut Findings) {
    let chart = policy.helm.as_ref().and_then(|helm| helm.chart.as_ref());
    let Some(path) = chart.and_then(|chart| chart.spec.chart.as_deref()) else {
        return;
    };
    let place = || FieldPath::policy(index).field("helm").field("chart").field("spec").field("chart");
    if path.starts_with('/') {
        let message = "must be a path relative to the source's root";
        findings.push(
            Finding::error(&PATH, place(), Fault::Invalid, message).value(path).hint("begin it with ./"),
        );
    } else if climbs(path) {
        findings.push(climbing(path, place()));
    }
}

fn climbing(path: &str, place: FieldPath) -> Finding {
    let message = "climbs out of the source, and is taken from its root instead";
    Finding::warning(&PATH, place, Fault::Invalid, message).value(path).hint("leave the .. in front out")
}

/// Whether the path leaves the folder that it starts in, on its way or for good.
fn climbs(path: &str) -> bool {
    let mut depth: usize = 0;
    path.split('/').any(|part| match part {
        "" | "." => false,
        ".." if depth == 0 => true,
        ".." => {
            depth -= 1;
            false
        }
        _ => {
            depth += 1;
            false
        }
    })
}

/// The path as Flux walks it: from the root, and never above it.
pub(in crate::rules) fn normalised(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, git_source, kustomization};
    use serde_json::json;

    #[test]
    fn paths_of_manifests() {
        let table = [
            ("./deploy", ""),
            ("deploy/../base", ""),
            (".", ""),
            ("", ""),
            ("a..b/..c", ""),
            ("/deploy", "W policy/path"),
            ("/", "W policy/path"),
            ("..", "W policy/path"),
            ("../deploy", "W policy/path"),
            ("./a/../../b", "W policy/path"),
        ];
        for (path, expected) in table {
            let mut kustomization = kustomization();
            kustomization["path"] = json!(path);
            let spec = json!({"source": git_source(), "syncPolicies": [{"kustomization": kustomization}]});
            assert_eq!(codes(spec), expected, "{path}");
        }
    }

    #[test]
    fn components_are_in_the_source() {
        let table = [
            ("../components/tls", ""),
            ("tls", ""),
            ("github.common/tls", ""),
            ("/tls", "E policy/path"),
            ("file:///tls", "E policy/path"),
            ("https://github.com/o/r", "E policy/path"),
            ("github.com/o/r//tls", "E policy/path"),
        ];
        for (component, expected) in table {
            let mut kustomization = kustomization();
            kustomization["components"] = json!([component]);
            let spec = json!({"source": git_source(), "syncPolicies": [{"kustomization": kustomization}]});
            assert_eq!(codes(spec), expected, "{component}");
        }
    }

    #[test]
    fn paths_of_charts() {
        let table =
            [("./charts/podinfo", ""), ("/charts/podinfo", "E policy/path"), ("../charts", "W policy/path")];
        for (chart, expected) in table {
            let helm = json!({"interval": "5m", "chart": {"spec": {"chart": chart}}});
            let spec = json!({"source": git_source(), "syncPolicies": [{"helm": helm}]});
            assert_eq!(codes(spec), expected, "{chart}");
        }
    }
}
