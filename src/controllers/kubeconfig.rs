//! Kubeconfigs of members. They are data from users: what would run a program
//! or read a file where the controller runs is refused, by the rule that
//! `check` has for it too.

use anyhow::Context as _;
use fleetgate_api::ConditionReason;
use fleetgate_api::attached_cluster::KubeconfigReference;
use fleetgate_webhooks::rules::cluster::content::{CONTENT, problems};
use fleetgate_webhooks::{Severity, names};
use k8s_openapi::api::core::v1::Secret;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use super::conditions::Summary;
use crate::stored::in_words;

/// Why there is no kubeconfig.
#[derive(Debug)]
pub(super) enum Unread {
    /// What is to be said of the cluster.
    Said(Summary),
    /// The host's own API server was asked, and did not tell.
    Unasked(anyhow::Error),
}

impl From<Summary> for Unread {
    fn from(said: Summary) -> Self {
        Self::Said(said)
    }
}

/// The Secret that `reference` names.
pub(super) async fn secret(
    client: &Client,
    namespace: &str,
    reference: &KubeconfigReference,
) -> Result<Secret, Unread> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let missing = || {
        let message = format!("there is no Secret {:?} in namespace {namespace:?}", reference.name);
        Unread::Said(Summary::new(ConditionReason::KubeconfigNotFound, message))
    };
    // In the path of a question, what is no name might lead elsewhere.
    if !names::is_dns_subdomain(&reference.name) {
        return Err(missing());
    }
    let secret = secrets.get_opt(&reference.name).await.map_err(in_words);
    let secret = secret.with_context(|| format!("Secret {:?} cannot be read", reference.name));
    secret.map_err(Unread::Unasked)?.ok_or_else(missing)
}

/// The kubeconfig in that Secret, as a client's configuration.
pub(super) async fn config(secret: &Secret, reference: &KubeconfigReference) -> Result<Config, Summary> {
    let KubeconfigReference { name, key } = reference;
    let Some(content) = secret.data.as_ref().and_then(|data| data.get(key)) else {
        let message = format!("Secret {name:?} has no key {key:?}");
        return Err(Summary::new(ConditionReason::KubeconfigNotFound, message));
    };
    let invalid = |what: &str| {
        let message = format!("the kubeconfig in Secret {name:?}, key {key:?}, {what}");
        Summary::new(ConditionReason::KubeconfigInvalid, message)
    };
    let kubeconfig = parse(&content.0).map_err(|reason| invalid(&reason))?;
    let configured = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    // The error's own words may repeat what stands in the Secret.
    configured.map_err(|_| {
        invalid(
            "cannot be used: its current context needs a cluster with a server and a user, and certificates and keys must be \
             base64 of PEM",
        )
    })
}

/// The kubeconfig in `content`, or why it may not be used, in the words of the
/// rule `cluster/kubeconfig-content`, which never repeat any of the content.
fn parse(content: &[u8]) -> Result<Kubeconfig, String> {
    let refused: Vec<String> = problems(content)
        .into_iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| format!("{}: {}", problem.what, problem.hint))
        .collect();
    if !refused.is_empty() {
        return Err(format!("{} [{}]", refused.join("; "), CONTENT.code));
    }
    let text = std::str::from_utf8(content).unwrap_or_default();
    Kubeconfig::from_yaml(text).map_err(|_| "is no kubeconfig".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Unread, config, parse, secret};
    use axum::Router;
    use axum::http::StatusCode;
    use fleetgate_api::ConditionReason;
    use fleetgate_api::attached_cluster::KubeconfigReference;
    use kube::Client;
    use serde_json::json;

    #[tokio::test]
    async fn what_is_no_name_is_not_asked_for() {
        // Whatever is asked for, there is a Secret; its key does not hold a kubeconfig.
        let answer = async || json!({"metadata": {"name": "m1"}, "data": {"value": "AA=="}}).to_string();
        let client = Client::new(Router::new().fallback(answer), "default");
        let table = [
            ("m1", ConditionReason::KubeconfigInvalid),
            ("../../other/secrets/m1", ConditionReason::KubeconfigNotFound),
            ("m1?watch=true", ConditionReason::KubeconfigNotFound),
            ("", ConditionReason::KubeconfigNotFound),
        ];
        for (name, expected) in table {
            let reference = KubeconfigReference { name: name.to_owned(), key: "value".to_owned() };
            let refused = match secret(&client, "default", &reference).await {
                Ok(secret) => config(&secret, &reference).await.expect_err("no kubeconfig"),
                Err(Unread::Said(refused)) => refused,
                Err(Unread::Unasked(error)) => panic!("{name}: {error:#}"),
            };
            assert_eq!(refused.reason, expected, "{name}");
        }
    }

    /// Of a Secret that cannot be asked for nobody knows that it is missing.
    #[tokio::test]
    async fn only_a_secret_that_is_not_there_is_missing() {
        let reference = KubeconfigReference { name: "m1".to_owned(), key: "value".to_owned() };
        let table = [
            (404, "there is no Secret \"m1\" in namespace \"default\"", true),
            (403, "Secret \"m1\" cannot be read: it is so", false),
            (500, "Secret \"m1\" cannot be read: it is so", false),
        ];
        for (code, expected, is_expected_said) in table {
            let reason = if code == 404 { "NotFound" } else { "Failed" };
            let body = json!({"kind": "Status", "status": "Failure", "message": "it is so", "reason": reason, "code": code});
            let code = StatusCode::from_u16(code).expect("a code");
            let answer = async move || (code, body.to_string());
            let client = Client::new(Router::new().fallback(answer), "default");
            let unread = secret(&client, "default", &reference).await.expect_err("no Secret");
            let (message, is_said) = match unread {
                Unread::Said(summary) => (summary.message, true),
                Unread::Unasked(error) => (format!("{error:#}"), false),
            };
            assert_eq!((message.as_str(), is_said), (expected, is_expected_said), "{code}");
        }
    }

    #[test]
    fn what_the_rule_refuses_is_not_used() {
        let kubeconfig = |user: &str| {
            format!(
                "clusters:\n- name: c\n  cluster: {{server: 'https://127.0.0.1:1'}}\nusers:\n- name: u\n  user: {{{user}}}\n\
                 contexts:\n- name: x\n  context: {{cluster: c, user: u}}\ncurrent-context: x\n"
            )
        };
        assert!(parse(kubeconfig("token: t").as_bytes()).is_ok());
        let reason =
            parse(kubeconfig("exec: {command: sh}, tokenFile: /t").as_bytes()).expect_err("it is refused");
        assert_eq!(
            reason,
            "has users[].user.exec, which is not allowed here: use a ServiceAccount's token; \
             has users[].user.tokenFile, which is not allowed here: embed the content instead (`kubectl config view --raw --flatten`) \
             [cluster/kubeconfig-content]"
        );
        assert!(parse(b"\xff\xfe").is_err());
    }
}
