//! A control plane: an API server over its part of the shared etcd, and the controllers beside it.
//!
//! ```text
//! etcd ◄── kube-apiserver (one prefix each) ◄── controller-manager, scheduler, kwok with one fake node
//! ```

mod components;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::api::{Api, PostParams};
use kube::{Client, Config};

use crate::certificates::{self, Authority};
use crate::files;
use crate::kubeconfig::Access;
use crate::ports::Ports;
use crate::process::Processes;
use crate::tools::ControlPlane;
use crate::wait::{self, Probe};

pub(crate) use components::Etcd;

/// How long a control plane may take on a busy machine.
const DEADLINE: Duration = Duration::from_mins(2);

/// What all planes of a sandbox share.
pub(crate) struct Ground<'a> {
    pub(crate) home: &'a Path,
    pub(crate) authority: &'a Authority,
    pub(crate) ports: &'a Ports,
    pub(crate) processes: &'a Processes,
    pub(crate) programs: &'a ControlPlane,
    pub(crate) etcd: &'a Etcd,
    /// Where pods are to run; a plane without it has no node and no scheduler.
    pub(crate) kwok: Option<&'a Kwok>,
}

/// The program that plays nodes and pods, and its stage files.
#[derive(Debug)]
pub(crate) struct Kwok {
    pub(crate) program: PathBuf,
    pub(crate) stages: Vec<PathBuf>,
}

/// A control plane that answers. Its token is not shown when it is printed.
pub(crate) struct Plane {
    pub(crate) access: Access,
    pub(crate) kubeconfig: PathBuf,
    config: Config,
}

impl fmt::Debug for Plane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Plane").field("kubeconfig", &self.kubeconfig).finish_non_exhaustive()
    }
}

impl Plane {
    /// Starts a plane; returns when it answers, its controllers work and its node is there.
    pub(crate) async fn start(name: &str, ground: &Ground<'_>) -> anyhow::Result<Self> {
        let folder = ground.home.join(name);
        certificates::write_token_key(&folder)?;
        ground.authority.write_serving(&folder)?;
        let access = Access {
            cluster: name.to_owned(),
            user: "admin".to_owned(),
            server: format!("https://127.0.0.1:{}", ground.ports.take()?),
            ca_pem: ground.authority.pem().to_owned(),
            token: certificates::random_token()?,
        };
        files::write(&folder.join("ca.crt"), &access.ca_pem)?;
        files::write(&folder.join("tokens.csv"), &format!("{},admin,admin,system:masters\n", access.token))?;
        let kubeconfig = ground.home.join(format!("{name}.kubeconfig"));
        access.write(&kubeconfig)?;
        let plane = Self { config: access.config().await?, access, kubeconfig };
        ground.processes.spawn(components::apiserver(&plane, &folder, ground))?;
        plane.wait_for_apiserver(ground.processes).await?;
        for spec in components::controllers(&plane, &folder, ground)? {
            ground.processes.spawn(spec)?;
        }
        plane.wait_for_controllers(ground.processes).await?;
        if ground.kwok.is_some() {
            plane.create_node().await?;
        }
        Ok(plane)
    }

    /// A client as administrator, for the runtime that this is called in.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        Client::try_from(self.config.clone())
            .with_context(|| format!("cannot make a client for {}", self.access.cluster))
    }

    /// A configuration as administrator, for a client in another runtime.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The name under which the plane is known.
    pub(crate) fn name(&self) -> &str {
        &self.access.cluster
    }

    /// The name of its API server's process.
    pub(crate) fn apiserver(&self) -> String {
        format!("{}-kube-apiserver", self.name())
    }

    /// The address of its API server.
    pub(crate) fn server(&self) -> &str {
        &self.access.server
    }

    /// Waits until its API server answers.
    pub(crate) async fn wait_for_apiserver(&self, processes: &Processes) -> anyhow::Result<()> {
        let client = self.client()?;
        wait::until(&format!("the API server of {}", self.name()), DEADLINE, async || {
            processes.check()?;
            let request = axum::http::Request::get("/readyz").body(Vec::new())?;
            Ok(match client.request_text(request).await {
                Ok(_) => Probe::Done(()),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        })
        .await
    }

    /// The controllers work when the namespace `default` has its service account: pods need it.
    async fn wait_for_controllers(&self, processes: &Processes) -> anyhow::Result<()> {
        let accounts = Api::<ServiceAccount>::default_namespaced(self.client()?);
        wait::until(&format!("the controllers of {}", self.name()), DEADLINE, async || {
            processes.check()?;
            Ok(match accounts.get_opt("default").await {
                Ok(Some(_)) => Probe::Done(()),
                Ok(None) => Probe::NotYet("no service account in the namespace default".to_owned()),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        })
        .await
    }

    async fn create_node(&self) -> anyhow::Result<()> {
        let node: Node = serde_json::from_value(components::node())?;
        Api::all(self.client()?)
            .create(&PostParams::default(), &node)
            .await
            .with_context(|| format!("cannot create the node of {}", self.name()))?;
        Ok(())
    }
}
