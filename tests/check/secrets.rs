//! Secrets among the files: what they say is judged, and never shown.

use crate::support::{check, check_json, folder, found};

const CLUSTER: &str = "apiVersion: cluster.kurator.dev/v1alpha1
kind: AttachedCluster
metadata: {name: m1}
spec: {kubeconfig: {name: m1, key: config}}
";

/// A Secret with a kubeconfig whose user is `user`.
fn secret(key: &str, user: &str) -> String {
    format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: m1}}
stringData:
  {key}: |
    clusters: [{{name: c, cluster: {{server: 'https://m1:6443'}}}}]
    users: [{{name: u, user: {{{user}}}}}]
    contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
    current-context: x
"
    )
}

fn found_with(secret: &str) -> (Option<i32>, Vec<String>) {
    let folder = folder(&[("cluster.yaml", CLUSTER.as_bytes()), ("secret.yaml", secret.as_bytes())]);
    let (code, document) = check_json(folder.path(), &["cluster.yaml", "secret.yaml"]);
    (code, found(&document))
}

#[test]
fn a_kubeconfig_among_the_files_is_judged() {
    let content = "cluster.yaml:4:8 cluster/kubeconfig-content spec.kubeconfig".to_owned();
    let table = [
        (secret("config", "token: t"), 0, vec![]),
        (secret("config", "exec: {command: sh}"), 1, vec![content.clone()]),
        (
            secret("config", "exec: {command: sh}")
                .replace("name: m1}\nstring", "name: m1, namespace: other}\nstring"),
            0,
            vec![],
        ),
        (secret("other", "token: t"), 0, vec!["cluster.yaml:4:8 ref/secret spec.kubeconfig".to_owned()]),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: m2}\n".to_owned(), 0, vec![]),
        // Encrypted, or filled in later: nobody knows what it will say.
        (format!("{}sops: {{}}\n", secret("config", "exec: {command: sh}")), 0, vec![]),
        (secret("config", "exec: {command: ${TOKEN}}"), 0, vec![]),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: m1}\ndata: {config: '!'}\n".to_owned(), 0, vec![]),
    ];
    for (secret, code, expected) in table {
        assert_eq!(found_with(&secret), (Some(code), expected), "{secret}");
    }
}

#[test]
fn nothing_of_it_is_shown() {
    let marker = "c2VjcmV0LW1hcmtlcg";
    let secret = secret("config", &format!("tokenFile: {marker}, token: {marker}"));
    let both = format!("{CLUSTER}---\n{secret}");
    let folder = folder(&[("cluster.yaml", both.as_bytes())]);
    for output in ["text", "json", "sarif", "junit"] {
        let (code, text) = check(folder.path(), &["cluster.yaml", "--output", output]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("users[].user.tokenFile") && !text.contains(marker), "{text}");
    }
}
