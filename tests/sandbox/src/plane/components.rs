//! The command lines of a control plane's components. Nothing is started here.

use std::path::Path;

use serde_json::{Value, json};

use super::{Ground, Plane};
use crate::ports::Ports;
use crate::process::{Layer, Spec};
use crate::tools::ControlPlane;

/// The controllers that delivery needs. All of them at once cost each plane its first seconds.
const CONTROLLERS: &str = "namespace-controller,garbage-collector-controller,serviceaccount-controller,\
    root-ca-certificate-publisher-controller,deployment-controller,replicaset-controller,statefulset-controller,\
    daemonset-controller,job-controller,cronjob-controller,endpointslice-controller,pod-garbage-collector-controller,\
    clusterrole-aggregation-controller,horizontal-pod-autoscaler-controller,resourcequota-controller";

/// The one store of all planes.
pub(crate) struct Etcd {
    url: String,
}

impl Etcd {
    /// Where it will listen, and how it is started.
    pub(crate) fn new(programs: &ControlPlane, ports: &Ports, home: &Path) -> anyhow::Result<(Self, Spec)> {
        let client = format!("http://127.0.0.1:{}", ports.take()?);
        let peer = format!("http://127.0.0.1:{}", ports.take()?);
        let args = vec![
            format!("--data-dir={}", home.join("etcd").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            // A sandbox's data is worth nothing after a crash.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ];
        let spec = Spec {
            name: "etcd".to_owned(),
            program: programs.etcd.clone(),
            args,
            env: Vec::new(),
            layer: Layer::Store,
        };
        Ok((Self { url: client }, spec))
    }
}

pub(super) fn apiserver(plane: &Plane, folder: &Path, ground: &Ground<'_>) -> Spec {
    let file = |name: &str| folder.join(name).display().to_string();
    let port = plane.access.server.rsplit(':').next().unwrap_or_default();
    let args = vec![
        format!("--etcd-servers={}", ground.etcd.url),
        format!("--etcd-prefix=/{}", plane.name()),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--tls-cert-file={}", file("tls.crt")),
        format!("--tls-private-key-file={}", file("tls.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--token-auth-file={}", file("tokens.csv")),
        format!("--service-account-key-file={}", file("sa.pub")),
        format!("--service-account-signing-key-file={}", file("sa.key")),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        // It taints a node until a controller that the sandbox does not run has seen it.
        "--disable-admission-plugins=TaintNodesByCondition".to_owned(),
    ];
    spec(plane, "kube-apiserver", &ground.programs.apiserver, args, Layer::Server)
}

/// What runs beside an API server: the controllers, and where pods are to run a scheduler and kwok.
pub(super) fn controllers(plane: &Plane, folder: &Path, ground: &Ground<'_>) -> anyhow::Result<Vec<Spec>> {
    let mut specs = vec![controller_manager(plane, folder, ground)?];
    if let Some(kwok) = ground.kwok {
        specs.push(scheduler(plane, ground)?);
        let mut args: Vec<String> =
            kwok.stages.iter().map(|stage| format!("--config={}", stage.display())).collect();
        args.extend([
            format!("--kubeconfig={}", plane.kubeconfig.display()),
            "--manage-nodes-with-label-selector=type=kwok".to_owned(),
            "--node-lease-duration-seconds=40".to_owned(),
        ]);
        specs.push(spec(plane, "kwok", &kwok.program, args, Layer::Client));
    }
    Ok(specs)
}

/// The node that kwok keeps alive.
pub(super) fn node() -> Value {
    json!({
        "metadata": {
            "name": "kwok-node",
            "labels": {"type": "kwok", "kubernetes.io/hostname": "kwok-node", "kubernetes.io/os": "linux"},
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        }
    })
}

fn controller_manager(plane: &Plane, folder: &Path, ground: &Ground<'_>) -> anyhow::Result<Spec> {
    let mut args = common(plane, ground)?;
    args.extend([
        format!("--controllers={CONTROLLERS}"),
        format!("--service-account-private-key-file={}", folder.join("sa.key").display()),
        format!("--root-ca-file={}", folder.join("ca.crt").display()),
    ]);
    Ok(spec(plane, "kube-controller-manager", &ground.programs.controller_manager, args, Layer::Client))
}

fn scheduler(plane: &Plane, ground: &Ground<'_>) -> anyhow::Result<Spec> {
    Ok(spec(plane, "kube-scheduler", &ground.programs.scheduler, common(plane, ground)?, Layer::Client))
}

fn common(plane: &Plane, ground: &Ground<'_>) -> anyhow::Result<Vec<String>> {
    let kubeconfig = plane.kubeconfig.display();
    Ok(vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", ground.ports.take()?),
        "--leader-elect=false".to_owned(),
    ])
}

fn spec(plane: &Plane, component: &str, program: &Path, args: Vec<String>, layer: Layer) -> Spec {
    Spec {
        name: format!("{}-{component}", plane.name()),
        program: program.to_owned(),
        args,
        env: Vec::new(),
        layer,
    }
}
