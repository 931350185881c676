//! `fleetgate serve`: webhook and controllers in one process.

use std::fs;
use std::process::Command;
use std::time::Duration;

use fleetgate_sandbox::Scope;
use fleetgate_sandbox::wait::{Probe, until};
use kube::client::Body;
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::support::{Running, apply, file, free_port, kubectl, numbers, options, own, terminate};

/// In a sandbox of its own: its controllers put finalizers on whatever they
/// see, and end with the test.
#[tokio::test(flavor = "multi_thread")]
async fn serve_reviews_and_reconciles_and_stops_when_asked() {
    let sandbox = &own(options(Scope::Admission)).await;
    let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("tls.crt"), certificate.cert.pem()).expect("a file");
    fs::write(folder.path().join("tls.key"), certificate.signing_key.serialize_pem()).expect("a file");
    let (port, health) = (free_port(), format!("127.0.0.1:{}", free_port()));
    let (mut serve, log) = Running::logging(
        Command::new(env!("CARGO_BIN_EXE_fleetgate"))
            .args(["serve", "--bind", &format!("127.0.0.1:{port}"), "--drain-seconds", "0"])
            .args(["--metrics-bind", &health, "--log-format", "json", "--cert-dir"])
            .arg(folder.path())
            .env("KUBECONFIG", sandbox.controller_kubeconfig()),
    );

    let mut config = Config::new(format!("https://127.0.0.1:{port}").parse().expect("a URL"));
    config.root_cert = Some(vec![certificate.cert.der().to_vec()]);
    let client = Client::try_from(config).expect("a client");
    let answered = until("a review to be answered", Duration::from_secs(30), async || {
        let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}).to_string();
        let request = http::Request::post("/validate")
            .header("content-type", "application/json")
            .body(Body::from(body.into_bytes()))?;
        Ok(match client.send(request).await {
            Ok(response) => Probe::Done(response.into_body().collect_bytes().await?),
            Err(error) => Probe::NotYet(error.to_string()),
        })
    });
    let answer: Value = serde_json::from_slice(&answered.await.expect("an answer")).expect("JSON");
    assert_eq!(answer["response"]["allowed"], false);

    // This host has no Flux: an Application says so, and is not kept from going.
    let application = "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: default}\nspec:\n  \
                       source: {gitRepository: {url: 'https://github.com/o/r', interval: 3m}}\n  \
                       syncPolicies: [{kustomization: {interval: 5m, prune: true}}]\n";
    assert!(apply(sandbox, application).await.success());
    let message = ["get", "application", "shop", "--output", "jsonpath={.status.conditions[0].message}"];
    let said = until("the condition", Duration::from_secs(30), async || {
        let text = kubectl(sandbox, &message).await.stdout;
        Ok(if text.contains("are not installed on the host") { Probe::Done(()) } else { Probe::NotYet(text) })
    });
    said.await.expect("the condition says that Flux is missing");
    let reasons = ["events", "--for", "application/shop", "--output", "jsonpath={.items[*].reason}"];
    let told = until("an event", Duration::from_secs(30), async || {
        let text = kubectl(sandbox, &reasons).await.stdout;
        Ok(if text == "ApplyFailed" { Probe::Done(()) } else { Probe::NotYet(text) })
    });
    told.await.expect("one event tells of it, too");
    kubectl(sandbox, &["delete", "application", "shop", "--timeout=30s"]).await;

    let documented = fs::read_to_string(file("docs/running.md")).expect("a page");
    let told = numbers(&health).await;
    let told: Vec<&str> =
        told.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(told.contains(&"fleetgate_reviews") && told.contains(&"fleetgate_writes"), "{told:?}");
    for name in told {
        assert!(documented.contains(&format!("`{name}`")), "{name} is not in docs/running.md");
    }

    assert!(terminate(&mut serve).await.success());
    let log = fs::read_to_string(log.path()).expect("UTF-8");
    assert!(
        log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "every line is JSON:\n{log}"
    );
}

#[test]
fn a_missing_certificate_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_fleetgate"))
        .args(["webhook", "--cert-dir"])
        .arg(folder.path())
        .env("KUBECONFIG", "/nonexistent")
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("--cert-dir must hold tls.crt and tls.key"), "{text}");
}
