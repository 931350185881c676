//! Whoever waits for an Application, by whatever means, waits long enough and
//! no longer.

use super::*;

#[tokio::test]
async fn flux_waits_for_an_application() {
    let sandbox = delivery();
    namespace(sandbox, "waited-for").await;
    member_namespace(sandbox, "waited-for").await;
    // It goes nowhere as long as no cluster has the label.
    assert!(apply(sandbox, &selected("waited-for", &[("web", "env: test")])).await.success());
    becomes(sandbox, "waited-for", "shop", "False NoClusters").await;
    let waiting = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: after, namespace: waited-for}\nspec:\n  \
         {interval: 5m, retryInterval: 2s, timeout: 5s, path: ./kustomize, prune: true, targetNamespace: waited-for,\n  \
         sourceRef: {kind: GitRepository, name: shop},\n  \
         healthChecks: [{apiVersion: apps.kurator.dev/v1alpha1, kind: Application, name: shop, namespace: waited-for}]}\n";
    assert!(apply(sandbox, waiting).await.success());
    flux_says(sandbox, "waited-for", "after", "False HealthCheckFailed").await;
    label(sandbox, "waited-for", "kurator-member1", "env=test").await;
    becomes(sandbox, "waited-for", "shop", "True Succeeded 1/1").await;
    flux_says(sandbox, "waited-for", "after", "True ").await;
    described(sandbox, "waited-for").await;
    kubectl(sandbox, &["delete", "kustomization", "after", "--namespace", "waited-for", "--timeout=60s"])
        .await;
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "waited-for", "--timeout=60s"]).await;
    gone(sandbox, "waited-for").await;
}

/// Waits until `kubectl describe` shows what has become of the Application, as its condition and as its event.
async fn described(sandbox: &Sandbox, namespace: &str) {
    let seen = until("both to be shown", PATIENCE, async || {
        let shown =
            kubectl(sandbox, &["describe", "application", "shop", "--namespace", namespace]).await.stdout;
        let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
        let condition = [["Message:", "1/1 clusters ready"], ["Reason:", "Succeeded"], ["Type:", "Ready"]];
        let has_condition =
            condition.iter().all(|words| lines.iter().any(|line| line.join(" ") == words.join(" ")));
        let is_event = |line: &Vec<&str>| {
            line.starts_with(&["Normal", "Succeeded"]) && line.ends_with(&["1/1", "clusters", "ready"])
        };
        let is_shown = has_condition && lines.iter().any(is_event);
        Ok(if is_shown { Probe::Done(()) } else { Probe::NotYet(shown) })
    });
    seen.await.expect("the condition and the event");
}

/// Waits until a Kustomization's Ready condition, as `True Reason`, starts with `expected`.
async fn flux_says(sandbox: &Sandbox, namespace: &str, name: &str, expected: &str) {
    let what = format!("{name} to be {expected:?}");
    let seen = until(&what, PATIENCE, async || {
        let path =
            "jsonpath={range .status.conditions[?(@.type==\"Ready\")]}{.status} {.reason}: {.message}{end}";
        let arguments = ["get", "kustomization", name, "--namespace", namespace, "--output", path];
        let said = kubectl(sandbox, &arguments).await.stdout;
        Ok(if said.starts_with(expected) { Probe::Done(()) } else { Probe::NotYet(said) })
    });
    seen.await.expect("the condition");
}

/// A Kustomization that Flux looks at every second: it says so each time, and
/// nothing becomes of it.
#[tokio::test]
async fn nothing_is_said_while_flux_looks_again() {
    let sandbox = delivery();
    namespace(sandbox, "calm").await;
    member_namespace(sandbox, "calm").await;
    label(sandbox, "calm", "kurator-member1", "env=test").await;
    let manifest = selected("calm", &[("web", "env: test")]).replace("interval: 5m", "interval: 1s");
    assert!(apply(sandbox, &manifest).await.success());
    let before = becomes(sandbox, "calm", "shop", "True Succeeded 1/1").await;
    let child = "web-attachedcluster-kurator-member1";
    let path = "jsonpath={.metadata.resourceVersion}";
    let mut version = String::new();
    // Each time two events: at work, and done.
    for looks in 0..8 {
        let what = format!("Flux to look again, {looks}");
        let seen = until(&what, PATIENCE, async || {
            let arguments = ["get", "kustomization", child, "--namespace", "calm", "--output", path];
            let now = kubectl(sandbox, &arguments).await.stdout;
            Ok(if now == version { Probe::NotYet(now) } else { Probe::Done(now) })
        });
        version = seen.await.expect("another version");
    }
    let after = get(sandbox, "calm", "shop").await;
    assert_eq!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"], "{after}");
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "calm", "--timeout=60s"]).await;
    gone(sandbox, "calm").await;
}
