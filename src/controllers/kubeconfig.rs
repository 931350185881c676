//! Kubeconfigs of members. They are data from users: what would run a program
//! or read a file where the controller runs is refused.

use fleetgate_api::ConditionReason;
use fleetgate_api::attached_cluster::KubeconfigReference;
use k8s_openapi::api::core::v1::Secret;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use super::conditions::Summary;

/// The largest kubeconfig that is read, in bytes.
const MAX_KUBECONFIG: usize = 256 * 1024;

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

/// The kubeconfig in `content`, or why it may not be used. The reason never
/// repeats any of the content: whoever may create an AttachedCluster could read
/// Secrets by it.
fn parse(content: &[u8]) -> Result<Kubeconfig, String> {
    if content.len() > MAX_KUBECONFIG {
        return Err(format!("is larger than {} KiB", MAX_KUBECONFIG / 1024));
    }
    let text = std::str::from_utf8(content).map_err(|_| "is no text: it is not UTF-8".to_owned())?;
    let kubeconfig = Kubeconfig::from_yaml(text).map_err(|_| "is no kubeconfig".to_owned())?;
    match forbidden(&kubeconfig) {
        None => Ok(kubeconfig),
        Some((field, way_out)) => Err(format!("has {field}, which is not allowed here: {way_out}")),
    }
}

/// The first thing in it that reaches outside of it, and the way out.
fn forbidden(kubeconfig: &Kubeconfig) -> Option<(&'static str, &'static str)> {
    let embed = "embed the content instead (`kubectl config view --raw --flatten`)";
    let token = "use a ServiceAccount's token";
    for user in kubeconfig.auth_infos.iter().filter_map(|user| user.auth_info.as_ref()) {
        let fields = [
            (user.exec.is_some(), "users[].user.exec", token),
            (user.auth_provider.is_some(), "users[].user.auth-provider", token),
            (user.token_file.is_some(), "users[].user.tokenFile", embed),
            (user.client_certificate.is_some(), "users[].user.client-certificate", embed),
            (user.client_key.is_some(), "users[].user.client-key", embed),
        ];
        if let Some((_, field, way_out)) = fields.into_iter().find(|(present, ..)| *present) {
            return Some((field, way_out));
        }
    }
    let clusters = kubeconfig.clusters.iter().filter_map(|cluster| cluster.cluster.as_ref());
    clusters
        .into_iter()
        .any(|cluster| cluster.certificate_authority.is_some())
        .then_some(("clusters[].cluster.certificate-authority", embed))
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn kubeconfig(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: {{server: 'https://127.0.0.1:1', {cluster}}}\n\
             users:\n- name: u\n  user: {{{user}}}\ncontexts:\n- name: x\n  context: {{cluster: c, user: u}}\ncurrent-context: x\n"
        )
    }

    #[test]
    fn what_reaches_outside_is_refused() {
        let table = [
            ("", "token: t", None),
            (
                "",
                "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh}",
                Some("users[].user.exec"),
            ),
            ("", "auth-provider: {name: gcp, config: {}}", Some("users[].user.auth-provider")),
            ("", "tokenFile: /var/run/token", Some("users[].user.tokenFile")),
            ("", "client-certificate: /c, client-key: /k", Some("users[].user.client-certificate")),
            ("certificate-authority: /ca", "token: t", Some("clusters[].cluster.certificate-authority")),
        ];
        for (cluster, user, expected) in table {
            let parsed = parse(kubeconfig(cluster, user).as_bytes());
            match expected {
                None => assert!(parsed.is_ok(), "{parsed:?}"),
                Some(field) => assert!(parsed.as_ref().is_err_and(|reason| reason.contains(field)), "{user}"),
            }
        }
    }

    #[test]
    fn a_reason_never_repeats_the_content() {
        let marker = "c2VjcmV0LW1hcmtlcg";
        let contents = [
            marker.to_owned(),
            kubeconfig("", &format!("exec: [not, a, map], token: {marker}")),
            kubeconfig("", &format!("exec: {{command: {marker}}}")),
            kubeconfig(&format!("certificate-authority: {marker}"), "token: t"),
            format!("apiVersion: [{marker}"),
        ];
        for content in contents {
            let reason = parse(content.as_bytes()).expect_err("it is refused");
            assert!(!reason.contains(marker), "{reason}");
        }
    }

    #[test]
    fn what_is_no_kubeconfig_is_refused() {
        for content in [&b"\xff\xfe"[..], b"[", &vec![b' '; 300 * 1024]] {
            assert!(parse(content).is_err());
        }
    }
}
