//! An API server that does not tell what it has, or tells what cannot be read.

use std::time::Duration;

use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Action, Rule};
use serde_json::json;

use super::webhook::{Start, Webhook, review};
use crate::support::{admission, apply, kubectl};

const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until a number is as it should be.
async fn number(webhook: &Webhook, name: &str, is_so: impl Fn(f64) -> bool) {
    let waited = until(name, PATIENCE, async || {
        let number = webhook.number(name).await;
        Ok(if is_so(number) { Probe::Done(()) } else { Probe::NotYet(number.to_string()) })
    });
    waited.await.expect("the number is so");
}

fn fleet(name: &str) -> String {
    format!(
        "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: {name}, namespace: hostile-watch}}\nspec: {{}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_watch_is_broken_the_last_good_catalog_serves() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "hostile-watch"]).await;
    assert!(apply(sandbox, &fleet("known")).await.success());
    let proxy = sandbox.proxy().await.expect("the proxy listens");
    let kubeconfig = proxy.kubeconfig(sandbox.webhook_kubeconfig()).expect("a kubeconfig");
    let start = Start { kubeconfig: Some(&kubeconfig), ..Start::default() };
    let webhook = Webhook::start(sandbox, start).await;
    let age = "fleetgate_catalog_age_seconds{watch=\"Fleets\"}";
    number(&webhook, age, |age| age == 0.0).await;

    proxy.add(Rule::new(Action::Cut).resource("fleets"));
    proxy.cut_watches();
    number(&webhook, age, |age| age > 2.0).await;
    number(&webhook, "fleetgate_catalog_age_seconds{watch=\"Applications\"}", |age| age == 0.0).await;
    let mut named = review("named");
    named["request"]["namespace"] = json!("hostile-watch");
    named["request"]["object"]["metadata"]["namespace"] = json!("hostile-watch");
    for (name, is_known) in [("known", true), ("unknown", false)] {
        named["request"]["object"]["spec"]["destination"] = json!({"fleet": name});
        let (status, text) = webhook.ask("/validate", named.to_string().as_bytes()).await.expect("an answer");
        assert_eq!((status, text.contains("ref/fleet")), (200, !is_known), "{text}");
    }
    assert!(webhook.health("/readyz").await.is_ok(), "another one knows no more");

    assert!(apply(sandbox, &fleet("unknown")).await.success());
    proxy.heal();
    number(&webhook, age, |age| age == 0.0).await;
    let (_, text) = webhook.ask("/validate", named.to_string().as_bytes()).await.expect("an answer");
    assert!(!text.contains("ref/fleet"), "{text}");
}
