//! What Applications are checked against.

use crate::support::{bad, check, check_json, fleet, fleetgate, folder, found, of_fleet, said};

#[test]
fn fleets_among_the_files_are_what_applications_are_checked_against() {
    let folder = folder(&[
        ("a-app.yaml", of_fleet("quikstart").as_bytes()),
        ("b-fleet.yml", fleet("quickstart").as_bytes()),
    ]);
    let (code, document) = check_json(folder.path(), &["."]);
    assert_eq!(code, Some(0));
    assert_eq!(found(&document), ["./a-app.yaml:6:17 ref/fleet spec.destination.fleet"]);
    assert_eq!(document["findings"][0]["hint"], "did you mean \"quickstart\"?");
}

#[test]
fn files_of_the_catalog_are_looked_at_and_not_judged() {
    let folder = folder(&[
        ("app.yaml", of_fleet("quikstart").as_bytes()),
        ("fleets/fleet.yaml", format!("{}---\n{}", fleet("quickstart"), bad()).as_bytes()),
        ("more.yaml", fleet("other").as_bytes()),
    ]);
    let (code, document) = check_json(folder.path(), &["app.yaml"]);
    assert_eq!((code, found(&document).len()), (Some(0), 0));
    assert_eq!(document["summary"]["unknown"], serde_json::json!(["Fleet"]));

    let (code, document) =
        check_json(folder.path(), &["app.yaml", "--catalog", "fleets", "--catalog", "more.yaml"]);
    assert_eq!(code, Some(0));
    assert_eq!(found(&document), ["app.yaml:6:17 ref/fleet spec.destination.fleet"]);
    assert_eq!(
        document["summary"],
        serde_json::json!({"files": 1, "objects": 1, "errors": 0, "warnings": 1, "others": 0, "charts": 0, "unreadable": 0, "unknown": []})
    );
}

#[test]
fn a_catalog_that_cannot_be_read_is_no_success() {
    let faulty = fleet("quickstart").replace("spec: {}", "spec: {clusters: 7}");
    let folder =
        folder(&[("app.yaml", of_fleet("quickstart").as_bytes()), ("fleet.yaml", faulty.as_bytes())]);
    let (code, document) = check_json(folder.path(), &["app.yaml", "--catalog", "fleet.yaml"]);
    assert_eq!(code, Some(2));
    assert_eq!(found(&document), ["fleet.yaml:1:1 input/unreadable null"]);
    let (code, _) = check(folder.path(), &["app.yaml", "--catalog", "missing"]);
    assert_eq!(code, Some(2));
}

#[test]
fn a_cluster_that_cannot_be_asked_is_no_success() {
    let kubeconfig = "
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
contexts: [{name: host, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: t}}]
";
    let folder = folder(&[("app.yaml", of_fleet("x").as_bytes()), ("kubeconfig", kubeconfig.as_bytes())]);
    for (context, expected) in [
        ("host", "fleetgate: --context host: its Fleets cannot be listed: "),
        ("hots", "fleetgate: --context hots: the kubeconfig cannot be used: "),
    ] {
        let mut command = fleetgate();
        command.args(["check", "app.yaml", "--context", context]).current_dir(folder.path());
        command.env("KUBECONFIG", folder.path().join("kubeconfig"));
        let (code, text) = said(command.output().expect("check runs"));
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}
