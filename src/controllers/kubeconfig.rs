//! Kubeconfigs of members. They are data from users: what would run a program
//! or read a file where the controller runs is refused, by the rule that
//! `check` has for it too.

use fleetgate_api::ConditionReason;
use fleetgate_api::attached_cluster::KubeconfigReference;
use fleetgate_webhooks::Severity;
use fleetgate_webhooks::rules::cluster::content::{CONTENT, problems};
use k8s_openapi::api::core::v1::Secret;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use super::conditions::Summary;

/// Reads the kubeconfig that `reference` names and makes a client configuration of it.
pub(super) async fn load(
    client: &Client,
    namespace: &str,
    reference: &KubeconfigReference,
) -> Result<Config, Summary> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let secret = secrets.get_opt(&reference.name).await.map_err(|error| {
        Summary::new(
            ConditionReason::KubeconfigNotFound,
            format!("Secret {:?} cannot be read: {error}", reference.name),
        )
    })?;
    let Some(secret) = secret else {
        let message = format!("there is no Secret {:?} in namespace {namespace:?}", reference.name);
        return Err(Summary::new(ConditionReason::KubeconfigNotFound, message));
    };
    let Some(content) = secret.data.unwrap_or_default().remove(&reference.key) else {
        let message = format!("Secret {:?} has no key {:?}", reference.name, reference.key);
        return Err(Summary::new(ConditionReason::KubeconfigNotFound, message));
    };
    let kubeconfig = parse(&content.0).map_err(|reason| {
        let message =
            format!("the kubeconfig in Secret {:?}, key {:?}, {reason}", reference.name, reference.key);
        Summary::new(ConditionReason::KubeconfigInvalid, message)
    })?;
    let configured = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    // The error's own words may repeat what stands in the Secret.
    configured.map_err(|_| {
        let message = format!(
            "the kubeconfig in Secret {:?}, key {:?}, cannot be used: its current context needs a cluster with a server \
             and a user, and certificates and keys must be base64 of PEM",
            reference.name, reference.key
        );
        Summary::new(ConditionReason::KubeconfigInvalid, message)
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
    use super::parse;

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
