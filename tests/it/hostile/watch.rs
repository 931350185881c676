//! An API server that does not tell what it has, or tells what cannot be read.

use std::time::Duration;

use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Action, Rule, Sandbox};
use serde_json::{Value, json};

use super::request::review;
use super::webhook::{Start, Webhook};
use crate::check::check;
use crate::support::{admission, apply, bare, file, kubeconfig_of, kubectl};

const PATIENCE: Duration = Duration::from_secs(90);
const NAMESPACE: &str = "hostile-watch";

/// Waits until a number is as it should be.
async fn number(webhook: &Webhook, name: &str, is_so: impl Fn(f64) -> bool) {
    let waited = until(name, PATIENCE, async || {
        let number = webhook.number(name).await;
        Ok(if is_so(number) { Probe::Done(()) } else { Probe::NotYet(number.to_string()) })
    });
    waited.await.expect("the number is so");
}

fn fleet(name: &str, spec: Value) -> String {
    let metadata = json!({"name": name, "namespace": NAMESPACE});
    json!({"apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet", "metadata": metadata, "spec": spec})
        .to_string()
}

/// Whether an Application may go to the Fleet of that name, as far as the webhook knows.
async fn is_known(webhook: &Webhook, fleet: &str) -> bool {
    let mut named = review("named");
    named["request"]["namespace"] = json!(NAMESPACE);
    named["request"]["object"]["metadata"]["namespace"] = json!(NAMESPACE);
    named["request"]["object"]["spec"]["destination"] = json!({"fleet": fleet});
    let (status, text) = webhook.ask("/validate", named.to_string().as_bytes()).await.expect("an answer");
    assert_eq!(status, 200, "{text}");
    !text.contains("ref/fleet")
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_watch_is_broken_the_last_good_catalog_serves() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", NAMESPACE]).await;
    assert!(apply(sandbox, &fleet("known", json!({}))).await.success());
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
    assert!(is_known(&webhook, "known").await && !is_known(&webhook, "unknown").await);
    assert!(webhook.health("/readyz").await.is_ok(), "another one knows no more");

    assert!(apply(sandbox, &fleet("unknown", json!({}))).await.success());
    proxy.heal();
    number(&webhook, age, |age| age == 0.0).await;
    assert!(is_known(&webhook, "unknown").await);
}

/// Installs the kinds, that of Fleets as a later version may have it, or somebody else: it takes what this version's
/// types do not. Beside them there are the product's own rights, and no gate.
async fn install_laxly(sandbox: &Sandbox) {
    for part in ["crds", "namespace.yaml", "rbac.yaml"] {
        let part = file("manifests").join(part).display().to_string();
        kubectl(sandbox, &["apply", "--server-side", "--filename", &part]).await;
    }
    let lax = json!([{
        "op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec",
        "value": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }]);
    let fleets = "fleets.fleet.kurator.dev";
    kubectl(sandbox, &["patch", "crd", fleets, "--type=json", "--patch", &lax.to_string()]).await;
    kubectl(sandbox, &["create", "namespace", NAMESPACE]).await;
    // What is served is what was first established, for a moment.
    let broken = until("the laxer kind to be served", PATIENCE, async || {
        let answer = apply(sandbox, &fleet("broken", json!({"clusters": 5}))).await;
        Ok(if answer.success() { Probe::Done(()) } else { Probe::NotYet(answer.stderr) })
    });
    broken.await.expect("it takes what cannot be read");
}

/// So many values, one in the other.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!({}), |value, _| json!({ "f:deep": value }))
}

/// Has an object say that it was written when no time of ours is, and nested as nothing is, as whoever may write it can.
async fn write_what_cannot_be_read(
    sandbox: &Sandbox,
    (version, kind, name): (&str, &str, &str),
    (time, told): (&str, &str),
) {
    let fields = json!({
        "manager": "x", "operation": "Update", "apiVersion": version, "time": time,
        "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:labels": {"f:x": nested(200)}}},
    });
    let patch = json!([{"op": "add", "path": "/metadata/managedFields/-", "value": fields}]).to_string();
    let arguments = ["patch", kind, name, "--namespace", NAMESPACE, "--type=json", "--patch", &patch];
    kubectl(sandbox, &arguments).await;
    let read = ["get", kind, name, "--namespace", NAMESPACE, "--show-managed-fields", "--output=json"];
    let kept = kubectl(sandbox, &read).await.stdout;
    assert!(kept.contains(told) && kept.matches("f:deep").count() == 200, "the API server keeps it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_counted_and_holds_up_nothing_else() {
    let (sandbox, _turn) = bare().await;
    install_laxly(sandbox).await;
    assert!(apply(sandbox, &fleet("known", json!({}))).await.success());
    // Of these the list itself could not be read.
    let namespace = ("v1", "namespace", NAMESPACE);
    write_what_cannot_be_read(sandbox, namespace, ("9999-12-31T23:59:59-01:00", "10000-01-01")).await;
    let fleet_known = ("fleet.kurator.dev/v1alpha1", "fleet", "known");
    write_what_cannot_be_read(sandbox, fleet_known, ("9999-12-31T23:59:59Z", "9999-12-31")).await;
    assert!(apply(sandbox, &fleet("deep", nested(200))).await.success());
    let kubeconfig = kubeconfig_of(sandbox, "fleetgate-system", "fleetgate-webhook").await;
    let start = Start { kubeconfig: Some(kubeconfig.path()), ..Start::default() };
    let webhook = Webhook::start(sandbox, start).await;
    let unreadable = "fleetgate_catalog_unreadable{watch=\"Fleets\"}";
    let is = |expected: f64| move |count: f64| (count - expected).abs() < 0.5;
    number(&webhook, unreadable, is(2.0)).await;
    assert!(is_known(&webhook, "known").await);
    assert!(!is_known(&webhook, "broken").await && !is_known(&webhook, "deep").await);

    // The watch goes on: what becomes unreadable, and what comes beside it.
    assert!(apply(sandbox, &fleet("later", json!({"clusters": "all"}))).await.success());
    number(&webhook, unreadable, is(3.0)).await;
    assert!(apply(sandbox, &fleet("beside", json!({}))).await.success());
    let beside = until("what came beside it to be known", PATIENCE, async || {
        let is_known = is_known(&webhook, "beside").await;
        Ok(if is_known { Probe::Done(()) } else { Probe::NotYet("it is missing".to_owned()) })
    });
    beside.await.expect("it is known");
    for (name, left) in [("broken", 2.0), ("later", 1.0), ("deep", 0.0)] {
        assert!(apply(sandbox, &fleet(name, json!({"clusters": null}))).await.success());
        number(&webhook, unreadable, is(left)).await;
        assert!(is_known(&webhook, name).await, "{name}");
    }

    // The same lists are read by who asks from a terminal.
    let output = check(sandbox, sandbox.kubeconfig()).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
