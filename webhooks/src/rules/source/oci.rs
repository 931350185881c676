//! The part of `source/url` about OCI repositories: what stands behind `oci://`.
//!
//! An `ociRepository` is read by `go-containerregistry` (`name.NewRepository`),
//! charts of a `helmRepository` by Helm (`registry.ParseReference` of ORAS).

use super::url::URL;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};

/// The longest name of a repository that is read, in bytes.
const LONGEST: usize = 255;

/// What is found behind the scheme.
enum Found<'a> {
    Registry(&'a str),
    Repository(&'a str, &'a str),
}

/// The address of an `ociRepository`.
pub(super) fn check_repository(text: &str, path: FieldPath, findings: &mut Findings) {
    let Some(found) = read(text) else { return };
    if let Some(finding) = fault(text, &found, "put it into ref.tag or ref.digest", &path) {
        findings.push(finding);
        return;
    }
    let is_host = |registry: &str| registry.contains(['.', ':']);
    let error = |message: &str| Finding::error(&URL, path.clone(), Fault::Invalid, message).value(text);
    let finding = match found {
        Found::Registry(registry) if is_host(registry) => error("must name a repository of the registry")
            .hint("write oci://REGISTRY/ORGANISATION/REPOSITORY"),
        Found::Repository(registry, repository) if is_host(registry) && repository.len() < 2 => {
            error("must name a repository of at least two characters: Flux refuses others")
        }
        Found::Registry(first) | Found::Repository(first, _) if !is_host(first) => {
            let message = "is looked for at Docker Hub: what has neither dot nor port is no registry to Flux";
            Finding::warning(&URL, path, Fault::Invalid, message).value(text).hint("write the host in full")
        }
        _ => return,
    };
    findings.push(finding);
}

/// The address of a `helmRepository`, which charts are looked for below.
pub(super) fn check_charts(text: &str, path: &FieldPath, findings: &mut Findings) {
    let way_out = "put it into the policy's helm.chart.spec.version";
    findings.extend(read(text).and_then(|found| fault(text, &found, way_out, path)));
}

fn read(text: &str) -> Option<Found<'_>> {
    let rest = text.strip_prefix("oci://").filter(|rest| !rest.is_empty() && !rest.starts_with('/'))?;
    Some(match rest.split_once('/') {
        None | Some((_, "")) => Found::Registry(rest.trim_end_matches('/')),
        Some((registry, repository)) => Found::Repository(registry, repository),
    })
}

fn fault(text: &str, found: &Found<'_>, way_out: &str, path: &FieldPath) -> Option<Finding> {
    let error = |message: &str| Finding::error(&URL, path.clone(), Fault::Invalid, message).value(text);
    let (Found::Registry(registry) | Found::Repository(registry, _)) = found;
    if registry.contains('@') {
        return Some(
            error("may not have a user: registries are asked by a Secret").hint("name it in secretRef"),
        );
    }
    let Found::Repository(_, repository) = found else { return None };
    if repository.rsplit('/').next().is_some_and(|last| last.contains([':', '@'])) {
        return Some(error("may not have a tag or digest").hint(way_out));
    }
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some(error("must name the repository in lower case: registries have no others"));
    }
    if repository.len() > LONGEST {
        return Some(Finding::error(
            &URL,
            path.clone(),
            Fault::TooLong,
            format!("may not name a repository of more than {LONGEST} characters"),
        ));
    }
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_of_name);
    (!repository.trim_end_matches('/').split('/').all(is_part)).then(|| {
        error("must name the repository with lower case letters, digits, '.', '-', '_' and single slashes")
    })
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, kustomization};
    use serde_json::json;

    const DENIED: &str = "E source/url";

    #[test]
    fn oci_repositories() {
        let long = format!("oci://ghcr.io/{}", "a".repeat(256));
        let table = [
            ("oci://ghcr.io/org/app", ""),
            ("oci://ghcr.io/org/app_1.b-c", ""),
            ("oci://ghcr.io:5000/app", ""),
            ("oci://GHCR.io/app", ""),
            ("oci://ghcr.io/app/", ""),
            ("oci://ghcr.io/Org/app", DENIED),
            ("oci://ghcr.io", DENIED),
            ("oci://ghcr.io/", DENIED),
            ("oci://ghcr.io/a", DENIED),
            ("oci://ghcr.io//app", DENIED),
            ("oci://ghcr.io/a b", DENIED),
            ("oci://ghcr.io/app?x=1", DENIED),
            ("oci://ghcr.io/a%20b", DENIED),
            ("oci://robot@ghcr.io/app", DENIED),
            ("oci://ghcr.io/app:v1", DENIED),
            (long.as_str(), DENIED),
            ("oci://registry/app", "W source/url"),
            ("oci://nginx", "W source/url"),
        ];
        for (url, expected) in table {
            let source = json!({"ociRepository": {"url": url, "interval": "5m"}});
            let spec = json!({"source": source, "syncPolicies": [{"kustomization": kustomization()}]});
            assert_eq!(codes(spec), expected, "{url}");
        }
    }

    #[test]
    fn repositories_of_charts() {
        let table = [
            ("oci://ghcr.io/org/charts", ""),
            ("oci://ghcr.io", ""),
            ("oci://registry/charts", ""),
            ("oci://ghcr.io/Org/charts", DENIED),
            ("oci://robot@ghcr.io/charts", DENIED),
            ("oci://ghcr.io/charts:v1", DENIED),
        ];
        for (url, expected) in table {
            let helm = json!({"interval": "5m", "chart": {"spec": {"chart": "podinfo"}}});
            let spec = json!({"source": {"helmRepository": {"url": url}}, "syncPolicies": [{"helm": helm}]});
            assert_eq!(codes(spec), expected, "{url}");
        }
    }
}
