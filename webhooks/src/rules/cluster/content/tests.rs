use super::*;
use proptest::prelude::*;

fn kubeconfig(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: {{server: 'https://127.0.0.1:1', {cluster}}}\n\
         users:\n- name: u\n  user: {{{user}}}\ncontexts:\n- name: x\n  context: {{cluster: c, user: u}}\ncurrent-context: x\n"
    )
}

fn texts(content: &str) -> Vec<String> {
    let problems = problems(content.as_bytes()).into_iter();
    problems.map(|problem| format!("{}: {}", problem.severity, problem.what)).collect()
}

#[test]
fn what_reaches_outside_is_refused() {
    let table = [
        ("", "token: t", vec![]),
        ("certificate-authority-data: YQ==", "client-key-data: YQ==", vec![]),
        ("", "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh}", vec!["users[].user.exec"]),
        ("", "exec: sh", vec!["users[].user.exec"]),
        ("", "exec: null, tokenFile: ''", vec![]),
        ("", "auth-provider: {name: gcp, config: {}}", vec!["users[].user.auth-provider"]),
        ("", "tokenFile: /var/run/token", vec!["users[].user.tokenFile"]),
        (
            "",
            "client-certificate: /c, client-key: /k",
            vec!["users[].user.client-certificate", "users[].user.client-key"],
        ),
        ("certificate-authority: /ca", "token: t", vec!["clusters[].cluster.certificate-authority"]),
    ];
    for (cluster, user, expected) in table {
        let expected: Vec<String> = expected
            .into_iter()
            .map(|field| format!("error: has {field}, which is not allowed here"))
            .collect();
        assert_eq!(texts(&kubeconfig(cluster, user)), expected, "{cluster} {user}");
    }
}

#[test]
fn it_needs_a_context_with_a_server() {
    let whole = kubeconfig("", "token: t");
    let table = [
        ("current-context: x\n", "", "has no current-context"),
        ("current-context: x", "current-context: y", "has a current-context that is not among its contexts"),
        (
            "context: {cluster: c",
            "context: {cluster: d",
            "has a current context whose cluster is not among its clusters",
        ),
        ("server: 'https://127.0.0.1:1', ", "", "has a current context without the address of a server"),
        ("https://127.0.0.1:1", "127.0.0.1:1", "has a current context without the address of a server"),
        ("kind: Config", "users: [", "is no kubeconfig"),
    ];
    for (part, replacement, expected) in table {
        assert_eq!(texts(&whole.replace(part, replacement)), [format!("error: {expected}")]);
    }
    let unverified = texts(&kubeconfig("insecure-skip-tls-verify: true", "token: t"));
    assert!(
        unverified.len() == 1 && unverified[0].starts_with("warning: turns verification off"),
        "{unverified:?}"
    );
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
        format!("current-context: {marker}"),
    ];
    for content in contents {
        let texts = texts(&content);
        assert!(!texts.is_empty() && texts.iter().all(|text| !text.contains(marker)), "{texts:?}");
    }
}

#[test]
fn what_is_no_kubeconfig_is_refused() {
    for content in [&b"\xff\xfe"[..], b"[", b"", b"text", &vec![b' '; 300 * 1024]] {
        assert!(!problems(content).is_empty());
    }
}

proptest! {
    #[test]
    fn no_content_makes_it_panic(content in prop::collection::vec(any::<u8>(), 0..200), yaml in "[a-z:\\- \n\\[\\]{}&*]{0,80}") {
        for content in [&content[..], yaml.as_bytes()] {
            prop_assert!(problems(content).iter().all(|problem| !problem.what.is_empty()));
        }
    }
}
