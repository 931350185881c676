//! Admission as its user meets it: through kubectl and the real API server.

use fleetgate_sandbox::wait::{Probe, until};
use kube::Api;
use kube::api::DynamicObject;
use std::time::Duration;

use crate::support::{admission, apply, kubectl, past_the_gate};

mod deletion;

/// An Application in a namespace of its own.
fn application(namespace: &str, spec: &str) -> String {
    format!(
        "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {{name: shop, namespace: {namespace}}}\nspec:\n{spec}"
    )
}

const GIT: &str = "  source: {gitRepository: {url: 'https://github.com/o/r', interval: 3m0s}}\n";
const KUSTOMIZATION: &str = "kustomization: {interval: 5m0s, path: ./deploy, prune: true}";

fn fleet(namespace: &str, name: &str) -> String {
    format!(
        "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{}}\n"
    )
}

#[tokio::test]
async fn a_broken_application_is_refused_with_all_its_faults() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "broken"]).await;
    let spec = format!(
        "  source:\n    gitRepository: {{url: 'https://github.com/o/r', interval: 3m0s}}\n    helmRepository: {{url: 'https://e.com', interval: 5m}}\n\
         \x20 syncPolicies:\n  - destination: {{fleet: quickstart, clusterSelector: {{matchLabels: {{env: 'not valid!'}}}}}}\n    {KUSTOMIZATION}\n  - {KUSTOMIZATION}\n"
    );
    let answer = apply(sandbox, &application("broken", &spec)).await;
    assert_eq!(answer.code, Some(1));
    let text = answer.stderr;
    for expected in [
        "The Application \"shop\" is invalid:",
        "* spec.source.helmRepository: Forbidden: may not be set together with gitRepository",
        "[source/exactly-one]",
        "* spec.syncPolicies[1].destination: Required value: must be set where other policies have one",
        "[destination/mixed]",
        "* spec.syncPolicies[0].destination.clusterSelector.matchLabels.env: Invalid value: \"not valid!\": must be a label value",
        "[selector/syntax]",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
}

/// Nothing delivers here, so that what is read is what the API server made of it.
#[tokio::test]
async fn a_new_application_is_in_progress_to_kstatus() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "new"]).await;
    let answer =
        apply(sandbox, &application("new", &format!("{GIT}  syncPolicies:\n  - {KUSTOMIZATION}\n"))).await;
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""));
    let fields = "jsonpath={.metadata.generation} {.status}";
    let read =
        kubectl(sandbox, &["get", "application", "shop", "--namespace", "new", "--output", fields]).await;
    assert_eq!(read.stdout, r#"1 {"observedGeneration":-1}"#);
}

#[tokio::test]
async fn a_wrong_fleet_is_a_warning_with_the_names_that_exist() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "wrong-fleet"]).await;
    apply(sandbox, &fleet("wrong-fleet", "quickstart")).await;
    let spec = format!("{GIT}  syncPolicies:\n  - destination: {{fleet: quikstart}}\n    {KUSTOMIZATION}\n");
    // The Fleet was created a moment ago; the webhook's watch may need another one.
    let warned = until("the warning with the Fleet's name", Duration::from_secs(30), async || {
        let answer = apply(sandbox, &application("wrong-fleet", &spec)).await;
        let text = answer.stderr;
        kubectl(
            sandbox,
            &["delete", "application", "shop", "--namespace", "wrong-fleet", "--ignore-not-found"],
        )
        .await;
        Ok(if text.contains("did you mean \"quickstart\"?") {
            Probe::Done(text)
        } else {
            Probe::NotYet(text)
        })
    });
    let text = warned.await.expect("the warning");
    assert!(
        text.starts_with("Warning: spec.syncPolicies[0].destination.fleet: Not found: \"quikstart\""),
        "{text}"
    );
    assert!(text.contains("[ref/fleet]"), "{text}");
}

#[tokio::test]
async fn a_fleet_of_the_same_apply_is_waited_for() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "same-apply"]).await;
    let (mut silent, mut said) = (0, String::new());
    // It is not waited for for ever: on a busy machine some may come later.
    for round in 0..40 {
        let spec =
            format!("{GIT}  syncPolicies:\n  - destination: {{fleet: fresh-{round}}}\n    {KUSTOMIZATION}\n");
        let both = format!(
            "{}---\n{}",
            fleet("same-apply", &format!("fresh-{round}")),
            application("same-apply", &spec)
        );
        let answer = apply(sandbox, &both).await;
        assert!(answer.success(), "{}", answer.stderr);
        said = answer.stderr;
        silent = if said.is_empty() { silent + 1 } else { 0 };
        if silent == 5 {
            return;
        }
    }
    panic!("it is not waited for five times in a row: {said}");
}

#[tokio::test]
async fn early_names_are_stored_under_their_new_ones_and_can_be_applied_again() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "early-names"]).await;
    let spec = |branch: &str| {
        format!(
            "  source: {{gitRepo: {{url: 'https://github.com/o/r', interval: 3m0s, ref: {{branch: {branch}}}}}}}\n  syncPolicy:\n  - {KUSTOMIZATION}\n"
        )
    };
    for (branch, server_side) in [("one", false), ("one", false), ("two", false), ("three", true)] {
        let manifest = application("early-names", &spec(branch));
        let mut arguments = vec!["apply", "-f", "-"];
        if server_side {
            arguments.extend(["--server-side", "--force-conflicts"]);
        }
        let answer = sandbox.kubectl().run_with(&arguments, &manifest).await.expect("kubectl runs");
        assert!(answer.success(), "{branch}: {}", answer.stderr);
        assert!(
            answer.stderr.contains("Warning: spec.source.gitRepo: is the early name of gitRepository"),
            "{}",
            answer.stderr
        );
        let stored = kubectl(
            sandbox,
            &["get", "application", "shop", "--namespace", "early-names", "--output", "json"],
        )
        .await;
        let stored: serde_json::Value = serde_json::from_str(&stored.stdout).expect("JSON");
        assert_eq!(stored["spec"]["source"]["gitRepository"]["ref"]["branch"], branch);
        assert_eq!(stored["spec"]["syncPolicies"].as_array().map(Vec::len), Some(1));
        assert!(
            stored["spec"]["source"].get("gitRepo").is_none() && stored["spec"].get("syncPolicy").is_none()
        );
    }
}

#[tokio::test]
async fn a_mistyped_field_is_refused_with_its_type() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "mistyped"]).await;
    let spec = format!("{GIT}  syncPolicies:\n  - kustomization: {{interval: 5m0s, prune: 'yes'}}\n");
    let answer = apply(sandbox, &application("mistyped", &spec)).await;
    let expected = "spec.syncPolicies[0].kustomization.prune: Invalid value: \"yes\": must be a boolean, is a string [object/unreadable]";
    assert!(answer.stderr.contains(expected), "{}", answer.stderr);
}

#[tokio::test]
async fn what_was_stored_before_the_gate_stood_can_still_be_changed() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "stored"]).await;
    let with = |interval: &str, policies: &str| {
        let git = format!("gitRepository: {{url: 'https://github.com/o/r', interval: {interval}}}");
        let source = format!("  source: {{{git}, helmRepository: {{url: 'https://e.com', interval: 5m}}}}\n");
        application("stored", &format!("{source}  syncPolicies:\n{policies}"))
    };
    let policies = format!("  - name: web\n    {KUSTOMIZATION}\n");
    past_the_gate(sandbox, "stored", &["create", "-f", "-"], &with("3m0s", &policies)).await;

    let answer = apply(sandbox, &with("5m0s", &policies)).await;
    assert!(answer.success(), "{}", answer.stderr);
    let said = "Warning: spec.source.helmRepository: Forbidden:";
    assert!(answer.stderr.contains(said) && answer.stderr.contains("stored so already"), "{}", answer.stderr);

    let worse = format!("{policies}  - name: api\n    kustomization: {{interval: often, prune: true}}\n");
    let answer = apply(sandbox, &with("5m0s", &worse)).await;
    assert_eq!(answer.code, Some(1));
    assert!(
        answer.stderr.contains("spec.syncPolicies[1].kustomization.interval: Invalid value"),
        "{}",
        answer.stderr
    );
    assert!(!answer.stderr.contains("* spec.source.helmRepository"), "{}", answer.stderr);
}

#[tokio::test]
async fn the_webhook_may_not_read_secrets() {
    let sandbox = admission();
    let may = async |who: &str, verb: &str, what: &str| {
        let user = format!("--as=system:serviceaccount:fleetgate-system:{who}");
        let answer = sandbox
            .kubectl()
            .run(&["auth", "can-i", verb, what, &user, "--all-namespaces"])
            .await
            .expect("kubectl runs");
        answer.stdout.trim() == "yes"
    };
    assert!(may("fleetgate-webhook", "list", "fleets.fleet.kurator.dev").await);
    assert!(may("fleetgate-webhook", "watch", "applications.apps.kurator.dev").await);
    assert!(!may("fleetgate-webhook", "get", "secrets").await);
    assert!(!may("fleetgate-webhook", "patch", "applications.apps.kurator.dev").await);
    assert!(!may("fleetgate-webhook", "list", "secrets").await);
    assert!(may("fleetgate-controller", "get", "secrets").await);
    assert!(may("fleetgate-controller", "patch", "secrets").await);
    for verb in ["create", "update", "delete"] {
        assert!(!may("fleetgate-controller", verb, "secrets").await, "{verb}");
    }
    assert!(may("fleetgate-controller", "get", "serviceaccounts").await);
    assert!(!may("fleetgate-controller", "list", "serviceaccounts").await);
    assert!(!may("fleetgate-controller", "delete", "applications.apps.kurator.dev").await);
}

#[tokio::test]
async fn the_kinds_are_served_under_all_their_names() {
    let sandbox = admission();
    let api: Api<DynamicObject> =
        Api::all_with(sandbox.client(), &kube::api::ApiResource::erase::<fleetgate_api::Application>(&()));
    api.list(&kube::api::ListParams::default()).await.expect("Applications are served");
    let names = kubectl(sandbox, &["get", "fleetgate", "--all-namespaces", "--ignore-not-found"]).await;
    assert!(names.success());
}
