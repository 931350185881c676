//! The sandbox as a value: as long as it lives, the fleet runs.

mod control;
mod start;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use kube::Client;

use crate::fleetgate::Fleetgate;
use crate::helm::Helm;
use crate::kubectl::Kubectl;
use crate::plane::Plane;
use crate::ports::Ports;
use crate::process::Processes;
use crate::repository::GitRepositories;
use crate::source::StandIn;
use crate::tools::{self, Tool};
use crate::workdir::{self, WorkDir};
use crate::{Progress, members};

/// How much of a fleet is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A host control plane behind Fleetgate's webhook: needs no other built program than that.
    Admission,
    /// A host control plane with Fleetgate's and Flux's kinds, and nothing that acts on them: for what
    /// starts controllers itself.
    Host,
    /// All of it: host and two members with pods, Flux, the source stand-in, Fleetgate's controller,
    /// and the members joined in Fleet `quickstart`.
    Delivery,
}

/// What to start. `Options::new` fills in what is seldom wanted otherwise.
#[derive(Clone, Debug)]
pub struct Options {
    /// The built `fleetgate` binary.
    pub fleetgate: PathBuf,
    /// How much is started.
    pub scope: Scope,
    /// Where files go; without it, a fresh folder under `target/sandbox/` that is removed at the end.
    pub work_dir: Option<PathBuf>,
    /// Prepares everything for Fleetgate but does not run it: a developer does, under a debugger.
    pub without_fleetgate: bool,
    /// The checkout whose `manifests/` and `examples/` are installed: this one.
    pub checkout: PathBuf,
}

impl Options {
    /// The usual sandbox of this scope.
    #[must_use]
    pub fn new(fleetgate: impl Into<PathBuf>, scope: Scope) -> Self {
        Self {
            fleetgate: fleetgate.into(),
            scope,
            work_dir: None,
            without_fleetgate: false,
            checkout: workdir::repository_root(),
        }
    }
}

/// A running fleet. Dropping it stops every process; `stop` does the same without blocking a runtime.
#[derive(Debug)]
pub struct Sandbox {
    // Dropped in this order: who reads from a plane goes before the plane.
    stand_in: Option<StandIn>,
    processes: Processes,
    host: Plane,
    members: Vec<Plane>,
    fleetgate: Fleetgate,
    git: GitRepositories,
    kubectl: PathBuf,
    ports: Ports,
    work_dir: WorkDir,
}

impl Sandbox {
    /// Builds what is missing and starts the fleet; returns when it is usable.
    ///
    /// # Errors
    /// Names what could not be built or started, in the words of the tool that failed. Nothing is left
    /// running then, nor when the future is dropped.
    pub async fn start(options: Options, progress: &Progress) -> anyhow::Result<Self> {
        start::start(options, progress).await
    }

    /// A client of the host as administrator, for the runtime that this is called in.
    #[must_use]
    pub fn client(&self) -> Client {
        client(&self.host)
    }

    /// A client of a member as administrator, for the runtime that this is called in; members count from 0.
    ///
    /// # Errors
    /// When there is no such member; `Scope::Admission` has none.
    pub fn member_client(&self, index: usize) -> anyhow::Result<Client> {
        let member = self.members.get(index);
        member
            .map(client)
            .with_context(|| format!("the sandbox has {} members, no number {index}", self.members.len()))
    }

    /// The names of the members, in the order of their numbers.
    pub fn member_names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(Plane::name)
    }

    /// The host administrator's kubeconfig file.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.host.kubeconfig
    }

    /// A member administrator's kubeconfig file.
    ///
    /// # Errors
    /// When there is no such member.
    pub fn member_kubeconfig(&self, name: &str) -> anyhow::Result<&Path> {
        let member = self.members.iter().find(|member| member.name() == name);
        member.map(|member| member.kubeconfig.as_path()).with_context(|| {
            format!("the sandbox has no member {name}; members are {}", members::NAMES.join(", "))
        })
    }

    /// kubectl against the host.
    #[must_use]
    pub fn kubectl(&self) -> Kubectl {
        let (program, kubeconfig) = (self.kubectl.clone(), self.kubeconfig().to_owned());
        Kubectl { program, kubeconfig, home: self.work_dir.path().to_owned() }
    }

    /// Helm, which may install into the host. It is built first when it is missing.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn helm(&self) -> anyhow::Result<Helm> {
        let program = tools::ensure(Tool::Helm, &Progress::stderr())?;
        Ok(Helm::new(program, self.work_dir()).with_cluster(self.kubeconfig()))
    }

    /// The git repositories that the sandbox deploys from.
    #[must_use]
    pub fn git(&self) -> &GitRepositories {
        &self.git
    }

    /// Where Fleetgate's webhook listens.
    #[must_use]
    pub fn webhook_addr(&self) -> SocketAddr {
        self.fleetgate.webhook_addr
    }

    /// The commands that run Fleetgate by hand, for a sandbox `without_fleetgate`: environment and arguments.
    #[must_use]
    pub fn fleetgate_commands(&self) -> [String; 2] {
        let webhook = self.fleetgate.webhook_args().join(" ");
        [
            format!("KUBECONFIG={} fleetgate {webhook}", self.fleetgate.webhook_kubeconfig.display()),
            format!("KUBECONFIG={} fleetgate controller", self.fleetgate.controller_kubeconfig.display()),
        ]
    }

    /// The kubeconfig file of Fleetgate's webhook, with the rights of its service account.
    #[must_use]
    pub fn webhook_kubeconfig(&self) -> &Path {
        &self.fleetgate.webhook_kubeconfig
    }

    /// The kubeconfig file of Fleetgate's controller, with the rights of its service account.
    #[must_use]
    pub fn controller_kubeconfig(&self) -> &Path {
        &self.fleetgate.controller_kubeconfig
    }

    /// The folder of all log files.
    #[must_use]
    pub fn logs(&self) -> &Path {
        self.processes.logs()
    }

    /// One process's log file, for instance `fleetgate-webhook` or `host-kube-apiserver`.
    #[must_use]
    pub fn log(&self, process: &str) -> PathBuf {
        self.processes.log(process)
    }

    /// The folder of everything that the sandbox writes; `bin` in it holds its kubectl, helm and fleetgate.
    #[must_use]
    pub fn work_dir(&self) -> &Path {
        self.work_dir.path()
    }

    /// Returns when a process has ended without which there is no sandbox: the error names it and
    /// quotes its log. Fleetgate's own are none of them; see `fleetgate_ended`.
    pub async fn failure(&self) -> anyhow::Error {
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            if let Err(error) = self.processes.check_but(is_fleetgate) {
                return error;
            }
        }
    }

    /// Returns when one of Fleetgate's processes has ended: what happens then is worth a look. The
    /// text names it, quotes its log, and says how to start it again.
    pub async fn fleetgate_ended(&self) -> String {
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            if let Some((name, notice)) = self.processes.take_ended(is_fleetgate) {
                let role = name.trim_start_matches(FLEETGATE);
                let commands = self.fleetgate_commands();
                let command = commands.iter().find(|command| command.contains(&format!(" {role}")));
                let again =
                    command.map_or(String::new(), |command| format!("\nTo start it again: {command}"));
                return format!("{notice}{again}");
            }
        }
    }

    /// Stops every process; returns when all have ended.
    pub async fn stop(self) {
        // A runtime that is shutting down drops the task instead, which stops everything as well.
        let _stopped_either_way = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

/// How often the processes are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// What the names of Fleetgate's processes begin with.
const FLEETGATE: &str = "fleetgate-";

fn is_fleetgate(name: &str) -> bool {
    name.starts_with(FLEETGATE)
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stand_in = None;
        self.processes.stop();
        self.work_dir.remove();
    }
}

#[expect(clippy::expect_used, reason = "the same client was made when the plane was started")]
fn client(plane: &Plane) -> Client {
    plane.client().expect("a configuration that a client was made from already")
}
