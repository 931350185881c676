//! The names by which Secrets and ServiceAccounts are referred to, and the one
//! list of such references.

use fleetgate_api::Application;
use fleetgate_api::application::{Source, SyncPolicy};
use fleetgate_api::flux::LocalObjectReference;
use fleetgate_api::source::GitRepository;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{DENIES, Example, Input, Rule};

/// `ref/name`
pub const NAME: Rule = Rule {
    code: "ref/name",
    severities: DENIES,
    what: "A Secret or a ServiceAccount is referred to by a name that none can have, or a Secret by none at all; `provider: github`, or an `ssh://` URL, without one.",
    why: "Flux looks for it for ever, and fetches or delivers nothing.",
    example: Example::new(
        r#"spec.source.gitRepository.secretRef: {"name": "Git_Credentials"}"#,
        r#"spec.source.gitRepository.secretRef: {"name": "git-credentials"}"#,
    ),
};

pub(crate) fn check(input: Input<'_>, findings: &mut Findings) {
    findings.extend(input.application.spec.source.git_repository.as_deref().and_then(check_needed));
    visit_secrets(input.application, &mut |name, path| {
        if name.is_empty() {
            let message = "must be the name of a Secret";
            findings.push(Finding::error(&NAME, path().field("name"), Fault::Required, message));
        } else if !names::is_dns_subdomain(name) {
            let message = "is no name that a Secret can have (RFC 1123)";
            findings.push(Finding::error(&NAME, path().field("name"), Fault::Invalid, message).value(name));
        }
    });
    visit_accounts(input.application, &mut |name, path| {
        if !name.is_empty() && !names::is_dns_subdomain(name) {
            let message = "is no name that a ServiceAccount can have (RFC 1123)";
            findings.push(Finding::error(&NAME, path(), Fault::Invalid, message).value(name));
        }
    });
}

/// As an app of GitHub's Flux authenticates by what the Secret holds, and by SSH
/// it does nothing without a key (`AuthOptions.Validate` of `github.com/fluxcd/pkg/git`).
fn check_needed(git: &GitRepository) -> Option<Finding> {
    let message = match git.provider.as_deref() {
        Some("github") => "must name the Secret of the GitHub app with provider github",
        _ if git.url.starts_with("ssh://") => {
            "must name a Secret with identity and known_hosts for an ssh:// URL; https:// does without"
        }
        _ => return None,
    };
    let path = || path_of("gitRepository", &["secretRef"]);
    git.secret_ref.is_none().then(|| Finding::error(&NAME, path(), Fault::Required, message))
}

/// A name, and how to say where it stands: most are right, and cost no path.
type Visitor<'a> = dyn FnMut(&str, &dyn Fn() -> FieldPath) + 'a;

/// Every Secret that a source or a policy refers to by a field of Flux that
/// ends with `secretRef`.
pub(super) fn visit_secrets(application: &Application, visit: &mut Visitor<'_>) {
    visit_source(&application.spec.source, visit);
    for (index, policy) in application.spec.sync_policies.iter().enumerate() {
        let decryption = policy.kustomization.as_ref().and_then(|it| it.decryption.as_ref());
        if let Some(secret) = decryption.and_then(|decryption| decryption.secret_ref.as_ref()) {
            visit(&secret.name, &|| path_in(index, &["kustomization", "decryption", "secretRef"]));
        }
        let chart = policy.helm.as_ref().and_then(|helm| helm.chart.as_ref());
        let verify = chart.and_then(|chart| chart.spec.verify.as_ref());
        if let Some(secret) = verify.and_then(|verify| verify.secret_ref.as_ref()) {
            visit(&secret.name, &|| path_in(index, &["helm", "chart", "spec", "verify", "secretRef"]));
        }
    }
}

/// A field below a source, and what it refers to.
type Referring<'a> = (&'static [&'static str], Option<&'a LocalObjectReference>);

fn visit_source(source: &Source, visit: &mut Visitor<'_>) {
    let mut visit_all = |kind: &'static str, references: &[Referring<'_>]| {
        for (fields, reference) in references {
            if let Some(reference) = reference {
                visit(&reference.name, &|| path_of(kind, fields));
            }
        }
    };
    if let Some(git) = &source.git_repository {
        let references: [Referring<'_>; 3] = [
            (&["secretRef"], git.secret_ref.as_ref()),
            (&["proxySecretRef"], git.proxy_secret_ref.as_ref()),
            (&["verify", "secretRef"], git.verify.as_ref().map(|verify| &verify.secret_ref)),
        ];
        visit_all("gitRepository", &references);
    }
    if let Some(helm) = &source.helm_repository {
        let references: [Referring<'_>; 2] =
            [(&["secretRef"], helm.secret_ref.as_ref()), (&["certSecretRef"], helm.cert_secret_ref.as_ref())];
        visit_all("helmRepository", &references);
    }
    if let Some(oci) = &source.oci_repository {
        let verify = oci.verify.as_ref();
        let references: [Referring<'_>; 5] = [
            (&["secretRef"], oci.secret_ref.as_ref()),
            (&["certSecretRef"], oci.cert_secret_ref.as_ref()),
            (&["proxySecretRef"], oci.proxy_secret_ref.as_ref()),
            (&["verify", "secretRef"], verify.and_then(|verify| verify.secret_ref.as_ref())),
            (
                &["verify", "trustedRootSecretRef"],
                verify.and_then(|verify| verify.trusted_root_secret_ref.as_ref()),
            ),
        ];
        visit_all("ociRepository", &references);
    }
    if let Some(bucket) = &source.bucket {
        let tokens = bucket.sts.as_ref();
        let references: [Referring<'_>; 5] = [
            (&["secretRef"], bucket.secret_ref.as_ref()),
            (&["certSecretRef"], bucket.cert_secret_ref.as_ref()),
            (&["proxySecretRef"], bucket.proxy_secret_ref.as_ref()),
            (&["sts", "secretRef"], tokens.and_then(|sts| sts.secret_ref.as_ref())),
            (&["sts", "certSecretRef"], tokens.and_then(|sts| sts.cert_secret_ref.as_ref())),
        ];
        visit_all("bucket", &references);
    }
}

fn visit_accounts(application: &Application, visit: &mut Visitor<'_>) {
    for (kind, name) in accounts_of_source(&application.spec.source) {
        visit(name, &|| path_of(kind, &[ACCOUNT]));
    }
    for (index, policy) in application.spec.sync_policies.iter().enumerate() {
        for (kind, name) in accounts_of_policy(policy) {
            visit(name, &|| path_in(index, &[kind, ACCOUNT]));
        }
        let decryption = policy.kustomization.as_ref().and_then(|it| it.decryption.as_ref());
        if let Some(name) = decryption.and_then(|decryption| decryption.service_account_name.as_ref()) {
            visit(name, &|| path_in(index, &["kustomization", "decryption", ACCOUNT]));
        }
    }
}

/// The field that names a ServiceAccount.
pub(super) const ACCOUNT: &str = "serviceAccountName";

/// The ServiceAccounts that a source is fetched as, by kind of source.
pub(super) fn accounts_of_source(source: &Source) -> impl Iterator<Item = (&'static str, &str)> {
    let git = source.git_repository.as_ref().and_then(|it| it.service_account_name.as_deref());
    let oci = source.oci_repository.as_ref().and_then(|it| it.service_account_name.as_deref());
    let bucket = source.bucket.as_ref().and_then(|it| it.service_account_name.as_deref());
    let all = [("gitRepository", git), ("ociRepository", oci), ("bucket", bucket)];
    all.into_iter().filter_map(|(kind, name)| Some((kind, name?)))
}

/// The ServiceAccounts that Flux delivers a policy as, by kind of policy.
pub(super) fn accounts_of_policy(policy: &SyncPolicy) -> impl Iterator<Item = (&'static str, &str)> {
    let kustomization = policy.kustomization.as_ref().and_then(|it| it.service_account_name.as_deref());
    let helm = policy.helm.as_ref().and_then(|it| it.service_account_name.as_deref());
    [("kustomization", kustomization), ("helm", helm)]
        .into_iter()
        .filter_map(|(kind, name)| Some((kind, name?)))
}

/// The path of a field of the source of that kind.
pub(super) fn path_of(kind: &'static str, fields: &[&'static str]) -> FieldPath {
    below(FieldPath::spec().field("source").field(kind), fields)
}

/// The path of a field of a policy.
pub(super) fn path_in(policy: usize, fields: &[&'static str]) -> FieldPath {
    below(FieldPath::policy(policy), fields)
}

fn below(path: FieldPath, fields: &[&'static str]) -> FieldPath {
    fields.iter().fold(path, |path, field| path.field(*field))
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{findings, git_source, kustomization};
    use serde_json::{Value, json};

    fn said(source: Value, policy: Value) -> Vec<String> {
        let findings = findings(json!({"source": source, "syncPolicies": [policy]}));
        let named = findings.into_iter().filter(|finding| finding.code == super::NAME.code);
        named.map(|finding| format!("{}: {}", finding.path, finding.message)).collect()
    }

    #[test]
    fn every_reference_of_a_source() {
        let bad = json!({"name": "My_Secret"});
        let fields = json!({
            "gitRepository": {"secretRef": bad, "proxySecretRef": bad, "verify": {"mode": "HEAD", "secretRef": bad}},
            "helmRepository": {"secretRef": bad, "certSecretRef": bad},
            "ociRepository": {"secretRef": bad, "certSecretRef": bad, "proxySecretRef": bad,
                "verify": {"provider": "cosign", "secretRef": bad, "trustedRootSecretRef": bad}},
            "bucket": {"secretRef": bad, "certSecretRef": bad, "proxySecretRef": bad,
                "sts": {"provider": "ldap", "endpoint": "https://sts.example.com", "secretRef": bad, "certSecretRef": bad}},
        });
        for (kind, expected) in
            [("gitRepository", 3), ("helmRepository", 2), ("ociRepository", 5), ("bucket", 5)]
        {
            let mut source = fields[kind].clone();
            source["url"] = json!("https://example.com/o/r");
            source["interval"] = json!("5m");
            if kind == "bucket" {
                source["bucketName"] = json!("shop");
                source["endpoint"] = json!("minio.example.com");
            }
            let said = said(json!({kind: source}), json!({"kustomization": kustomization()}));
            assert_eq!(said.len(), expected, "{said:?}");
            let head = format!("spec.source.{kind}.");
            assert!(
                said.iter().all(|text| text.starts_with(&head) && text.contains("ecretRef.name: ")),
                "{said:?}"
            );
        }
    }

    #[test]
    fn what_authenticates_by_a_secret_alone_has_one() {
        let with = |url: &str, provider: &str, secret: Value| {
            let git = json!({"url": url, "interval": "5m", "provider": provider, "secretRef": secret});
            said(json!({"gitRepository": git}), json!({"kustomization": kustomization()})).len()
        };
        let (https, ssh) = ("https://github.com/o/r", "ssh://git@github.com/o/r");
        let table = [(https, "generic", 0), (https, "github", 1), (ssh, "generic", 1), (ssh, "azure", 1)];
        for (url, provider, without) in table {
            assert_eq!(with(url, provider, json!({"name": "app"})), 0, "{url} {provider}");
            assert_eq!(with(url, provider, json!(null)), without, "{url} {provider}");
        }
    }

    #[test]
    fn names_of_policies() {
        let with = |field: &str, value: Value| {
            let mut kustomization = kustomization();
            kustomization[field] = value;
            said(git_source(), json!({"kustomization": kustomization}))
        };
        let sops = |name: &str| json!({"provider": "sops", "secretRef": {"name": name}});
        let none: [&str; 0] = [];
        assert_eq!(with("decryption", sops("age")), none);
        assert_eq!(
            with("decryption", sops("")),
            ["spec.syncPolicies[0].kustomization.decryption.secretRef.name: must be the name of a Secret"]
        );
        assert_eq!(with("serviceAccountName", json!("deployer")), none);
        assert_eq!(
            with("serviceAccountName", json!("Deploy_er")),
            [
                "spec.syncPolicies[0].kustomization.serviceAccountName: is no name that a ServiceAccount can have (RFC 1123)"
            ]
        );
    }
}
