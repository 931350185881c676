//! Somebody else's CRD of which nothing can be listed: whoever converted its objects is gone.

use std::time::Duration;

use fleetgate_plan::ClusterKind;
use fleetgate_sandbox::tools::flux_crds;
use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Options, Sandbox, Scope};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::certificates::webhook::{PATIENCE, Webhook};
use crate::delivery::install_kind_of_cluster;
use crate::replica::Replica;
use crate::support::{apply, free_port, install_crds, kubectl, numbers, options, own};

const KIND: ClusterKind = ClusterKind::ClusterApi;

/// What is done without after half a minute is done without soon after that, also on a busy machine.
const SOON: Duration = Duration::from_secs(45);

/// What failed for long is tried again after a minute at most.
const TRIED_AGAIN: Duration = Duration::from_secs(90);

fn cluster() -> Value {
    json!({
        "apiVersion": format!("{}/v1beta1", KIND.group()), "kind": KIND.as_str(),
        "metadata": {"name": "prod", "namespace": "default"},
    })
}

fn fleet() -> Value {
    let prod =
        json!({"apiVersion": format!("{}/v1beta1", KIND.group()), "kind": KIND.as_str(), "name": "prod"});
    json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "quickstart", "namespace": "default"}, "spec": {"clusters": [prod]},
    })
}

fn secret() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "prod-kubeconfig", "namespace": "default"},
    })
}

fn application(name: &str) -> Value {
    json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "source": {"gitRepository": {"url": "https://example.com/r", "interval": "3m"}},
            "destination": {"fleet": "quickstart"},
            "syncPolicies": [{
                "name": name, "kustomization": {"interval": "5m", "path": "./deploy", "prune": true},
            }],
        },
    })
}

/// Waits until that is admitted.
async fn admitted(sandbox: &Sandbox, object: &Value) {
    let admitted = until("the object to be admitted", PATIENCE + SOON, async || {
        let answer = apply(sandbox, &object.to_string()).await;
        Ok(if answer.success() { Probe::Done(()) } else { Probe::NotYet(answer.stderr) })
    });
    admitted.await.expect("it is admitted");
}

/// Every Kustomization by name, with its version.
async fn standing(sandbox: &Sandbox) -> Vec<String> {
    let output = "jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
    let all = kubectl(sandbox, &["get", "kustomizations", "--output", output]).await.stdout;
    all.lines().map(str::to_owned).collect()
}

/// Waits until so many are there; returns them.
async fn delivered(sandbox: &Sandbox, count: usize) -> Vec<String> {
    let delivered = until("what is delivered", TRIED_AGAIN, async || {
        let standing = standing(sandbox).await;
        Ok(if standing.len() == count { Probe::Done(standing) } else { Probe::NotYet(standing.join(", ")) })
    });
    delivered.await.expect("it is delivered")
}

/// Has the API server ask for a conversion by a Service that is gone, or for none.
async fn converts_by(sandbox: &Sandbox, is_gone: bool) {
    let client = json!({"service": {"name": "gone", "namespace": "default", "path": "/convert"}});
    let by_webhook = json!({"conversionReviewVersions": ["v1"], "clientConfig": client});
    let conversion = if is_gone {
        json!({"strategy": "Webhook", "webhook": by_webhook})
    } else {
        json!({"strategy": "None", "webhook": null})
    };
    let patch = json!({"spec": {"conversion": conversion}}).to_string();
    kubectl(sandbox, &["patch", "crd", &KIND.crd_name(), "--type=merge", "--patch", &patch]).await;
    // With a limit they are read from the store, and what is wrong with them is said.
    let list = format!("/apis/{}/v1beta2/clusters?limit=1", KIND.group());
    let turned = until("lists to fail, or not", PATIENCE, async || {
        let answer = sandbox.kubectl().run(&["get", "--raw", &list]).await?;
        let is_broken = answer.stderr.contains("conversion");
        let has_turned = if is_gone { is_broken } else { answer.success() };
        Ok(if has_turned { Probe::Done(()) } else { Probe::NotYet(answer.stderr) })
    });
    turned.await.expect("they do");
}

/// The owner of another group's CRD decides whether its objects can be listed, and not whether Applications are reviewed. But who
/// delivers, and removes, has to know all clusters.
#[tokio::test(flavor = "multi_thread")]
async fn a_kind_of_clusters_that_cannot_be_listed_stops_no_review_and_nothing_is_delivered_without_it() {
    let sandbox = &own(Options { without_fleetgate: true, ..options(Scope::Admission) }).await;
    install_crds(sandbox, &flux_crds().expect("Flux's CRDs")).await;
    install_kind_of_cluster(sandbox, KIND, &["v1beta1"]).await;
    let mut webhook = Webhook::asked(sandbox, &[]);
    for object in [secret(), cluster(), fleet(), application("shop")] {
        admitted(sandbox, &object).await;
    }
    let controller = Replica::start(sandbox, &["--no-leader-election"]);
    let shop = delivered(sandbox, 1).await;
    drop(controller);
    webhook.kill();

    install_kind_of_cluster(sandbox, KIND, &["v1beta2", "v1beta1"]).await;
    converts_by(sandbox, true).await;
    let health = format!("127.0.0.1:{}", free_port());
    let webhook = Webhook::asked(sandbox, &["--metrics-bind", &health]);
    let controller = Replica::start(sandbox, &["--no-leader-election"]);
    admitted(sandbox, &application("blog")).await;
    let told = numbers(&health).await;
    let age = format!("fleetgate_catalog_age_seconds{{watch=\"{}\"}} ", KIND.crd_name());
    let age = told.lines().find_map(|line| line.strip_prefix(&age)).expect("the age");
    assert!(age.parse::<f64>().expect("a number") > 20.0, "{age}");
    webhook.logs("cannot be listed: reviews do without").await;
    controller.logs("cannot be listed: reviews do without, and deliveries wait for it", PATIENCE).await;
    assert!(controller.is_idle().await);
    // Who asks asks again where that is not so.
    let is_ready = timeout(Duration::from_secs(1), controller.get("/readyz")).await;
    assert!(!matches!(is_ready, Ok(Ok(_))), "it could not take over");
    assert_eq!(standing(sandbox).await, shop);

    converts_by(sandbox, false).await;
    let both = delivered(sandbox, 2).await;
    assert!(both.contains(&shop[0]), "{both:?} is not {shop:?} and another one");
}
