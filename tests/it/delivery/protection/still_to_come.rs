//! A cluster is listed before it is made: its Secret comes in its own time.

use std::time::{Duration, Instant};

use super::super::counted::application;
use super::*;

const APPLICATIONS: usize = 20;
const POLICIES: usize = 5;

/// Each rests for longer by then, and for a time of its own.
const AT_ONCE: Duration = Duration::from_secs(10);

/// However many wait for it, it costs a request now and then, and no alert; and
/// once it is there they go on together.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_still_to_come_is_asked_for_seldom_and_noticed_by_all() {
    let sandbox = &with_fluxs_crds().await;
    kubectl(sandbox, &["delete", "secret", "m2"]).await;
    let list = json!({"apiVersion": "v1", "kind": "List", "items": (0..APPLICATIONS).map(delivering).collect::<Vec<_>>()});
    assert!(apply(sandbox, &list.to_string()).await.success());
    let proxy = sandbox.proxy().await.expect("the proxy listens");
    let kubeconfig = proxy.kubeconfig(sandbox.controller_kubeconfig()).expect("a kubeconfig");
    let controller = Replica::through(&kubeconfig, &[]);
    let missing = |proxy: &fleetgate_sandbox::Proxy| {
        proxy.answers(Verb::Patch, "secrets").get(&404).copied().unwrap_or_default()
    };
    proxy.when(|proxy| missing(proxy) > 0).await;
    let began = Instant::now();
    arrived(sandbox, APPLICATIONS * POLICIES, PATIENCE).await;
    proxy.when(|proxy| missing(proxy) >= 6).await;
    let most = 8 + began.elapsed().as_secs() / 10;
    assert!(missing(&proxy) as u64 <= most, "{} in {:?}", missing(&proxy), began.elapsed());
    let said = "fleetgate_writes_total{verb=\"patch\",kind=\"Secret\",outcome=\"missing\"}";
    controller.says(said, PATIENCE).await;
    let numbers = controller.get("/metrics").await.expect("numbers");
    assert!(!numbers.contains("outcome=\"refused\""), "{numbers}");

    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "m2", "namespace": "default"}});
    let applied = proxy.count(Verb::Apply, "kustomizations");
    assert!(apply(sandbox, &secret.to_string()).await.success());
    proxy.when(|proxy| proxy.count(Verb::Apply, "kustomizations") > applied).await;
    arrived(sandbox, 2 * APPLICATIONS * POLICIES, AT_ONCE).await;
}

/// An Application with that many policies, each on both clusters.
fn delivering(number: usize) -> Value {
    let mut application = application(number);
    let policy = application["spec"]["syncPolicies"][0].clone();
    let policies = (0..POLICIES).map(|index| {
        let mut policy = policy.clone();
        policy["name"] = json!(format!("web-{number}-{index}"));
        policy
    });
    application["spec"]["syncPolicies"] = policies.collect();
    application
}

async fn arrived(sandbox: &Sandbox, expected: usize, patience: Duration) {
    let seen = until("what is delivered", patience, async || {
        let count = kustomizations(sandbox, "default").await.len();
        Ok(if count == expected { Probe::Done(()) } else { Probe::NotYet(count.to_string()) })
    });
    seen.await.expect("all of it");
}
