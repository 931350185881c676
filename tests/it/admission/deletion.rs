//! What may be deleted, and what is in use.

use fleetgate_sandbox::Sandbox;

use super::*;

#[tokio::test]
async fn deletion_is_never_in_the_way() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "deleted"]).await;
    let spec = format!("{GIT}  syncPolicies:\n  - {KUSTOMIZATION}\n");
    assert!(apply(sandbox, &application("deleted", &spec)).await.success());
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "deleted", "--wait=false"]).await;
}

/// A cluster, its Fleet and an Application that delivers to it, in a namespace of their own.
async fn delivering(sandbox: &Sandbox, namespace: &str) {
    kubectl(sandbox, &["create", "namespace", namespace]).await;
    let cluster = format!(
        "apiVersion: cluster.kurator.dev/v1alpha1\nkind: AttachedCluster\nmetadata: {{name: m1, namespace: {namespace}}}\n\
         spec: {{kubeconfig: {{name: m1}}}}\n"
    );
    let fleet = format!(
        "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: quickstart, namespace: {namespace}}}\n\
         spec: {{clusters: [{{kind: AttachedCluster, name: m1}}]}}\n"
    );
    let spec = format!("{GIT}  destination: {{fleet: quickstart}}\n  syncPolicies:\n  - {KUSTOMIZATION}\n");
    let all = format!("{cluster}---\n{fleet}---\n{}", application(namespace, &spec));
    assert!(apply(sandbox, &all).await.success());
}

/// Waits until that may not be deleted; returns what is said. A dry run asks the webhook, and leaves the object for the
/// next try while the webhook's watch catches up.
async fn refusal(sandbox: &Sandbox, namespace: &str, kind: &str, name: &str) -> String {
    let refused = until("the refusal", Duration::from_secs(30), async || {
        let arguments = ["delete", kind, name, "--namespace", namespace, "--dry-run=server"];
        let answer = sandbox.kubectl().run(&arguments).await.expect("kubectl runs");
        Ok(if answer.success() { Probe::NotYet(answer.stdout) } else { Probe::Done(answer.stderr) })
    });
    refused.await.expect("the refusal")
}

#[tokio::test]
async fn a_fleet_in_use_is_not_deleted() {
    let sandbox = admission();
    delivering(sandbox, "in-use").await;
    for (kind, name, expected) in [
        ("fleet", "quickstart", "The Fleet \"quickstart\" is in use: Application \"shop\" delivers to it;"),
        (
            "attachedcluster",
            "m1",
            "The AttachedCluster \"m1\" is in use: Application \"shop\" delivers to it by Fleet \"quickstart\";",
        ),
    ] {
        let text = refusal(sandbox, "in-use", kind, name).await;
        let denied =
            "Error from server (Forbidden): admission webhook \"delete.fleetgate.dev\" denied the request: ";
        assert!(text.starts_with(&format!("{denied}{expected}")), "{text}");
    }
}

/// In one command, too.
#[tokio::test]
async fn who_takes_the_application_away_first_may_have_its_fleet() {
    let sandbox = admission();
    let mut said = String::new();
    // That it has gone is not waited for for ever: on a busy machine it may be heard of later.
    for round in 0..10 {
        let namespace = format!("in-use-no-more-{round}");
        delivering(sandbox, &namespace).await;
        for (kind, name) in [("fleet", "quickstart"), ("attachedcluster", "m1")] {
            refusal(sandbox, &namespace, kind, name).await;
        }
        let all = ["application/shop", "fleet/quickstart", "attachedcluster/m1"];
        let arguments = [&["delete"][..], &all, &["--namespace", namespace.as_str()]].concat();
        let answer = sandbox.kubectl().run(&arguments).await.expect("kubectl runs");
        if answer.success() {
            return;
        }
        said = answer.stderr;
    }
    panic!("it is refused each time: {said}");
}

#[tokio::test]
async fn a_namespace_with_fleets_in_use_is_deleted_as_a_whole() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "whole"]).await;
    let spec = format!("{GIT}  destination: {{fleet: quickstart}}\n  syncPolicies:\n  - {KUSTOMIZATION}\n");
    let both = format!("{}---\n{}", fleet("whole", "quickstart"), application("whole", &spec));
    assert!(apply(sandbox, &both).await.success());
    kubectl(sandbox, &["delete", "namespace", "whole", "--timeout=60s"]).await;
}
