//! The installation itself: what `manifests/` has, in the real API server.
//!
//! No pod runs here; the API server admits them, under the namespace's Pod Security.

mod by_hand;
mod chart;
mod guide;
mod host_network;
mod schema;
mod takeover;

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use fleetgate_sandbox::Sandbox;
use fleetgate_sandbox::wait::{Probe, until};
use serde_json::{Value, json};

use crate::replica::Replica;
use crate::support::{admission, apply, bare, file, kubeconfig_of, kubectl};

const PATIENCE: Duration = Duration::from_mins(1);

/// Somebody else's finalizer.
const HELD: &str = "example.com/held";

/// The objects of a YAML text, by kind, namespace and name.
fn objects(text: &str) -> BTreeMap<String, Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).expect("YAML");
    let word = |object: &Value, pointer: &str| {
        object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let key = |object: &Value| {
        ["/kind", "/metadata/namespace", "/metadata/name"].map(|pointer| word(object, pointer)).join("/")
    };
    let documents = documents.into_iter().filter(|object| !object.is_null());
    documents.map(|object| (key(&object), whole(object))).collect()
}

/// With 0 in place of `0.0`, as the tools write it.
fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_f64() == Some(0.0) => Value::from(0),
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, whole(value))).collect(),
        other => other,
    }
}

fn install_yaml() -> String {
    fs::read_to_string(file("manifests/install.yaml")).expect("install.yaml")
}

/// Expects the same objects, and says of each what is different.
fn same(found: &BTreeMap<String, Value>, expected: &BTreeMap<String, Value>) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (key, object) in expected {
        assert_eq!(found.get(key), Some(object), "{key}");
    }
}

/// Waits until the pods of both Deployments are there, so many of each.
async fn pods_are_admitted(sandbox: &Sandbox, namespace: &str, count: usize) {
    for component in ["webhook", "controller"] {
        let selector = format!("app.kubernetes.io/component={component}");
        let pods = ["get", "pods", "--namespace", namespace, "--selector", &selector, "--output", "name"];
        let events = ["get", "events", "--namespace", namespace];
        let admitted = until("the pods", PATIENCE, async || {
            let found = kubectl(sandbox, &pods).await.stdout;
            if found.lines().count() == count {
                return Ok(Probe::Done(()));
            }
            Ok(Probe::NotYet(kubectl(sandbox, &events).await.stdout))
        });
        admitted.await.expect("they are admitted");
    }
}

/// Waits until nothing is left to be changed: what is compared is read twice, and the controller of Deployments may have
/// written meanwhile.
async fn nothing_differs(sandbox: &Sandbox, command: &str, manifests: &str) {
    let words: Vec<&str> = command.split_whitespace().chain(["--filename", "-"]).collect();
    let same = until("nothing to differ", PATIENCE, async || {
        let answer = sandbox.kubectl().run_with(&words, manifests).await?;
        let is_same = answer.success() && answer.stdout.is_empty();
        Ok(if is_same { Probe::Done(()) } else { Probe::NotYet(answer.stdout + &answer.stderr) })
    });
    same.await.expect("it is as it was applied");
}

#[tokio::test]
async fn one_file_installs_everything_and_again_changes_nothing() {
    let (sandbox, _turn) = bare().await;
    let install = file("manifests/install.yaml").display().to_string();
    let apply = ["apply", "--server-side", "--filename", &install];
    kubectl(sandbox, &apply).await;
    pods_are_admitted(sandbox, "fleetgate-system", 2).await;
    let lax = ["run", "lax", "--image", "a", "--namespace", "fleetgate-system", "--dry-run=server"];
    let refused = sandbox.kubectl().run(&lax).await.expect("kubectl runs");
    assert!(refused.stderr.contains("violates PodSecurity \"restricted"), "{refused:?}");

    nothing_differs(sandbox, "diff --server-side", &install_yaml()).await;
    kubectl(sandbox, &apply).await;
}

#[tokio::test]
async fn the_kustomize_base_is_what_one_file_installs() {
    let (sandbox, _turn) = bare().await;
    let folder = file("manifests").display().to_string();
    let built = kubectl(sandbox, &["kustomize", &folder]).await.stdout;
    same(&objects(&built), &objects(&install_yaml()));
    kubectl(sandbox, &["apply", "--server-side", "--kustomize", &folder]).await;
}

/// Installs everything beside what is stored already. Nobody runs behind the webhook's Service here: returns when nothing
/// is admitted any more.
async fn install_around(sandbox: &Sandbox, stored: &[&str]) {
    let crds = file("manifests/crds").display().to_string();
    kubectl(sandbox, &["apply", "--server-side", "--filename", &crds]).await;
    kubectl(sandbox, &["wait", "--for=condition=Established", "--filename", &crds]).await;
    for manifest in stored {
        let applied = until("the kind to be served", PATIENCE, async || {
            let answer = apply(sandbox, manifest).await;
            Ok(if answer.success() { Probe::Done(()) } else { Probe::NotYet(answer.stderr) })
        });
        applied.await.expect("it is stored");
    }
    let install = file("manifests/install.yaml").display().to_string();
    kubectl(sandbox, &["apply", "--server-side", "--filename", &install]).await;
    let refused = until("the webhook to be asked", PATIENCE, async || {
        let answer =
            sandbox.kubectl().run_with(&["create", "--dry-run=server", "-f", "-"], &cluster("new")).await?;
        let is_asked = answer.stderr.contains("failed calling webhook \"default.fleetgate.dev\"");
        Ok(if is_asked { Probe::Done(()) } else { Probe::NotYet(answer.stderr) })
    });
    refused.await.expect("nothing is admitted");
}

fn cluster(name: &str) -> String {
    let cluster = json!({
        "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
        "metadata": {"name": name, "namespace": "default", "finalizers": [HELD]},
        "spec": {"kubeconfig": {"name": name, "key": "value"}},
    });
    cluster.to_string()
}

#[tokio::test]
async fn while_nobody_answers_nothing_comes_and_what_is_deleted_goes() {
    let (sandbox, _turn) = bare().await;
    install_around(sandbox, &["by-hand", "collected"].map(cluster).each_ref().map(String::as_str)).await;
    // The garbage collector's own finalizer comes after it, and is its to take off, whenever it comes to that.
    let lets_go = json!([
        {"op": "test", "path": "/metadata/finalizers/0", "value": HELD},
        {"op": "remove", "path": "/metadata/finalizers/0"},
    ])
    .to_string();
    for (name, cascade) in [("by-hand", "--cascade=background"), ("collected", "--cascade=foreground")] {
        let labels = ["label", "attachedcluster", name, "a=b"];
        let lives = sandbox.kubectl().run(&labels).await;
        assert!(!lives.expect("kubectl runs").success(), "{name}: it is not being deleted yet");
        kubectl(sandbox, &["delete", "attachedcluster", name, cascade, "--wait=false"]).await;
        kubectl(sandbox, &["patch", "attachedcluster", name, "--type=json", "--patch", &lets_go]).await;
        kubectl(sandbox, &["wait", "--for=delete", "attachedcluster", name, "--timeout=180s"]).await;
    }
}

/// The controller is not asked about: it takes its finalizer off.
#[tokio::test]
async fn while_nobody_answers_an_application_that_is_deleted_goes() {
    let (sandbox, _turn) = bare().await;
    let application = json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "installed-goes", "namespace": "default", "finalizers": ["apps.kurator.dev"]},
        "spec": {
            "source": {"gitRepository": {"url": "https://example.com/a", "interval": "5m"}},
            "syncPolicies": [{"kustomization": {"interval": "5m", "path": "./", "prune": true}}],
        },
    });
    install_around(sandbox, &[&application.to_string()]).await;
    let kubeconfig = kubeconfig_of(sandbox, "fleetgate-system", "fleetgate-controller").await;
    let controller = Replica::through(kubeconfig.path(), &[]);
    controller.says("fleetgate_leader 1", PATIENCE).await;
    let patch = ["patch", "application", "installed-goes", "--type=merge", "--patch"];
    let labels =
        sandbox.kubectl().run(&[&patch[..], &[r#"{"metadata": {"labels": {"a": "b"}}}"#]].concat()).await;
    assert!(!labels.expect("kubectl runs").success(), "nobody answers for others");
    kubectl(sandbox, &["delete", "application", "installed-goes", "--timeout=60s"]).await;
}
