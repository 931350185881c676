//! The Flux controllers on the host: real ones, started with an administrator's kubeconfig.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::{Client, ResourceExt as _};
use serde_json::json;

use crate::manifests;
use crate::plane::Plane;
use crate::ports::Ports;
use crate::process::{Layer, Processes, Spec};

const NAMESPACE: &str = "flux-system";

/// Names a real source-controller, to be run in place of the stand-in.
const SOURCE_CONTROLLER: &str = "FLEETGATE_SOURCE_CONTROLLER";

/// Installs Flux's CRDs and its namespace.
pub(crate) async fn install(client: &Client, crds: Vec<DynamicObject>) -> anyhow::Result<()> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    Api::<Namespace>::all(client.clone())
        .patch(NAMESPACE, &PatchParams::apply(manifests::MANAGER), &Patch::Apply(namespace))
        .await
        .with_context(|| format!("cannot create the namespace {NAMESPACE}"))?;
    manifests::apply(client, crds).await.context("cannot install Flux's CRDs")
}

/// Flux's CRDs, ready to be applied; asks `go`, so it blocks.
pub(crate) fn crds() -> anyhow::Result<Vec<DynamicObject>> {
    let convert = |crd: k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition| {
        let name = crd.name_any();
        serde_json::to_value(crd)
            .and_then(serde_json::from_value)
            .with_context(|| format!("cannot convert the CRD {name}"))
    };
    crate::tools::flux_crds()?.into_iter().map(convert).collect()
}

/// Starts kustomize-controller.
pub(crate) fn start_kustomize_controller(
    program: &Path,
    host: &Plane,
    ports: &Ports,
    processes: &Processes,
) -> anyhow::Result<()> {
    let args = delivering(ports)?;
    processes.spawn(controller("kustomize-controller", program.to_owned(), args, host))
}

/// Starts helm-controller.
pub(crate) fn start_helm_controller(
    program: &Path,
    host: &Plane,
    ports: &Ports,
    processes: &Processes,
) -> anyhow::Result<()> {
    let mut args = delivering(ports)?;
    // It would wait for its releases for ten minutes.
    args.push("--graceful-shutdown-timeout=2s".to_owned());
    processes.spawn(controller("helm-controller", program.to_owned(), args, host))
}

/// The real source-controller to run, where somebody named one.
pub(crate) fn real_source_controller() -> Option<PathBuf> {
    std::env::var_os(SOURCE_CONTROLLER).filter(|value| value != OsStr::new("")).map(PathBuf::from)
}

/// Starts a real source-controller, which keeps and serves its archives in the sandbox.
pub(crate) fn start_source_controller(
    program: PathBuf,
    home: &Path,
    host: &Plane,
    ports: &Ports,
    processes: &Processes,
) -> anyhow::Result<()> {
    let address = format!("127.0.0.1:{}", ports.take()?);
    let mut args = common(ports)?;
    args.extend([
        format!("--storage-path={}", home.join("source").display()),
        format!("--storage-addr={address}"),
        format!("--storage-adv-addr={address}"),
    ]);
    crate::files::private_folder(&home.join("source"))?;
    processes.spawn(controller("source-controller", program, args, host))
}

/// What the two that deliver have in common.
fn delivering(ports: &Ports) -> anyhow::Result<Vec<String>> {
    let mut args = common(ports)?;
    args.push("--requeue-dependency=2s".to_owned());
    // One that waits for health holds a worker for 5 s or more, and the tests have many at once.
    args.push("--concurrent=20".to_owned());
    Ok(args)
}

fn common(ports: &Ports) -> anyhow::Result<Vec<String>> {
    Ok(vec![
        "--watch-all-namespaces=true".to_owned(),
        "--enable-leader-election=false".to_owned(),
        "--events-addr=".to_owned(),
        "--min-retry-delay=500ms".to_owned(),
        "--max-retry-delay=5s".to_owned(),
        "--interval-jitter-percentage=0".to_owned(),
        format!("--metrics-addr=127.0.0.1:{}", ports.take()?),
        format!("--health-addr=127.0.0.1:{}", ports.take()?),
    ])
}

fn controller(name: &str, program: PathBuf, args: Vec<String>, host: &Plane) -> Spec {
    let env = vec![
        ("KUBECONFIG", host.kubeconfig.display().to_string()),
        ("RUNTIME_NAMESPACE", NAMESPACE.to_owned()),
    ];
    Spec { name: name.to_owned(), program, args, env, layer: Layer::Client }
}
