//! The order in which a sandbox comes up. Each step says what it is; whatever fails or is given up
//! drops what was started before, and so stops it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use futures::future::try_join_all;
use kube::api::DynamicObject;

use super::{Options, Sandbox, Scope};
use crate::certificates::Authority;
use crate::fleetgate::{self, Fleetgate};
use crate::plane::{Etcd, Ground, Kwok, Plane};
use crate::ports::Ports;
use crate::process::Processes;
use crate::repository::GitRepositories;
use crate::source::StandIn;
use crate::tools::{self, Cancel, ControlPlane, Tool};
use crate::workdir::{self, WorkDir};
use crate::{Progress, files, flux, members};

/// What must be built before anything starts.
struct Programs {
    control_plane: ControlPlane,
    flux_crds: Option<Vec<DynamicObject>>,
    delivery: Option<Delivery>,
}

struct Delivery {
    kwok: Kwok,
    kustomize_controller: PathBuf,
    helm_controller: PathBuf,
    helm: PathBuf,
}

pub(super) async fn start(options: Options, progress: &Progress) -> anyhow::Result<Sandbox> {
    // Another part of the program may have chosen a provider already, which is as good.
    let _chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let programs = build(options.scope, progress).await?;
    let work_dir = WorkDir::open(options.work_dir)?;
    let home = work_dir.path().to_owned();
    let ports = Ports::new(&workdir::base().join("ports"))?;
    let authority = Authority::new()?;
    let kubectl = home.join("bin/kubectl");
    tools::link(&programs.control_plane.kubectl, &kubectl)?;
    if !options.without_fleetgate {
        tools::link(&options.fleetgate, &home.join("bin/fleetgate"))?;
    }
    let git = GitRepositories::create(&home)?;
    let processes = Processes::new(&home)?;

    let (etcd, spec) = Etcd::new(&programs.control_plane, &ports, &home)?;
    processes.spawn(spec)?;
    let ground = Ground {
        home: &home,
        authority: &authority,
        ports: &ports,
        processes: &processes,
        programs: &programs.control_plane,
        etcd: &etcd,
        kwok: programs.delivery.as_ref().map(|delivery| &delivery.kwok),
    };
    let (host, members) = start_planes(&ground, progress).await?;

    progress.say("installing Fleetgate's CRDs and rights");
    let fleetgate = Fleetgate::install(options.fleetgate, &options.checkout, &home, &host, &ports).await?;
    let mut sandbox =
        Sandbox { stand_in: None, processes, host, members, fleetgate, git, kubectl, ports, work_dir };
    if let Some(crds) = programs.flux_crds {
        flux::install(&sandbox.host.client()?, crds).await?;
    }
    if let Some(delivery) = programs.delivery {
        sandbox.start_flux(delivery, progress).await?;
    }
    match options.scope {
        // What looks at the host's objects is started by whoever asked for this.
        Scope::Host => {}
        _ if options.without_fleetgate => sandbox.leave_out_fleetgate(&options.checkout).await?,
        scope => sandbox.start_fleetgate(scope, &options.checkout, progress).await?,
    }
    sandbox.processes.check()?;
    Ok(sandbox)
}

async fn build(scope: Scope, progress: &Progress) -> anyhow::Result<Programs> {
    let cancel = Cancel::default();
    let _given_up_with_this_future = cancel.on_drop();
    let (progress, cancel) = (progress.clone(), cancel.clone());
    let build = move || {
        let control_plane = ControlPlane::ensure(&progress, &cancel)?;
        let delivery = match scope {
            Scope::Admission | Scope::Host => None,
            Scope::Delivery => Some(Delivery {
                kwok: kwok(&progress, &cancel)?,
                kustomize_controller: tools::ensure_unless(Tool::KustomizeController, &progress, &cancel)?,
                helm_controller: tools::ensure_unless(Tool::HelmController, &progress, &cancel)?,
                helm: tools::ensure_unless(Tool::Helm, &progress, &cancel)?,
            }),
        };
        let flux_crds = (scope != Scope::Admission).then(flux::crds).transpose()?;
        Ok(Programs { control_plane, flux_crds, delivery })
    };
    tokio::task::spawn_blocking(build).await.context("the build of the sandbox's tools was broken off")?
}

fn kwok(progress: &Progress, cancel: &Cancel) -> anyhow::Result<Kwok> {
    let program = tools::ensure_unless(Tool::Kwok, progress, cancel)?;
    let stages = tools::module_folder("kwok", "sigs.k8s.io/kwok")?.join("kustomize/stage");
    let mut files = vec![stages.join("node/fast/node-initialize.yaml")];
    for (folder, prefix) in [("node/heartbeat-with-lease", "node-"), ("pod/fast", "pod-")] {
        let all = files::list(&stages.join(folder), "yaml")?;
        let begins =
            |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
        files.extend(all.into_iter().filter(begins));
    }
    Ok(Kwok { program, stages: files })
}

async fn start_planes(ground: &Ground<'_>, progress: &Progress) -> anyhow::Result<(Plane, Vec<Plane>)> {
    let names: &[&str] = if ground.kwok.is_some() { &members::NAMES } else { &[] };
    progress.say(format!("starting the host control plane and {} members", names.len()));
    let members = try_join_all(names.iter().map(|name| Plane::start(name, ground)));
    futures::future::try_join(Plane::start("host", ground), members).await
}

impl Sandbox {
    async fn start_flux(&mut self, delivery: Delivery, progress: &Progress) -> anyhow::Result<()> {
        progress.say("starting Flux and the source stand-in");
        let home = self.work_dir.path();
        if let Some(program) = flux::real_source_controller() {
            flux::start_source_controller(program, home, &self.host, &self.ports, &self.processes)?;
        } else {
            let (host, port) = (self.host.config().clone(), self.ports.take()?);
            let addresses = self.git.addresses();
            self.stand_in =
                Some(StandIn::start(host, home, port, addresses, delivery.helm.clone(), progress).await?);
        }
        tools::link(&delivery.helm, &home.join("bin/helm"))?;
        let (kustomize, helm) = (&delivery.kustomize_controller, &delivery.helm_controller);
        flux::start_kustomize_controller(kustomize, &self.host, &self.ports, &self.processes)?;
        flux::start_helm_controller(helm, &self.host, &self.ports, &self.processes)
    }

    async fn start_fleetgate(
        &self,
        scope: Scope,
        checkout: &Path,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let client = self.host.client()?;
        progress.say("starting Fleetgate's webhook");
        self.fleetgate.start_webhook(&self.processes).await?;
        self.fleetgate.install_webhooks(&client, checkout).await?;
        fleetgate::wait_for_gate(&client, &self.processes).await?;
        if scope == Scope::Delivery {
            progress.say("starting Fleetgate's controller and joining the members");
            self.fleetgate.start_controller(&self.processes)?;
            members::join(&client, &self.members, &self.kubectl(), checkout).await?;
        }
        Ok(())
    }

    /// The members join first: with nobody behind the webhooks, nothing else would be admitted.
    async fn leave_out_fleetgate(&self, checkout: &Path) -> anyhow::Result<()> {
        let client = self.host.client()?;
        if !self.members.is_empty() {
            members::join(&client, &self.members, &self.kubectl(), checkout).await?;
        }
        self.fleetgate.install_webhooks(&client, checkout).await
    }
}
