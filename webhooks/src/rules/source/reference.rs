//! The rule about what of a Git or OCI repository is fetched.

use fleetgate_api::application::Source;
use fleetgate_api::source::{GitReference, OciReference};

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{DENIES_OR_WARNS, Example, Rule};

/// `source/ref`
pub const REF: Rule = Rule {
    code: "source/ref",
    severities: DENIES_OR_WARNS,
    what: "A `ref` with a commit that is no full SHA, a branch, tag or name that Git does not allow, or an OCI tag or digest that no registry has. A warning for more than one of them: which one Flux takes is said.",
    why: "Flux finds nothing to fetch; of several it takes one and ignores the others without a word.",
    example: Example::new(
        r#"spec.source.gitRepository.ref: {"commit": "f7e8d9c"}"#,
        r#"spec.source.gitRepository.ref: {"commit": "363a6a8fe6a7f13e05d34c163b0ef02a777da20a"}"#,
    ),
};

pub(super) fn check(source: &Source, findings: &mut Findings) {
    let path = |kind: &'static str| FieldPath::spec().field("source").field(kind).field("ref");
    if let Some(reference) = source.git_repository.as_ref().and_then(|git| git.r#ref.as_ref()) {
        let path = path("gitRepository");
        check_one(&git_fields(reference), &path, findings);
        check_git(reference, &path, findings);
    }
    if let Some(reference) = source.oci_repository.as_ref().and_then(|oci| oci.r#ref.as_ref()) {
        let path = path("ociRepository");
        check_one(&oci_fields(reference), &path, findings);
        check_oci(reference, &path, findings);
    }
}

/// The fields that are set: the first is the one that Flux takes.
///
/// The order is that of the code (`fluxcd/pkg/git/gogit`, `Client.clone`);
/// Flux's documentation has semver before tag.
fn git_fields(reference: &GitReference) -> Vec<&'static str> {
    set_ones([
        ("commit", &reference.commit),
        ("name", &reference.name),
        ("tag", &reference.tag),
        ("semver", &reference.semver),
        ("branch", &reference.branch),
    ])
}

/// The same of an OCI repository (source-controller's `getArtifactRef`).
fn oci_fields(reference: &OciReference) -> Vec<&'static str> {
    set_ones([("digest", &reference.digest), ("semver", &reference.semver), ("tag", &reference.tag)])
}

fn set_ones<const N: usize>(fields: [(&'static str, &Option<String>); N]) -> Vec<&'static str> {
    fields.into_iter().filter(|(_, value)| set(value.as_ref()).is_some()).map(|(name, _)| name).collect()
}

/// Whether what Flux checks out is a tag, whose signature can be verified.
pub(super) fn takes_tag(reference: Option<&GitReference>) -> bool {
    let Some(reference) = reference else {
        return false;
    };
    match git_fields(reference).first() {
        Some(&("tag" | "semver")) => true,
        Some(&"name") => reference.name.as_deref().is_some_and(|name| name.starts_with("refs/tags/")),
        _ => false,
    }
}

fn check_one(fields: &[&'static str], path: &FieldPath, findings: &mut Findings) {
    let Some((taken, ignored)) = fields.split_first() else {
        return;
    };
    for field in ignored {
        // Of the commit's branch alone the history is fetched.
        if (*taken, *field) == ("commit", "branch") {
            continue;
        }
        let message = format!("is not used: Flux takes the {taken}");
        findings.push(
            Finding::warning(&REF, path.field(*field), Fault::Invalid, message)
                .hint(format!("leave out one of {taken} and {field}")),
        );
    }
}

fn check_git(reference: &GitReference, path: &FieldPath, findings: &mut Findings) {
    if let Some(commit) = set(reference.commit.as_ref()).filter(|commit| !is_sha(commit)) {
        let message = "must be a commit's full SHA of 40 hexadecimal digits";
        findings.push(Finding::error(&REF, path.field("commit"), Fault::Invalid, message).value(commit));
    }
    if let Some(name) = set(reference.name.as_ref()) {
        check_name(name, path.field("name"), findings);
    }
    for (field, value) in [("branch", &reference.branch), ("tag", &reference.tag)] {
        let Some(value) = set(value.as_ref()) else { continue };
        let path = path.field(field);
        let prefix = if field == "branch" { "refs/heads/" } else { "refs/tags/" };
        if !is_ref(value) {
            let message = format!("is no name that Git allows a {field}");
            findings.push(Finding::error(&REF, path, Fault::Invalid, message).value(value));
        } else if value.starts_with("refs/") {
            let message = format!("is looked for below {prefix}");
            findings.push(
                Finding::warning(&REF, path, Fault::Invalid, message)
                    .hint(format!("write it without {prefix}, or put it into name")),
            );
        }
    }
}

/// The whole name of a reference, as the server lists it. `^{}` is not Git's
/// own, but Flux takes it for the commit that a tag points to.
fn check_name(name: &str, path: FieldPath, findings: &mut Findings) {
    let is_listed = name == "HEAD" || name.starts_with("refs/");
    if is_listed && is_ref(name.strip_suffix("^{}").unwrap_or(name)) {
        return;
    }
    let message = "must be the full name of a reference that Git allows, such as refs/heads/main";
    let finding = Finding::error(&REF, path, Fault::Invalid, message).value(name);
    findings.push(if is_listed {
        finding
    } else {
        finding.hint("a branch alone goes into branch, a tag into tag")
    });
}

fn check_oci(reference: &OciReference, path: &FieldPath, findings: &mut Findings) {
    if let Some(digest) = set(reference.digest.as_ref()).filter(|digest| !is_digest(digest)) {
        let message = "must be a digest such as sha256: and 64 hexadecimal digits";
        findings.push(Finding::error(&REF, path.field("digest"), Fault::Invalid, message).value(digest));
    }
    if let Some(tag) = set(reference.tag.as_ref()).filter(|tag| !is_oci_tag(tag)) {
        let message = "must be a tag: at most 128 letters, digits, '_', '.' and '-', and neither of the last two in front";
        findings.push(Finding::error(&REF, path.field("tag"), Fault::Invalid, message).value(tag));
    }
}

fn set(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|value| !value.is_empty())
}

/// SHA-1. Of a repository by SHA-256 Flux's library would take half of the commit
/// for the whole (`plumbing.NewHash` of go-git), and never find it.
fn is_sha(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What `git check-ref-format --allow-onelevel` takes.
fn is_ref(text: &str) -> bool {
    let is_forbidden =
        |c: char| c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    let is_component =
        |part: &str| !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none();
    text.split('/').all(is_component)
        && !text.contains(is_forbidden)
        && !text.contains("..")
        && !text.contains("@{")
        && !text.ends_with('.')
}

/// The grammar of the OCI image specification, `algorithm:encoded`.
fn is_digest(text: &str) -> bool {
    let Some((algorithm, encoded)) = text.split_once(':') else {
        return false;
    };
    let is_hex = encoded.bytes().all(|byte| byte.is_ascii_hexdigit());
    match algorithm {
        "sha256" => is_hex && encoded.len() == 64,
        "sha512" => is_hex && encoded.len() == 128,
        _ => false,
    }
}

/// The grammar of the OCI distribution specification.
fn is_oci_tag(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128
        && text.starts_with(is_word)
        && text.chars().all(|c| is_word(c) || matches!(c, '.' | '-'))
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, findings, kustomization};
    use serde_json::{Value, json};

    const SHA: &str = "363a6a8fe6a7f13e05d34c163b0ef02a777da20a";

    fn git(reference: Value) -> Value {
        let git = json!({"url": "https://github.com/o/r", "interval": "5m", "ref": reference});
        json!({"source": {"gitRepository": git}, "syncPolicies": [{"kustomization": kustomization()}]})
    }

    fn oci(reference: Value) -> Value {
        let oci = json!({"url": "oci://ghcr.io/o/r", "interval": "5m", "ref": reference});
        json!({"source": {"ociRepository": oci}, "syncPolicies": [{"kustomization": kustomization()}]})
    }

    #[test]
    fn git_references() {
        let table = [
            (json!({}), ""),
            (json!({"branch": ""}), ""),
            (json!({"branch": "feature/a.b@c"}), ""),
            (json!({"branch": "été"}), ""),
            (json!({"branch": "a b"}), "E source/ref"),
            (json!({"branch": "a..b"}), "E source/ref"),
            (json!({"branch": "a//b"}), "E source/ref"),
            (json!({"branch": "/a"}), "E source/ref"),
            (json!({"branch": "a.lock"}), "E source/ref"),
            (json!({"branch": ".a"}), "E source/ref"),
            (json!({"branch": "a@{1}"}), "E source/ref"),
            (json!({"branch": "v1.*"}), "E source/ref"),
            (json!({"branch": "refs/heads/main"}), "W source/ref"),
            (json!({"tag": "v1.2.3"}), ""),
            (json!({"tag": "v1:2"}), "E source/ref"),
            (json!({"name": "refs/heads/main"}), ""),
            (json!({"name": "refs/pull/420/head"}), ""),
            (json!({"name": "refs/tags/v1^{}"}), ""),
            (json!({"name": "HEAD"}), ""),
            (json!({"name": "main"}), "E source/ref"),
            (json!({"name": "refs/heads/"}), "E source/ref"),
            (json!({"commit": SHA}), ""),
            (json!({"commit": SHA.to_uppercase()}), ""),
            (json!({"commit": "a".repeat(64)}), "E source/ref"),
            (json!({"commit": "f7e8d9c"}), "E source/ref"),
            (json!({"commit": "g".repeat(40)}), "E source/ref"),
        ];
        for (reference, expected) in table {
            assert_eq!(codes(git(reference.clone())), expected, "{reference}");
        }
    }

    #[test]
    fn of_several_the_one_that_flux_takes_is_named() {
        let table = [
            (json!({"commit": SHA, "branch": "main"}), vec![]),
            (json!({"branch": "main", "tag": "v1"}), vec!["branch: tag"]),
            (json!({"semver": "1.x", "tag": "v1"}), vec!["semver: tag"]),
            (json!({"semver": "1.x", "branch": "main"}), vec!["branch: semver"]),
            (json!({"name": "refs/tags/v1", "tag": "v1"}), vec!["tag: name"]),
            (json!({"name": "refs/tags/v1", "commit": SHA, "branch": "main"}), vec!["name: commit"]),
        ];
        for (reference, expected) in table {
            let said = findings(git(reference.clone()));
            let said: Vec<String> = said
                .iter()
                .map(|finding| {
                    let path = finding.path.to_string();
                    let taken = finding.message.rsplit(' ').next().unwrap_or_default();
                    format!("{}: {taken}", path.rsplit('.').next().unwrap_or_default())
                })
                .collect();
            assert_eq!(said, expected, "{reference}");
        }
    }

    #[test]
    fn oci_references() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let table = [
            (json!({"tag": "v1.2.3"}), ""),
            (json!({"tag": "latest"}), ""),
            (json!({"tag": "-a"}), "E source/ref"),
            (json!({"tag": "1.2.3+build"}), "E source/ref"),
            (json!({"tag": "a".repeat(129)}), "E source/ref"),
            (json!({"digest": digest}), ""),
            (json!({"digest": "sha256:00"}), "E source/ref"),
            (json!({"digest": "0".repeat(64)}), "E source/ref"),
            (json!({"digest": digest, "tag": "v1"}), "W source/ref"),
            (json!({"semver": "1.x", "tag": "v1"}), "W source/ref"),
            (json!({"semver": "1.x", "semverFilter": ".*-rc"}), ""),
        ];
        for (reference, expected) in table {
            assert_eq!(codes(oci(reference.clone())), expected, "{reference}");
        }
    }
}
