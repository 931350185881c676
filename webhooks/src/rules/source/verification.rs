//! The rule about what a source includes, and how it is verified.

use fleetgate_api::application::{Source, SyncPolicy};
use fleetgate_api::flux::LocalObjectReference;
use fleetgate_api::helm::ChartVerification;
use fleetgate_api::source::{GitRepository, OciVerification, OidcIdentity};

use super::reference::takes_tag;
use super::{kinds, sparse};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::re2::{self, Refusal};
use crate::rules::{DENIES_OR_WARNS, Example, Input, Rule};

/// `source/ignore-and-include`
pub const IGNORE_AND_INCLUDE: Rule = Rule {
    code: "source/ignore-and-include",
    severities: DENIES_OR_WARNS,
    what: "An `include` that names no GitRepository, or the Application's own. A `verify` that names no Secret where one is needed, that wants a signed tag although no tag is checked out, that has an identity with a malformed regular expression, or that stands where Flux cannot verify. A folder of `sparseCheckout` that is absolute or climbs. A warning for keyless verification that trusts everyone's signature.",
    why: "The source is never ready; or what should have been verified is not.",
    example: Example::new(
        r#"spec.source: {"ociRepository": {"url": "oci://ghcr.io/o/r", "interval": "5m", "verify": {"provider": "notation"}}}"#,
        r#"spec.source: {"ociRepository": {"url": "oci://ghcr.io/o/r", "interval": "5m", "verify": {"provider": "notation", "secretRef": {"name": "notation"}}}}"#,
    ),
};

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let source = &input.application.spec.source;
    let path = FieldPath::spec().field("source");
    if let Some(git) = &source.git_repository {
        let path = path.field("gitRepository");
        check_includes(git, input.application.metadata.name.as_deref(), &path, findings);
        sparse::check(git, &path.field("sparseCheckout"), findings);
        check_git(git, &path.field("verify"), findings);
    }
    if let Some(verify) = source.oci_repository.as_ref().and_then(|oci| oci.verify.as_ref()) {
        check_oci(verify, &path.field("ociRepository").field("verify"), findings);
    }
    for (index, policy) in input.application.spec.sync_policies.iter().enumerate() {
        check_chart(source, policy, index, findings);
    }
}

/// The source's object is called like the Application.
fn check_includes(git: &GitRepository, own: Option<&str>, path: &FieldPath, findings: &mut Findings) {
    for (index, include) in git.include.iter().flatten().enumerate() {
        let name = &include.repository.name;
        let path = path.field("include").index(index).field("repository").field("name");
        let finding = if name.is_empty() {
            Finding::error(&IGNORE_AND_INCLUDE, path, Fault::Required, "must be the name of a GitRepository")
        } else if own == Some(name.as_str()) {
            let message = "is this source itself, which would wait for itself for ever";
            Finding::error(&IGNORE_AND_INCLUDE, path, Fault::Invalid, message).value(name.as_str())
        } else if !names::is_dns_subdomain(name) {
            let message = "is no name that a GitRepository can have (RFC 1123)";
            Finding::error(&IGNORE_AND_INCLUDE, path, Fault::Invalid, message).value(name.as_str())
        } else {
            continue;
        };
        findings.push(finding);
    }
}

fn check_git(git: &GitRepository, path: &FieldPath, findings: &mut Findings) {
    let Some(verify) = &git.verify else { return };
    let Some(mode @ ("Tag" | "TagAndHEAD")) = verify.mode.as_deref() else {
        return;
    };
    if !takes_tag(git.r#ref.as_ref()) {
        let message = "wants a signed tag, but what is checked out is no tag";
        findings.push(
            Finding::error(&IGNORE_AND_INCLUDE, path.field("mode"), Fault::Invalid, message)
                .value(mode)
                .hint("set ref.tag or ref.semver, or use mode HEAD"),
        );
    }
}

fn check_oci(verify: &OciVerification, path: &FieldPath, findings: &mut Findings) {
    check_provider(verify.provider.as_deref(), verify.secret_ref.as_ref(), path, findings);
    // With keys, and by notation, nobody asks who signed.
    if verify.provider.as_deref() == Some("notation") || verify.secret_ref.is_some() {
        return;
    }
    let identities = verify.match_oidc_identity.as_deref().unwrap_or_default();
    let list = path.field("matchOIDCIdentity");
    for (index, identity) in identities.iter().enumerate() {
        let path = list.index(index);
        findings.extend(check_pattern(&identity.issuer, path.field("issuer")));
        findings.extend(check_pattern(&identity.subject, path.field("subject")));
    }
    // An own trusted root signs for nobody else.
    let anyone = identities.iter().position(is_anyone);
    if verify.trusted_root_secret_ref.is_none() && (identities.is_empty() || anyone.is_some()) {
        let message = "trusts a keyless signature by anyone";
        let path = anyone.map_or(path.clone(), |index| list.index(index));
        findings.push(
            Finding::warning(&IGNORE_AND_INCLUDE, path, Fault::Required, message)
                .hint("say by whom in matchOIDCIdentity, or name the public keys in secretRef"),
        );
    }
}

/// Cosign compiles both patterns of an identity as Go does, and looks for them anywhere.
fn check_pattern(pattern: &str, path: FieldPath) -> Option<Finding> {
    let (Refusal::Malformed(reason) | Refusal::Dialect(reason)) = re2::check(pattern).err()?;
    let message = format!("must be a regular expression as Go has it: {reason}");
    Some(Finding::error(&IGNORE_AND_INCLUDE, path, Fault::Invalid, message).value(pattern))
}

/// Whether the identity is that of everyone who has any.
fn is_anyone(identity: &OidcIdentity) -> bool {
    let takes_all = |pattern: &str| {
        let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
        matches!(pattern.strip_suffix('$').unwrap_or(pattern), "" | ".*" | ".+")
    };
    takes_all(&identity.issuer) && takes_all(&identity.subject)
}

/// Cosign verifies keyless signatures without a Secret, notation nothing.
fn check_provider(
    provider: Option<&str>,
    secret: Option<&LocalObjectReference>,
    path: &FieldPath,
    findings: &mut Findings,
) {
    if provider == Some("notation") && secret.is_none() {
        let message = "must name the Secret with notation's trust policy and certificates";
        let path = path.field("secretRef");
        findings.push(Finding::error(&IGNORE_AND_INCLUDE, path, Fault::Required, message));
    }
}

/// A chart is verified when it comes from an OCI registry, and elsewhere Flux
/// fails (HTTP), is refused (Git, bucket), or does not see the field at all.
fn check_chart(source: &Source, policy: &SyncPolicy, index: usize, findings: &mut Findings) {
    let chart = policy.helm.as_ref().and_then(|helm| helm.chart.as_ref());
    let Some(verify) = chart.and_then(|chart| chart.spec.verify.as_ref()) else {
        return;
    };
    let path = FieldPath::policy(index).field("helm").field("chart").field("spec").field("verify");
    let ChartVerification { provider, secret_ref } = verify;
    check_provider(provider.as_deref(), secret_ref.as_ref(), &path, findings);
    let is_http = source.helm_repository.as_ref().is_some_and(|helm| !helm.url.starts_with("oci://"));
    let (message, way_out) = match kinds(source)[..] {
        ["ociRepository"] => {
            ("is not used with an ociRepository: nothing would be verified", "put it into the ociRepository")
        }
        ["gitRepository" | "bucket"] => {
            ("may only be set for a chart of a helmRepository of type oci", "leave it out")
        }
        ["helmRepository"] if is_http => {
            ("may only be set for a chart of an oci:// helmRepository", "leave it out")
        }
        _ => return,
    };
    findings.push(Finding::error(&IGNORE_AND_INCLUDE, path, Fault::Forbidden, message).hint(way_out));
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, kustomization};
    use serde_json::{Value, json};

    const DENIED: &str = "E source/ignore-and-include";
    const WARNED: &str = "W source/ignore-and-include";
    const NAMELESS: &str = "E ref/name";

    fn git(field: &str, value: Value) -> Value {
        let mut git = json!({"url": "https://github.com/o/r", "interval": "5m", "ref": {"tag": "v1"}});
        git[field] = value;
        json!({"source": {"gitRepository": git}, "syncPolicies": [{"kustomization": kustomization()}]})
    }

    #[test]
    fn includes() {
        let table = [("base", ""), ("", DENIED), ("shop", DENIED), ("My_Repo", DENIED)];
        for (name, expected) in table {
            assert_eq!(codes(git("include", json!([{"repository": {"name": name}}]))), expected, "{name}");
        }
    }

    #[test]
    fn git_signatures() {
        let table = [
            (json!({"tag": "v1"}), json!({"mode": "Tag", "secretRef": {"name": "keys"}}), ""),
            (json!({"semver": "1.x"}), json!({"mode": "TagAndHEAD", "secretRef": {"name": "keys"}}), ""),
            (json!({"name": "refs/tags/v1"}), json!({"mode": "Tag", "secretRef": {"name": "keys"}}), ""),
            (json!({"name": "refs/heads/v1"}), json!({"mode": "Tag", "secretRef": {"name": "keys"}}), DENIED),
            (json!({"branch": "main"}), json!({"mode": "TagAndHEAD", "secretRef": {"name": "keys"}}), DENIED),
            (json!({"branch": "main"}), json!({"mode": "HEAD", "secretRef": {"name": "keys"}}), ""),
            (json!({"branch": "main"}), json!({"mode": "head", "secretRef": {"name": "keys"}}), ""),
            (json!({"branch": "main"}), json!({"secretRef": {"name": "keys"}}), ""),
            (json!({"branch": "main"}), json!({"secretRef": {"name": ""}}), NAMELESS),
        ];
        for (reference, verify, expected) in table {
            let mut spec = git("verify", verify.clone());
            spec["source"]["gitRepository"]["ref"] = reference.clone();
            assert_eq!(codes(spec), expected, "{reference} {verify}");
        }
    }

    #[test]
    fn oci_signatures() {
        let identity = json!([{"issuer": "^https://token.actions.githubusercontent.com$", "subject": "^https://github.com/o/.*$"}]);
        let table = [
            (json!({"provider": "cosign", "secretRef": {"name": "keys"}}), ""),
            (json!({"secretRef": {"name": "keys"}}), ""),
            (json!({"provider": "cosign", "matchOIDCIdentity": identity}), ""),
            (json!({"provider": "cosign", "matchOIDCIdentity": [{"issuer": "", "subject": ""}]}), WARNED),
            (json!({"matchOIDCIdentity": [identity[0], {"issuer": ".*", "subject": "^.*$"}]}), WARNED),
            (json!({"matchOIDCIdentity": [{"issuer": "^https://a$", "subject": ".*"}]}), ""),
            (json!({"matchOIDCIdentity": [{"issuer": "(", "subject": "a"}]}), DENIED),
            (json!({"matchOIDCIdentity": [{"issuer": "a", "subject": "(?!b)"}]}), DENIED),
            (
                json!({"secretRef": {"name": "keys"}, "matchOIDCIdentity": [{"issuer": "(", "subject": ""}]}),
                "",
            ),
            (
                json!({"trustedRootSecretRef": {"name": "root"}, "matchOIDCIdentity": [{"issuer": "(", "subject": ""}]}),
                DENIED,
            ),
            (json!({"provider": "cosign", "trustedRootSecretRef": {"name": "root"}}), ""),
            (json!({"provider": "cosign"}), WARNED),
            (json!({}), WARNED),
            (json!({"provider": "cosign", "secretRef": {"name": ""}}), NAMELESS),
            (json!({"provider": "cosign", "trustedRootSecretRef": {"name": ""}}), NAMELESS),
            (json!({"provider": "notation", "secretRef": {"name": "notation"}}), ""),
            (json!({"provider": "notation"}), DENIED),
        ];
        for (verify, expected) in table {
            let oci = json!({"url": "oci://ghcr.io/o/r", "interval": "5m", "verify": verify});
            let spec = json!({"source": {"ociRepository": oci}, "syncPolicies": [{"kustomization": kustomization()}]});
            assert_eq!(codes(spec), expected, "{verify}");
        }
    }

    #[test]
    fn chart_signatures() {
        let registry = json!({"helmRepository": {"url": "oci://ghcr.io/o/charts"}});
        let index = json!({"helmRepository": {"url": "https://charts.example.com"}});
        let git = json!({"gitRepository": {"url": "https://github.com/o/r", "interval": "5m"}});
        let oci = json!({"ociRepository": {"url": "oci://ghcr.io/o/c", "interval": "5m"}});
        let cosign = json!({"provider": "cosign"});
        let table = [
            (&registry, &cosign, ""),
            (&registry, &json!({"provider": "notation"}), DENIED),
            (&index, &cosign, DENIED),
            (&git, &cosign, DENIED),
            (&oci, &cosign, DENIED),
        ];
        for (source, verify, expected) in table {
            let mut spec = json!({"verify": verify});
            if source != &oci {
                spec["chart"] = json!("c");
            }
            let policy = json!({"helm": {"interval": "5m", "chart": {"spec": spec}}});
            assert_eq!(
                codes(json!({"source": source, "syncPolicies": [policy]})),
                expected,
                "{source} {verify}"
            );
        }
    }
}
