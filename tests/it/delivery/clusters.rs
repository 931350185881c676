//! What is said of clusters and Fleets: whether they work, and why not.

use std::io::Write as _;
use std::net::TcpListener;
use std::thread;

use fleetgate_plan::ClusterKind;
use fleetgate_sandbox::{Scope, Verb};
use futures::{StreamExt, stream};
use k8s_openapi::ByteString;
use serde_json::json;

use super::kinds_of_clusters::{cluster as provisioned, install, kubeconfig as provision};
use super::*;
use crate::replica::Replica;
use crate::support::{free_port, kubeconfig_of, options, own};

/// Less than the interval in which a cluster that answers is asked again.
const AT_ONCE: Duration = Duration::from_secs(20);

/// The kubeconfig of a member, as it is.
async fn of_member(sandbox: &Sandbox) -> Value {
    let template = "--output=go-template={{index .data \"kurator-member1.config\" | base64decode}}";
    let answer =
        kubectl(sandbox, &["get", "secret", "kurator-member1", "--namespace", "default", template]).await;
    serde_saphyr::from_str(&answer.stdout).expect("YAML")
}

/// Applies a Secret with that kubeconfig.
async fn secret(sandbox: &Sandbox, namespace: &str, name: &str, kubeconfig: &Value) {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
        "stringData": {"value": kubeconfig.to_string()},
    });
    let answer = apply(sandbox, &secret.to_string()).await;
    assert!(answer.success(), "{}", answer.stderr);
}

fn attached(namespace: &str, name: &str, secret: &str) -> Value {
    json!({
        "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
        "metadata": {"name": name, "namespace": namespace}, "spec": {"kubeconfig": {"name": secret}},
    })
}

/// Applies a cluster with that kubeconfig.
async fn attach(sandbox: &Sandbox, namespace: &str, name: &str, kubeconfig: &Value) {
    secret(sandbox, namespace, name, kubeconfig).await;
    assert!(apply(sandbox, &attached(namespace, name, name).to_string()).await.success());
}

/// Waits until the Ready condition of an object starts with `expected`, as
/// `False Unauthorized 127.0.0.1:6443 does not know …`; returns its status.
async fn says(sandbox: &Sandbox, namespace: &str, object: &str, expected: &str, patience: Duration) -> Value {
    let what = format!("{object} in {namespace} to be {expected:?}");
    let seen = until(&what, patience, async || {
        let answer = kubectl(sandbox, &["get", object, "--namespace", namespace, "--output", "json"]).await;
        let object: Value = serde_json::from_str(&answer.stdout)?;
        let status = &object["status"];
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap_or_default();
        let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
        let said = format!("{} {} {}", text("status"), text("reason"), text("message"));
        let is_current = ready["observedGeneration"] == object["metadata"]["generation"];
        Ok(if is_current && said.starts_with(expected) {
            Probe::Done(status.clone())
        } else {
            Probe::NotYet(said)
        })
    });
    seen.await.expect("the condition")
}

/// A port of loopback where something answers that is no API server.
fn garbage() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            // Whoever called may have hung up already.
            drop(connection.write_all(b"220 mail.example.com ESMTP\r\n"));
        }
    });
    port
}

#[tokio::test]
async fn why_a_cluster_does_not_work_is_said() {
    let (sandbox, namespace) = (delivery(), "reasons");
    kubectl(sandbox, &["create", "namespace", namespace]).await;
    let good = of_member(sandbox).await;
    let with = |change: &dyn Fn(&mut Value, &mut Value)| {
        let mut changed = good.clone();
        let mut user = changed["users"][0]["user"].take();
        change(&mut changed["clusters"][0]["cluster"], &mut user);
        changed["users"][0]["user"] = user;
        changed
    };
    let other = rcgen::generate_simple_self_signed(Vec::new()).expect("a certificate").cert.pem();
    let other = json!(ByteString(other.into_bytes()));
    let at = |port: u16| with(&|cluster, _| cluster["server"] = format!("https://127.0.0.1:{port}").into());
    let table = [
        ("good", good.clone(), "True Reachable the cluster answers: Kubernetes v1."),
        ("stranger", with(&|_, user| *user = json!({"token": "of-nobody"})), "False Unauthorized 127.0.0.1:"),
        (
            "other-ca",
            with(&|cluster, _| cluster["certificate-authority-data"] = other.clone()),
            "False TLSFailed 127.0.0.1:",
        ),
        ("closed", at(free_port()), "False Unreachable 127.0.0.1:"),
        ("mail", at(garbage()), "False TLSFailed 127.0.0.1:"),
        (
            "exec",
            with(&|_, user| *user = json!({"exec": {"command": "sh"}})),
            "False KubeconfigInvalid the kubeconfig in Secret \"exec\", key \"value\", has users[].user.exec, which is not allowed",
        ),
        ("no-config", json!("what-it-is"), "False KubeconfigInvalid the kubeconfig in Secret \"no-config\""),
    ];
    for (name, kubeconfig, _) in &table {
        attach(sandbox, namespace, name, kubeconfig).await;
    }
    assert!(apply(sandbox, &attached(namespace, "later", "later").to_string()).await.success());
    for (name, _, expected) in table {
        let status = says(sandbox, namespace, &format!("attachedcluster/{name}"), expected, PATIENCE).await;
        assert_eq!(status["ready"], json!(name == "good"), "{status}");
        let said = status.to_string();
        assert!(
            !said.contains("of-nobody") && !said.contains("mail.example") && !said.contains("what-it-is"),
            "{said}"
        );
        if name == "exec" {
            assert_eq!(status["conditions"][1]["type"], "Stalled", "{status}");
        }
    }
    let missing = "False KubeconfigNotFound there is no Secret \"later\" in namespace \"reasons\"";
    says(sandbox, namespace, "attachedcluster/later", missing, PATIENCE).await;
    secret(sandbox, namespace, "later", &good).await;
    says(sandbox, namespace, "attachedcluster/later", "True Reachable", PATIENCE).await;
}

#[tokio::test]
async fn a_rotated_secret_is_seen_at_once() {
    let (sandbox, namespace, cluster) = (delivery(), "rotated", "attachedcluster/m1");
    kubectl(sandbox, &["create", "namespace", namespace]).await;
    let good = of_member(sandbox).await;
    attach(sandbox, namespace, "m1", &good).await;
    says(sandbox, namespace, cluster, "True Reachable", PATIENCE).await;
    let mut bad = good.clone();
    bad["users"][0]["user"] = json!({"token": "expired"});
    secret(sandbox, namespace, "m1", &bad).await;
    let status = says(sandbox, namespace, cluster, "False Unauthorized", AT_ONCE).await;
    assert!(status["version"].as_str().is_some_and(|version| version.starts_with("v1.")), "{status}");
    secret(sandbox, namespace, "m1", &good).await;
    says(sandbox, namespace, cluster, "True Reachable", AT_ONCE).await;
}

#[tokio::test]
async fn a_deleted_secret_is_said() {
    let (sandbox, namespace, cluster) = (delivery(), "secretless", "attachedcluster/m1");
    kubectl(sandbox, &["create", "namespace", namespace]).await;
    let good = of_member(sandbox).await;
    attach(sandbox, namespace, "m1", &good).await;
    says(sandbox, namespace, cluster, "True Reachable", PATIENCE).await;
    kubectl(sandbox, &["delete", "secret", "m1", "--namespace", namespace]).await;
    let missing = "False KubeconfigNotFound there is no Secret \"m1\" in namespace \"secretless\"";
    says(sandbox, namespace, cluster, missing, AT_ONCE).await;
    secret(sandbox, namespace, "m1", &good).await;
    says(sandbox, namespace, cluster, "True Reachable", PATIENCE).await;
}

#[tokio::test]
async fn a_fleet_counts_its_clusters() {
    let (sandbox, namespace, fleet) = (delivery(), "phases", "fleet/quickstart");
    kubectl(sandbox, &["create", "namespace", namespace]).await;
    install(sandbox, ClusterKind::ClusterApi, &["v1beta2"]).await;
    let good = of_member(sandbox).await;
    attach(sandbox, namespace, "m1", &good).await;
    provisioned(sandbox, namespace, ClusterKind::ClusterApi, "v1beta2", json!({})).await;
    let clusters = json!([
        {"kind": "AttachedCluster", "name": "m1"},
        {"kind": "AttachedCluster", "name": "m2"},
        {"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "name": "prod"},
    ]);
    let manifest = json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "quickstart", "namespace": namespace, "finalizers": ["example.com/held"]},
        "spec": {"clusters": clusters},
    });
    assert!(apply(sandbox, &manifest.to_string()).await.success());
    let expected =
        "False ClustersNotReady 1/3 clusters ready; not ready: prod; do not exist: AttachedCluster/m2";
    let status = says(sandbox, namespace, fleet, expected, PATIENCE).await;
    assert_eq!(status["phase"], "Running", "{status}");
    assert_eq!((&status["readyClusters"], &status["unReadyClusters"]), (&json!(1), &json!(2)), "{status}");
    attach(sandbox, namespace, "m2", &good).await;
    says(sandbox, namespace, fleet, "False ClustersNotReady 2/3 clusters ready; not ready: prod", PATIENCE)
        .await;
    provision(sandbox, namespace, "prod-kubeconfig", "kurator-member1").await;
    let status = says(sandbox, namespace, fleet, "True Succeeded 3/3 clusters ready", PATIENCE).await;
    assert_eq!((&status["phase"], &status["reason"]), (&json!("Ready"), &json!(null)), "{status}");

    kubectl(sandbox, &["delete", "secret", "prod-kubeconfig", "--namespace", namespace]).await;
    says(sandbox, namespace, fleet, "False ClustersNotReady 2/3 clusters ready; not ready: prod", AT_ONCE)
        .await;
    secret(sandbox, namespace, "m2", &json!("nothing")).await;
    says(
        sandbox,
        namespace,
        fleet,
        "False ClustersNotReady 1/3 clusters ready; not ready: m2, prod",
        AT_ONCE,
    )
    .await;
    kubectl(sandbox, &["delete", fleet, "--namespace", namespace, "--wait=false"]).await;
    let status = says(sandbox, namespace, fleet, "False Deleting", AT_ONCE).await;
    assert_eq!(status["phase"], "Terminating", "{status}");
    let patch = ["--type=json", "--patch", r#"[{"op": "remove", "path": "/metadata/finalizers"}]"#];
    kubectl(sandbox, &[&["patch", fleet, "--namespace", namespace], &patch[..]].concat()).await;
}

/// The gate was open: what came then is judged again, and nothing is delivered
/// by it.
#[tokio::test]
async fn what_passed_no_gate_is_said() {
    let (sandbox, namespace) = (delivery(), "gateless");
    crate::support::namespace(sandbox, namespace).await;
    member_namespace(sandbox, namespace).await;
    label(sandbox, namespace, "kurator-member1", "env=test").await;
    says(sandbox, namespace, "fleet/quickstart", "True Succeeded 2/2", PATIENCE).await;
    let bad = attached(namespace, "bad", "of/bad").to_string();
    past_the_gate(sandbox, namespace, &["create", "-f", "-"], &bad).await;
    let said = "False InvalidSpec spec.kubeconfig.name: Invalid value: \"of/bad\"";
    let status = says(sandbox, namespace, "attachedcluster/bad", said, PATIENCE).await;
    assert_eq!(status["conditions"][1]["type"], "Stalled", "{status}");

    let twice = r#"[{"op": "add", "path": "/spec/clusters/-", "value": {"kind": "AttachedCluster", "name": "kurator-member1"}}]"#;
    let patch = ["patch", "fleet", "quickstart", "--type=json", "--patch", twice];
    past_the_gate(sandbox, namespace, &patch, "").await;
    let said = "False InvalidSpec spec.clusters[2]: Duplicate value: \"kurator-member1\"";
    let status = says(sandbox, namespace, "fleet/quickstart", said, PATIENCE).await;
    assert_eq!((&status["phase"], &status["readyClusters"]), (&json!("Failed"), &json!(2)), "{status}");
    assert_eq!(status["conditions"][1]["type"], "Stalled", "{status}");

    assert!(apply(sandbox, &selected(namespace, &[("web", "env: test")])).await.success());
    let said = "False DestinationNotFound 0/1: cannot be understood: Fleet \"quickstart\", spec.clusters[2]: Duplicate value";
    becomes(sandbox, namespace, "shop", said).await;
    assert_eq!(kustomizations(sandbox, namespace).await, [""; 0]);
    let once = r#"[{"op": "remove", "path": "/spec/clusters/2"}]"#;
    kubectl(
        sandbox,
        &["patch", "fleet", "quickstart", "--namespace", namespace, "--type=json", "--patch", once],
    )
    .await;
    becomes(sandbox, namespace, "shop", "True Succeeded 1/1").await;
    says(sandbox, namespace, "fleet/quickstart", "True Succeeded", PATIENCE).await;
}

/// In a sandbox of its own, where nobody else is asked. The host is the member, reached by an account without rights: whether
/// one answers needs none.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clusters_are_asked_within_their_interval() {
    const CLUSTERS: usize = 1000;
    let sandbox = &own(options(Scope::Admission)).await;
    let kubeconfig = kubeconfig_of(sandbox, "default", "default").await;
    let kubeconfig = std::fs::read_to_string(kubeconfig.path()).expect("a kubeconfig");
    secret(sandbox, "default", "host", &serde_saphyr::from_str(&kubeconfig).expect("YAML")).await;
    let api: Api<fleetgate_api::AttachedCluster> = Api::namespaced(sandbox.client(), "default");
    let made = stream::iter(0..CLUSTERS).map(|number| {
        let api = api.clone();
        async move {
            let cluster = attached("default", &format!("m{number}"), "host");
            let cluster = serde_json::from_value(cluster).expect("a cluster");
            api.create(&kube::api::PostParams::default(), &cluster).await.expect("it is made");
        }
    });
    made.buffer_unordered(16).count().await;
    let proxy = sandbox.proxy().await.expect("the proxy listens");
    let kubeconfig = proxy.kubeconfig(sandbox.controller_kubeconfig()).expect("a kubeconfig");
    let controller = Replica::through(&kubeconfig, &["--no-leader-election"]);
    let all = format!("fleetgate_clusters{{kind=\"AttachedCluster\",state=\"ready\"}} {CLUSTERS}");
    controller.says(&all, 3 * PATIENCE).await;
    proxy.forget();

    let looks = async || {
        let text = controller.get("/metrics").await?;
        let count = text.lines().find_map(|line| {
            line.strip_prefix(
                "fleetgate_reconcile_seconds_count{controller=\"attachedcluster\",outcome=\"succeeded\"} ",
            )
        });
        anyhow::Ok(count.unwrap_or("0").parse::<usize>()?)
    };
    let before = looks().await.expect("a count");
    // More than the longest interval that one has, and less than the next one.
    let again = until("every one to be asked again", PATIENCE, async || {
        let since = looks().await? - before;
        Ok(if since >= CLUSTERS { Probe::Done(()) } else { Probe::NotYet(since.to_string()) })
    });
    again.await.expect("they are asked");
    let read = proxy.count(Verb::Get, "secrets");
    assert!(read < CLUSTERS / 2, "a Secret that stays the same is not read again: {read}");
}
