//! Delivery with the real Flux: what was admitted arrives in every member, and
//! goes again.

mod arrival;
mod clusters;
mod counted;
mod examples;
mod flux_fields;
mod guard;
mod joined;
mod kinds;
mod kinds_of_clusters;
mod kstatus;
mod lag;
mod later;
mod left;
mod protection;
mod removal;
mod restarted;
mod secrets;
mod suspended;
mod takeover;
mod tenancy;
mod told;
mod trouble;
mod uninstalled;

use std::time::Duration;

use fleetgate_sandbox::Sandbox;
use fleetgate_sandbox::wait::{Probe, until};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::Value;

pub(crate) use self::counted::with_fluxs_crds;
pub(crate) use self::kinds_of_clusters::install as install_kind_of_cluster;
pub(crate) use self::protection::{FINALIZER, finalizers};
use crate::support::{apply, delivery, file, kubectl, namespace, past_the_gate};

/// How long Flux and the members may take.
const PATIENCE: Duration = Duration::from_mins(1);

fn example(name: &str) -> String {
    std::fs::read_to_string(file("examples/application").join(name)).expect("the example")
}

/// An example in a namespace of the test's own, with a namespace of its own in
/// the members, too, so that tests do not share workloads.
fn in_namespace(example: &str, name: &str) -> String {
    example.replace("namespace: default", &format!("namespace: {name}"))
}

pub(crate) async fn get(sandbox: &Sandbox, namespace: &str, name: &str) -> Value {
    let answer =
        kubectl(sandbox, &["get", "application", name, "--namespace", namespace, "--output", "json"]).await;
    serde_json::from_str(&answer.stdout).expect("JSON")
}

/// The Ready condition as `False Progressing 0/2: …`.
pub(crate) fn ready(application: &Value) -> String {
    let conditions = application["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap_or_default();
    let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
    let clusters = application["status"]["ready"].as_str().unwrap_or_default();
    format!("{} {} {clusters}: {}", text("status"), text("reason"), text("message"))
}

/// Waits until the Ready condition of the current generation starts with `expected`; for `…` there may be anything.
pub(crate) async fn becomes(sandbox: &Sandbox, namespace: &str, name: &str, expected: &str) -> Value {
    let what = format!("{namespace}/{name} to be {expected:?}");
    let seen = until(&what, PATIENCE, async || {
        let application = get(sandbox, namespace, name).await;
        let is_current = application["status"]["observedGeneration"] == application["metadata"]["generation"];
        let text = ready(&application);
        let (first, rest) = expected.split_once('…').unwrap_or((expected, ""));
        Ok(if is_current && text.strip_prefix(first).is_some_and(|text| text.contains(rest)) {
            Probe::Done(application)
        } else {
            Probe::NotYet(text)
        })
    });
    seen.await.expect("the condition")
}

/// Waits until exactly these Deployments exist in a cluster's namespace, all available.
pub(crate) async fn deployments(client: Client, namespace: &str, expected: &[&str]) {
    let api: Api<Deployment> = Api::namespaced(client, namespace);
    let what = format!("Deployments {expected:?} in {namespace}");
    let seen = until(&what, PATIENCE, async || {
        let found = api.list(&ListParams::default()).await?;
        let mut available: Vec<String> = Vec::new();
        for deployment in &found {
            let status = deployment.status.clone().unwrap_or_default();
            let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            if status.available_replicas == Some(wanted) {
                available.extend(deployment.metadata.name.clone());
            }
        }
        available.sort();
        let is_met = available == expected && found.items.len() == expected.len();
        Ok(if is_met {
            Probe::Done(())
        } else {
            Probe::NotYet(format!("{available:?} of {} available", found.items.len()))
        })
    });
    seen.await.expect("the Deployments");
}

/// The names of an Application's Kustomizations.
pub(crate) async fn kustomizations(sandbox: &Sandbox, namespace: &str) -> Vec<String> {
    let answer =
        kubectl(sandbox, &["get", "kustomizations", "--namespace", namespace, "--output", "name"]).await;
    answer.stdout.lines().filter_map(|line| line.split_once('/')).map(|(_, name)| name.to_owned()).collect()
}

/// Waits until the Application's Kustomizations are these.
pub(crate) async fn children(sandbox: &Sandbox, namespace: &str, expected: &[&str]) {
    let seen = until("the Kustomizations", PATIENCE, async || {
        let names = kustomizations(sandbox, namespace).await;
        Ok(if names == expected { Probe::Done(()) } else { Probe::NotYet(names.join(" ")) })
    });
    seen.await.expect("the Kustomizations");
}

pub(crate) async fn gone(sandbox: &Sandbox, namespace: &str) {
    let what = format!("{namespace} to be empty");
    let seen = until(&what, PATIENCE, async || {
        let answer = kubectl(
            sandbox,
            &[
                "get",
                "applications,kustomizations,helmreleases,gitrepositories,helmrepositories,ocirepositories,buckets",
                "--namespace",
                namespace,
                "--output",
                "name",
            ],
        )
        .await;
        Ok(if answer.stdout.trim().is_empty() { Probe::Done(()) } else { Probe::NotYet(answer.stdout) })
    });
    seen.await.expect("nothing is left");
}

/// Deletes the Application `shop`, after which nothing is left on the host.
async fn delete_shop(sandbox: &Sandbox, namespace: &str) {
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", namespace, "--timeout=60s"]).await;
    gone(sandbox, namespace).await;
}

/// One policy with a folder of its own namespace, to the clusters of a selector.
pub(crate) fn selected(namespace: &str, policies: &[(&str, &str)]) -> String {
    let policies = policies
        .iter()
        .map(|(name, labels)| {
            format!(
                "  - name: {name}\n    destination: {{fleet: quickstart, clusterSelector: {{matchLabels: {{{labels}}}}}}}\n    \
                 kustomization: {{interval: 5m, path: ./kustomize, prune: true, targetNamespace: {namespace}}}\n"
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!(
        "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {{name: shop, namespace: {namespace}}}\nspec:\n  \
         source: {{gitRepository: {{url: 'https://github.com/stefanprodan/podinfo', interval: 3m, ref: {{branch: master}}}}}}\n  syncPolicies:\n{policies}"
    )
}

/// A rollout for the last policy of `selected`.
fn rollout(namespace: &str) -> String {
    format!(
        "    rollout: {{port: 9898, serviceName: podinfo, trafficRoutingProvider: kubernetes, \
         workload: {{apiVersion: apps/v1, kind: Deployment, name: podinfo, namespace: {namespace}}}, \
         rolloutPolicy: {{trafficRouting: {{analysisTimes: 3}}, trafficAnalysis: {{checkIntervalSeconds: 60, checkFailedTimes: 2}}}}}}\n"
    )
}

pub(crate) async fn label(sandbox: &Sandbox, namespace: &str, cluster: &str, label: &str) {
    kubectl(sandbox, &["label", "attachedcluster", cluster, label, "--overwrite", "--namespace", namespace])
        .await;
}

/// Takes an object away by force, as somebody may who strips its finalizers.
async fn tear_out(sandbox: &Sandbox, namespace: &str, kind: &str, name: &str) {
    past_the_gate(sandbox, namespace, &["delete", kind, name, "--wait=false"], "").await;
    let bare = r#"{"metadata":{"finalizers":null}}"#;
    past_the_gate(sandbox, namespace, &["patch", kind, name, "--type=merge", "--patch", bare], "").await;
}

pub(crate) async fn member_namespace(sandbox: &Sandbox, name: &str) {
    for index in 0..2 {
        let api: Api<k8s_openapi::api::core::v1::Namespace> =
            Api::all(sandbox.member_client(index).expect("a member"));
        let namespace =
            serde_json::from_value(serde_json::json!({"metadata": {"name": name}})).expect("a namespace");
        api.create(&kube::api::PostParams::default(), &namespace).await.expect("the namespace is created");
    }
}
