//! What admission adds to a create through a real API server: the same object,
//! in turn in a namespace that the webhooks see and in one that they do not.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use fleetgate_sandbox::{Options as SandboxOptions, Progress, Sandbox, Scope};
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use serde_json::json;

use crate::load::percentile;
use crate::report::{line, micros};
use crate::{Fleetgate, bodies};

/// How much is created.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    fleetgate: Fleetgate,
    /// Applications created on each side
    #[arg(long, default_value_t = 1_000)]
    creates: usize,
}

/// The namespace that the webhooks see.
const SEEN: &str = "seen";
/// The namespace that they do not.
const UNSEEN: &str = "unseen";
/// The examples that are created.
const EXAMPLES: [&str; 2] = ["application/gitrepo-kustomization-demo.yaml", "rollout/canary-nginx.yaml"];
/// How many clusters the Fleet has.
const FLEET_SIZE: usize = 2;
/// Creates before it counts: caches fill, connections open.
const WARM_UP: usize = 100;
/// What admission may add at the median, in milliseconds.
const ADDED_MS: f64 = 1.0;

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let fleetgate = std::path::absolute(&options.fleetgate.fleetgate)?;
        let sandbox =
            Sandbox::start(SandboxOptions::new(fleetgate, Scope::Admission), &Progress::stderr()).await?;
        let measured = measure(&sandbox.client(), options).await;
        sandbox.stop().await;
        measured
    })
}

async fn measure(client: &Client, options: &Options) -> anyhow::Result<()> {
    for namespace in [SEEN, UNSEEN] {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        api(client, "", "v1", "Namespace", None)
            .create(&PostParams::default(), &serde_json::from_value(object)?)
            .await?;
    }
    hide(client).await?;
    for namespace in [SEEN, UNSEEN] {
        install_fleet(client, namespace).await?;
    }
    for example in EXAMPLES {
        let application = bodies::application(example)?;
        let mut sides = [(SEEN, Vec::new()), (UNSEEN, Vec::new())];
        for index in 0..options.creates + WARM_UP {
            for (namespace, latencies) in &mut sides {
                let mut object = bodies::numbered(&application, index);
                object["metadata"] =
                    json!({"name": format!("app-{index}-{}", example.len()), "namespace": *namespace});
                let applications =
                    api(client, "apps.kurator.dev", "v1alpha1", "Application", Some(namespace));
                let start = Instant::now();
                applications.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
                if index >= WARM_UP {
                    latencies.push(start.elapsed());
                }
            }
        }
        for (_, latencies) in &mut sides {
            latencies.sort_unstable();
        }
        let [(_, with), (_, without)] = &sides;
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            report(&format!("create {example}: {name}"), percentile(with, share), percentile(without, share));
        }
    }
    Ok(())
}

/// Creates what the examples name: without it each review waits for it to come.
async fn install_fleet(client: &Client, namespace: &str) -> anyhow::Result<()> {
    let (clusters, fleet) = bodies::fleet(FLEET_SIZE);
    for mut object in clusters.into_iter().chain([fleet]) {
        object["metadata"]["namespace"] = json!(namespace);
        let (api_version, kind) = (object["apiVersion"].as_str(), object["kind"].as_str());
        let (group, version) = api_version.and_then(|text| text.split_once('/')).context("no group")?;
        let objects = api(client, group, version, kind.context("no kind")?, Some(namespace));
        objects.create(&PostParams::default(), &serde_json::from_value(object.clone())?).await?;
    }
    Ok(())
}

fn report(name: &str, with: Duration, without: Duration) {
    let (with, without) = (micros(with) / 1e3, micros(without) / 1e3);
    let figure = format!("+{:.2} ms ({with:.2} with, {without:.2} without)", with - without);
    line(name, &figure, with - without, ADDED_MS);
}

/// Takes one namespace out of the webhooks' sight.
async fn hide(client: &Client) -> anyhow::Result<()> {
    let selector = json!({"matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [UNSEEN]},
    ]});
    for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
        let configurations = api(client, "admissionregistration.k8s.io", "v1", kind, None);
        let found = configurations.get("fleetgate").await.context("the webhooks are not installed")?;
        let count = found.data["webhooks"].as_array().map_or(0, Vec::len);
        let operations: Vec<_> = (0..count)
            .map(|index| json!({"op": "add", "path": format!("/webhooks/{index}/namespaceSelector"), "value": selector}))
            .collect();
        let patch = Patch::<()>::Json(serde_json::from_value(json!(operations))?);
        configurations.patch("fleetgate", &PatchParams::default(), &patch).await?;
    }
    Ok(())
}

fn api(
    client: &Client,
    group: &str,
    version: &str,
    kind: &str,
    namespace: Option<&str>,
) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}
