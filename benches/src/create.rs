//! What admission adds to a create through a real API server: the same object,
//! in turn in a namespace that the webhooks see, in one that webhooks see which
//! answer without looking, and in one that none sees.

use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use fleetgate_sandbox::{Options as SandboxOptions, Progress, Sandbox, Scope};
use k8s_openapi::ByteString;
use kube::api::PostParams;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use serde_json::json;

use crate::load::percentile;
use crate::report::{line, micros};
use crate::serve::Side;
use crate::server_process::{Server, write_certificate};
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
/// The namespace of webhooks that answer without looking: what two calls cost by themselves.
const FLOOR: &str = "floor";
/// The namespace that none sees.
const UNSEEN: &str = "unseen";
const NAMESPACES: [&str; 3] = [SEEN, FLOOR, UNSEEN];
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
        let folder = tempfile::tempdir()?;
        write_certificate(folder.path())?;
        let floor = Server::start(Side::Floor, 0, folder.path(), None)?;
        let trusted = ByteString(std::fs::read(folder.path().join("tls.crt"))?);
        let measured = measure(&sandbox.client(), floor.address.port(), &trusted, options).await;
        sandbox.stop().await;
        measured
    })
}

async fn measure(client: &Client, floor: u16, trusted: &ByteString, options: &Options) -> anyhow::Result<()> {
    for namespace in NAMESPACES {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        api(client, "", "v1", "Namespace", None)
            .create(&PostParams::default(), &serde_json::from_value(object)?)
            .await?;
    }
    divide(client, floor, trusted).await?;
    for namespace in NAMESPACES {
        install_fleet(client, namespace).await?;
    }
    for example in EXAMPLES {
        let application = bodies::application(example)?;
        let mut sides = NAMESPACES.map(|namespace| (namespace, Vec::new()));
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
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            let at = sides.each_ref().map(|(_, latencies)| micros(percentile(latencies, share)) / 1e3);
            report(&format!("create {example}: {name}"), at);
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

fn report(name: &str, [with, floor, without]: [f64; 3]) {
    let figure = format!("+{:.2} ms ({with:.2} with, {without:.2} without)", with - without);
    line(name, &figure, with - without, ADDED_MS);
    println!("  of which two calls that look at nothing: +{:.2} ms", floor - without);
}

/// Gives each namespace its webhooks: one Fleetgate's, one the same with a
/// server behind them that looks at nothing, and one none.
async fn divide(client: &Client, floor: u16, trusted: &ByteString) -> anyhow::Result<()> {
    for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
        let configurations = api(client, "admissionregistration.k8s.io", "v1", kind, None);
        let mut ours = configurations.get("fleetgate").await.context("the webhooks are not installed")?;
        let mut floors = DynamicObject::new("floor", &configurations_resource(kind)).data(ours.data.clone());
        for (configuration, namespace) in [(&mut ours, SEEN), (&mut floors, FLOOR)] {
            let webhooks = configuration.data["webhooks"].as_array_mut();
            for webhook in webhooks.context("no webhooks")? {
                webhook["namespaceSelector"] =
                    json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
            }
        }
        for webhook in floors.data["webhooks"].as_array_mut().context("no webhooks")? {
            webhook["clientConfig"]["service"]["port"] = json!(floor);
            webhook["clientConfig"]["caBundle"] = json!(trusted);
        }
        configurations.replace("fleetgate", &PostParams::default(), &ours).await?;
        configurations.create(&PostParams::default(), &floors).await?;
    }
    Ok(())
}

fn configurations_resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind))
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
