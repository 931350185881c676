//! What a kubeconfig may say. It is data from users: what would run a program
//! or read a file where Fleetgate or Flux runs is refused.
//!
//! Needs the Secret: `check` runs it where the Secret is among the files, and
//! the controllers before they use one. The reasons never repeat any of the
//! content: whoever may create an AttachedCluster could read Secrets by them.

use fleetgate_api::AttachedCluster;
use kube::ResourceExt;
use serde::Deserialize;
use serde_json::Value;

use crate::address;
use crate::credentials::{Credentials, Lookup};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings, Severity};
use crate::rules::{DENIES_OR_WARNS, Example, Rule};

/// `cluster/kubeconfig-content`
pub const CONTENT: Rule = Rule {
    code: "cluster/kubeconfig-content",
    severities: DENIES_OR_WARNS,
    what: "The kubeconfig runs a program (`exec`, `auth-provider`), names a file, or has no current context with a server. A warning where it turns verification off. In `check`, where the Secret is among the files, and in the controllers.",
    why: "It would run, or be read, where the controllers are; Flux passes over what it does not allow, and fails.",
    example: Example::new(r#"spec.kubeconfig.name: "m1-exec""#, r#"spec.kubeconfig.name: "m1""#),
};

/// The largest kubeconfig that is read, in bytes.
pub const MAX_KUBECONFIG: usize = 256 * 1024;

/// One thing against a kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether it is refused.
    pub severity: Severity,
    /// What is wrong with it, as the end of a sentence about it.
    pub what: String,
    /// The way out.
    pub hint: &'static str,
}

/// What there is to be said against the kubeconfig in `content`.
#[must_use]
pub fn problems(content: &[u8]) -> Vec<Problem> {
    match read(content) {
        Err(what) => vec![Problem { severity: Severity::Error, what, hint: WHOLE }],
        Ok(kubeconfig) => {
            let mut problems: Vec<Problem> = kubeconfig.forbidden();
            problems.extend(kubeconfig.unusable());
            problems.extend(kubeconfig.unverified());
            problems
        }
    }
}

/// What there is to be said against the kubeconfig of `cluster`, where its
/// Secret is known.
pub(crate) fn check(cluster: &AttachedCluster, credentials: &Credentials, findings: &mut Findings) {
    let Some(reference) = &cluster.spec.kubeconfig else { return };
    let namespace = cluster.namespace().unwrap_or_default();
    let Lookup::Found(keys) = credentials.secret(&namespace, &reference.name) else { return };
    let Some(content) = keys.get(&reference.key) else { return };
    let path = FieldPath::spec().field("kubeconfig");
    findings.extend(problems(content).into_iter().map(|problem| {
        let message = format!("the kubeconfig {}", problem.what);
        let finding = match problem.severity {
            Severity::Error => Finding::error(&CONTENT, path.clone(), Fault::Invalid, message),
            Severity::Warning => Finding::warning(&CONTENT, path.clone(), Fault::Invalid, message),
        };
        finding.hint(problem.hint)
    }));
}

const WHOLE: &str = "store what `kubectl config view --raw --flatten --minify` prints";
const EMBED: &str = "embed the content instead (`kubectl config view --raw --flatten`)";
const TOKEN: &str = "use a ServiceAccount's token";

/// What of a kubeconfig is judged. Whatever else stands in it is not.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Kubeconfig {
    clusters: Option<Vec<NamedCluster>>,
    users: Option<Vec<NamedUser>>,
    contexts: Option<Vec<NamedContext>>,
    current_context: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NamedCluster {
    name: Option<String>,
    cluster: Option<ClusterInfo>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct ClusterInfo {
    server: Option<String>,
    certificate_authority: Option<Value>,
    insecure_skip_tls_verify: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NamedUser {
    user: Option<UserInfo>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct UserInfo {
    exec: Option<Value>,
    auth_provider: Option<Value>,
    #[serde(rename = "tokenFile")]
    token_file: Option<Value>,
    client_certificate: Option<Value>,
    client_key: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NamedContext {
    name: Option<String>,
    context: Option<ContextInfo>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContextInfo {
    cluster: Option<String>,
}

fn read(content: &[u8]) -> Result<Kubeconfig, String> {
    if content.len() > MAX_KUBECONFIG {
        return Err(format!("is larger than {} KiB", MAX_KUBECONFIG / 1024));
    }
    let text = std::str::from_utf8(content).map_err(|_| "is no text: it is not UTF-8".to_owned())?;
    let documents: Vec<Kubeconfig> =
        serde_saphyr::from_multiple(text).map_err(|_| "is no kubeconfig".to_owned())?;
    Ok(documents.into_iter().fold(Kubeconfig::default(), Kubeconfig::merge))
}

fn is_set(value: Option<&Value>) -> bool {
    value.is_some_and(|value| !value.is_null() && value != "")
}

impl Kubeconfig {
    /// Several documents are one kubeconfig, as kubectl reads several files.
    fn merge(self, next: Self) -> Self {
        Self {
            clusters: Some(self.clusters.into_iter().chain(next.clusters).flatten().collect()),
            users: Some(self.users.into_iter().chain(next.users).flatten().collect()),
            contexts: Some(self.contexts.into_iter().chain(next.contexts).flatten().collect()),
            current_context: self.current_context.or(next.current_context),
        }
    }

    /// What reaches outside of it, each kind once, whichever context it is in.
    fn forbidden(&self) -> Vec<Problem> {
        let users: Vec<&UserInfo> =
            self.users.iter().flatten().filter_map(|user| user.user.as_ref()).collect();
        let user = |field: fn(&UserInfo) -> Option<&Value>| users.iter().any(|user| is_set(field(user)));
        let clusters = self.clusters.iter().flatten().filter_map(|cluster| cluster.cluster.as_ref());
        let names_authority = clusters.into_iter().any(|info| is_set(info.certificate_authority.as_ref()));
        let fields = [
            (user(|user| user.exec.as_ref()), "users[].user.exec", TOKEN),
            (user(|user| user.auth_provider.as_ref()), "users[].user.auth-provider", TOKEN),
            (user(|user| user.token_file.as_ref()), "users[].user.tokenFile", EMBED),
            (user(|user| user.client_certificate.as_ref()), "users[].user.client-certificate", EMBED),
            (user(|user| user.client_key.as_ref()), "users[].user.client-key", EMBED),
            (names_authority, "clusters[].cluster.certificate-authority", EMBED),
        ];
        let present = fields.into_iter().filter(|(present, ..)| *present);
        present
            .map(|(_, field, hint)| Problem {
                severity: Severity::Error,
                what: format!("has {field}, which is not allowed here"),
                hint,
            })
            .collect()
    }

    /// The cluster of the current context, or why there is none.
    fn current(&self) -> Result<&ClusterInfo, &'static str> {
        let wanted = self.current_context.as_deref().filter(|name| !name.is_empty());
        let wanted = wanted.ok_or("has no current-context")?;
        let context = self.contexts.iter().flatten().find(|context| context.name.as_deref() == Some(wanted));
        let context = context.and_then(|context| context.context.as_ref());
        let context = context.ok_or("has a current-context that is not among its contexts")?;
        let cluster = context.cluster.as_deref().unwrap_or_default();
        let cluster = self.clusters.iter().flatten().find(|named| named.name.as_deref() == Some(cluster));
        let cluster = cluster.and_then(|named| named.cluster.as_ref());
        cluster.ok_or("has a current context whose cluster is not among its clusters")
    }

    fn unusable(&self) -> Option<Problem> {
        let what = match self.current() {
            Err(what) => what,
            Ok(cluster) => {
                let server = cluster.server.as_deref().unwrap_or_default();
                if address::is_of(server, &["http", "https"]) {
                    return None;
                }
                "has a current context without the address of a server"
            }
        };
        Some(Problem { severity: Severity::Error, what: what.to_owned(), hint: WHOLE })
    }

    fn unverified(&self) -> Option<Problem> {
        let is_unverified =
            self.current().is_ok_and(|cluster| cluster.insecure_skip_tls_verify == Some(true));
        is_unverified.then(|| Problem {
            severity: Severity::Warning,
            what:
                "turns verification off (insecure-skip-tls-verify), which Flux does not heed unless told to"
                    .to_owned(),
            hint: "embed the certificate authority (certificate-authority-data)",
        })
    }
}

#[cfg(test)]
mod tests;
