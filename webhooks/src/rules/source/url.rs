//! The rule about the addresses of a source.

use fleetgate_api::application::Source;
use url::Url;

use super::{bucket, oci};
use crate::address::{self, Refusal};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES_OR_WARNS, Example, Rule};

/// `source/url`
pub const URL: Rule = Rule {
    code: "source/url",
    severities: DENIES_OR_WARNS,
    what: "A URL without host, with a scheme that the source kind does not have, or that Go cannot read; in an OCI URL a tag, a digest, a user, or a repository that no registry can have. A bucket's endpoint that is more than a host and a port (`azure`: that is no `https://` URL), or a bucket without a name that one can have. A warning for a password in an address, and for an `ociRepository` whose registry has neither dot nor port: that is Docker Hub's.",
    why: "Flux has no way to fetch it; and a password in a spec is read by everyone who may read the Application.",
    example: Example::new(
        r#"spec.source.gitRepository.url: "git@github.com:org/repo"
           spec.source.gitRepository.secretRef: {"name": "git-credentials"}"#,
        r#"spec.source.gitRepository.url: "ssh://git@github.com/org/repo"
           spec.source.gitRepository.secretRef: {"name": "git-credentials"}"#,
    ),
};

pub(super) fn check(source: &Source, findings: &mut Findings) {
    let path = |kind: &'static str| FieldPath::spec().field("source").field(kind).field("url");
    if let Some(git) = &source.git_repository {
        check_url(&git.url, &["http", "https", "ssh"], path("gitRepository"), findings);
    }
    if let Some(helm) = &source.helm_repository {
        check_url(&helm.url, &["http", "https", "oci"], path("helmRepository"), findings);
        oci::check_charts(&helm.url, &path("helmRepository"), findings);
    }
    if let Some(repository) = &source.oci_repository {
        check_url(&repository.url, &["oci"], path("ociRepository"), findings);
        oci::check_repository(&repository.url, path("ociRepository"), findings);
    }
    if let Some(bucket) = &source.bucket {
        bucket::check(bucket, findings);
    }
}

fn check_url(text: &str, schemes: &[&str], path: FieldPath, findings: &mut Findings) {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    if !scheme.is_some_and(|scheme| schemes.contains(&scheme)) {
        let known: Vec<String> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
        let message = format!("must start with {}", known.join(" or "));
        let mut finding = Finding::error(&URL, path, Fault::Invalid, message).value(text);
        if scheme.is_none() && text.contains('@') && schemes.contains(&"ssh") {
            finding = finding.hint("write git@host:path as ssh://git@host/path");
        }
        findings.push(finding);
        return;
    }
    let url = match address::parse(text) {
        Ok(url) => url,
        Err(Refusal::NoHost) => {
            findings.push(Finding::error(&URL, path, Fault::Invalid, "must have a host").value(text));
            return;
        }
        Err(refusal) => {
            let reason = match refusal {
                Refusal::Malformed(reason) => reason,
                Refusal::NoHost | Refusal::NoPort => "what stands behind its host is no port",
            };
            let finding =
                Finding::error(&URL, path, Fault::Invalid, format!("is no URL: {reason}")).value(text);
            let is_scp_like = scheme == Some("ssh") && refusal == Refusal::NoPort;
            findings.push(if is_scp_like {
                finding.hint("write ssh://git@host:path as ssh://git@host/path")
            } else {
                finding
            });
            return;
        }
    };
    check_password(&url, path, findings);
}

/// A user name alone is no secret.
pub(super) fn check_password(url: &Url, path: FieldPath, findings: &mut Findings) {
    if url.password().is_some() {
        let message = "holds a password, which everyone who may read the Application reads";
        // The value would repeat it.
        findings.push(
            Finding::warning(&URL, path, Fault::Invalid, message)
                .hint("put it into a Secret and name that in secretRef"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, kustomization};
    use serde_json::{Value, json};

    fn with(source: Value, policy: Value) -> Value {
        json!({"source": source, "syncPolicies": [policy]})
    }

    #[test]
    fn urls() {
        let table = [
            ("gitRepository", "https://github.com/o/r", ""),
            ("gitRepository", "ssh://git@github.com/o/r", ""),
            ("gitRepository", "ssh://git@github.com:22/o/r.git", ""),
            ("gitRepository", "ftp://example.com/r.git", "E source/url"),
            ("gitRepository", "git@github.com:o/r", "E source/url"),
            ("gitRepository", "https://", "E source/url"),
            ("gitRepository", "ssh://", "E source/url"),
            ("gitRepository", "", "E source/url"),
            ("gitRepository", "https://user:secret@github.com/o/r", "W source/url"),
            ("gitRepository", "https://org@dev.azure.com/org/project/_git/repo", ""),
            ("gitRepository", "ssh://git@host:org/repo.git", "E source/url"),
            ("gitRepository", "https://host:99999/r", "E source/url"),
            ("gitRepository", "ftp://user:secret@host/r", "E source/url"),
            ("helmRepository", "oci://ghcr.io/a/b:v1", "E source/policy-mismatch, E source/url"),
            ("helmRepository", "oci://ghcr.io:5000/a", "E source/policy-mismatch"),
            ("ociRepository", "oci://ghcr.io:5000/a/b", ""),
            ("ociRepository", "https://ghcr.io/a/b", "E source/url"),
            ("ociRepository", "oci://ghcr.io/a/b:v1", "E source/url"),
            ("ociRepository", "oci://ghcr.io/a/b@sha256:00", "E source/url"),
        ];
        for (kind, url, expected) in table {
            let source = json!({kind: {"url": url, "interval": "5m", "secretRef": {"name": "credentials"}}});
            assert_eq!(
                codes(with(source, json!({"kustomization": kustomization()}))),
                expected,
                "{kind} {url}"
            );
        }
    }

    #[test]
    fn no_password_is_repeated() {
        for url in [
            "ftp://user:hunter2@h/x",
            "https://user:hunter2@",
            "https://user:hunter2@h:99999/x",
            "oci://user:hunter2@h/a:v1",
            "https://user:hun/hunter2@h/x",
            "user:hunter2@h/x",
        ] {
            for kind in ["gitRepository", "helmRepository", "ociRepository"] {
                let source = json!({kind: {"url": url, "interval": "5m"}});
                let said =
                    crate::test_fixtures::findings(with(source, json!({"kustomization": kustomization()})));
                assert!(said.iter().all(|finding| !finding.to_string().contains("hunter2")), "{said:?}");
            }
        }
    }
}
