//! An installation that locks its tenants in: webhook, controllers and `check`
//! under the same flags give one verdict.

use std::fs;
use std::process::Command;
use std::time::Duration;

use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Options, Sandbox, Scope};
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::support::{Running, apply, file, kubectl, options, own, past_the_gate};

const FLAGS: [&str; 2] = ["--no-cross-namespace-refs", "--no-host-destination"];

const APPLICATION: &str = "apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: shop, namespace: tenant}
spec:
  source: {gitRepository: {url: 'https://github.com/o/r', interval: 3m}}
  destination: {fleet: quickstart}
  syncPolicies:
  - kustomization: {interval: 5m, prune: true, dependsOn: [{name: base, namespace: platform}]}
";

/// What all of them say.
const FORBIDDEN: &str = "spec.syncPolicies[0].kustomization.dependsOn[0].namespace: Forbidden: \"platform\": \
     leaves the Application's namespace, \"tenant\", which this installation does not allow; \
     depend on what is in the same namespace, or leave it out [ref/cross-namespace]";

/// What is said of the same without its destination and what it depends on.
const HOST_FORBIDDEN: &str = "spec.syncPolicies[0].destination: Required value: must be set: without it this policy would go \
     to the host cluster, which this installation does not allow; name a Fleet here, or in spec.destination for all \
     [destination/host-forbidden]";

/// In a sandbox of its own, whose webhook and controllers run with the flags.
#[tokio::test(flavor = "multi_thread")]
async fn no_reference_leaves_a_namespace_that_is_locked() {
    let options = Options { without_fleetgate: true, ..options(Scope::Admission) };
    let sandbox = &own(options).await;
    keeps_its_certificate(sandbox).await;
    let _serving = serve(sandbox);
    kubectl(sandbox, &["create", "namespace", "tenant"]).await;

    let refused = until("the refusal", Duration::from_mins(1), async || {
        let answer = apply(sandbox, APPLICATION).await;
        Ok(if answer.stderr.contains("is invalid") {
            Probe::Done(answer)
        } else {
            Probe::NotYet(answer.stderr)
        })
    });
    let answer = refused.await.expect("the webhook refuses it");
    assert_eq!(answer.code, Some(1));
    assert!(answer.stderr.contains(FORBIDDEN), "{}", answer.stderr);

    let to_the_host = APPLICATION
        .replace("  destination: {fleet: quickstart}\n", "")
        .replace(", dependsOn: [{name: base, namespace: platform}]", "");
    let answer = apply(sandbox, &to_the_host).await;
    assert_eq!(answer.code, Some(1));
    assert!(answer.stderr.contains(HOST_FORBIDDEN), "{}", answer.stderr);

    past_the_gate(sandbox, "tenant", &["create", "-f", "-"], APPLICATION).await;
    let stalled = until("the condition", Duration::from_mins(1), async || {
        let arguments = ["get", "application", "shop", "--namespace", "tenant", "--output", "json"];
        let stored: Value = serde_json::from_str(&kubectl(sandbox, &arguments).await.stdout)?;
        let conditions = stored.pointer("/status/conditions").and_then(Value::as_array).cloned();
        let stalled = conditions.into_iter().flatten().find(|condition| condition["type"] == "Stalled");
        Ok(stalled.map_or_else(|| Probe::NotYet(stored.to_string()), Probe::Done))
    });
    let stalled = stalled.await.expect("the controller does not deliver it");
    assert_eq!(
        [&stalled["status"], &stalled["reason"], &stalled["message"]],
        ["True", "InvalidSpec", FORBIDDEN]
    );

    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("app.yaml"), APPLICATION).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_fleetgate"))
        .args(["check", "app.yaml"])
        .args(FLAGS)
        .current_dir(folder.path())
        .output()
        .expect("check runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("error[ref/cross-namespace]"), "{text}");
}

/// What `serve` needs besides the controller's rights, as `docs/certificates.md` says.
async fn keeps_its_certificate(sandbox: &Sandbox) {
    let page = fs::read_to_string(file("docs/certificates.md")).expect("the page");
    let page = page.replace("\\\n", "");
    let commands = page.lines().filter_map(|line| line.strip_prefix("$ kubectl create "));
    let bindings: Vec<&str> = commands.filter(|line| line.contains("fleetgate-certificates")).collect();
    assert_eq!(bindings.len(), 2);
    for binding in bindings {
        let words: Vec<&str> = ["create"].into_iter().chain(binding.split_whitespace()).collect();
        kubectl(sandbox, &words).await;
    }
}

/// Webhook and controllers in one process, with the flags, where the sandbox has
/// its API server look for the webhook.
fn serve(sandbox: &Sandbox) -> (Running, NamedTempFile) {
    let [webhook, _] = sandbox.fleetgate_commands();
    let (_, arguments) = webhook.split_once(" webhook ").expect("the webhook's arguments");
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetgate"));
    command.arg("serve").args(FLAGS).args(arguments.split(' '));
    Running::logging(command.env("KUBECONFIG", sandbox.controller_kubeconfig()))
}
