//! Fleetgate itself, as the product's own manifests install it: under its two service accounts, with
//! their rights and no others.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::manifests::{self, webhooks};
use crate::plane::Plane;
use crate::ports::Ports;
use crate::process::{Layer, Processes, Spec};
use crate::refusals;
use crate::wait::{self, Probe};

const NAMESPACE: &str = "fleetgate-system";
const WEBHOOK: &str = "fleetgate-webhook";
const DEADLINE: Duration = Duration::from_mins(1);

/// A user whom the sandbox's gate lets pass, as it does Fleetgate's controller; without any rights.
pub const PAST_THE_GATE: &str = "past-the-gate";

/// A year: a sandbox does not last longer.
const TOKEN_SECONDS: i64 = 365 * 24 * 3600;

/// What is prepared for Fleetgate's two roles.
#[derive(Debug)]
pub(crate) struct Fleetgate {
    program: PathBuf,
    pub(crate) webhook_addr: SocketAddr,
    pub(crate) webhook_kubeconfig: PathBuf,
    pub(crate) controller_kubeconfig: PathBuf,
}

impl Fleetgate {
    /// Installs CRDs, namespace and rights from the product's manifests, and prepares both identities.
    pub(crate) async fn install(
        program: PathBuf,
        checkout: &Path,
        home: &Path,
        host: &Plane,
        ports: &Ports,
    ) -> anyhow::Result<Self> {
        let client = host.client()?;
        for part in ["crds", "namespace.yaml", "rbac.yaml", "certificates.yaml"] {
            manifests::apply(&client, manifests::read(&checkout.join("manifests").join(part))?).await?;
        }
        Ok(Self {
            program,
            webhook_addr: (Ipv4Addr::LOCALHOST, ports.take()?).into(),
            webhook_kubeconfig: identity(&client, host, home, WEBHOOK).await?,
            controller_kubeconfig: identity(&client, host, home, "fleetgate-controller").await?,
        })
    }

    /// The arguments of the webhook role, which keeps its own certificate.
    pub(crate) fn webhook_args(&self) -> Vec<String> {
        let address = self.webhook_addr.to_string();
        // Nobody has to hear of its end: there is no other.
        ["webhook", "--bind", &address, "--drain-seconds", "0"].map(str::to_owned).to_vec()
    }

    /// Starts the webhook; returns when it listens, which it does once it knows the cluster.
    pub(crate) async fn start_webhook(&self, processes: &Processes) -> anyhow::Result<()> {
        self.run(WEBHOOK, self.webhook_args(), &self.webhook_kubeconfig, processes)?;
        wait::until(&format!("the webhook to listen on {}", self.webhook_addr), DEADLINE, async || {
            processes.check()?;
            Ok(match TcpStream::connect(self.webhook_addr).await {
                Ok(_) => Probe::Done(()),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        })
        .await
    }

    /// Starts the controller.
    pub(crate) fn start_controller(&self, processes: &Processes) -> anyhow::Result<()> {
        let args = vec!["controller".to_owned()];
        self.run("fleetgate-controller", args, &self.controller_kubeconfig, processes)
    }

    /// Starts one more controller, under a name and with arguments of its own.
    pub(crate) fn start_another(
        &self,
        name: &str,
        args: &[&str],
        kubeconfig: &Path,
        processes: &Processes,
    ) -> anyhow::Result<()> {
        let args = ["controller"].iter().chain(args).map(ToString::to_string).collect();
        self.run(name, args, kubeconfig, processes)
    }

    /// Installs the product's webhook configurations, pointed at the webhook on loopback, and with one user
    /// more who may pass. Fleetgate tells them whom to trust.
    pub(crate) async fn install_webhooks(&self, client: &Client, checkout: &Path) -> anyhow::Result<()> {
        let mut objects = manifests::read(&checkout.join("manifests/webhooks.yaml"))?;
        for object in objects.iter_mut().filter(|object| webhooks::is_configuration(object)) {
            webhooks::redirect(object, self.webhook_addr.port());
            webhooks::exempt(object, PAST_THE_GATE);
        }
        objects.insert(0, webhooks::service(NAMESPACE, WEBHOOK));
        manifests::apply(client, objects).await
    }

    fn run(
        &self,
        name: &str,
        args: Vec<String>,
        kubeconfig: &Path,
        processes: &Processes,
    ) -> anyhow::Result<()> {
        let env = vec![("KUBECONFIG", kubeconfig.display().to_string())];
        let program = self.program.clone();
        processes.spawn(Spec { name: name.to_owned(), program, args, env, layer: Layer::Client })?;
        refusals::watch(name, &processes.log(name));
        Ok(())
    }
}

/// Waits until the API server sends Applications through every webhook: it learns of a configuration,
/// and of whom to trust, only a moment after it was written. Asked by dry runs: of an Application that
/// no version accepts, which the first webhook denies, and of one that has to pass all of them.
pub(crate) async fn wait_for_gate(client: &Client, processes: &Processes) -> anyhow::Result<()> {
    let resource =
        ApiResource::from_gvk(&GroupVersionKind::gvk("apps.kurator.dev", "v1alpha1", "Application"));
    let applications: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &resource);
    let (one, two) = (asking(&["gitRepository"])?, asking(&["gitRepository", "helmRepository"])?);
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    wait::until("the API server to ask the webhook", DEADLINE, async || {
        processes.check()?;
        match applications.create(&dry_run, &two).await {
            Err(kube::Error::Api(status)) if status.message.starts_with("admission webhook") => {}
            Err(error) => return Ok(Probe::NotYet(error.to_string())),
            Ok(_) => return Ok(Probe::NotYet("an Application with two sources was admitted".to_owned())),
        }
        Ok(match applications.create(&dry_run, &one).await {
            Ok(_) => Probe::Done(()),
            Err(error) => Probe::NotYet(error.to_string()),
        })
    })
    .await
}

/// An Application with these sources.
fn asking(sources: &[&str]) -> serde_json::Result<DynamicObject> {
    let source = json!({"url": "https://example.com/source", "interval": "1m"});
    let sources: serde_json::Map<String, Value> =
        sources.iter().map(|name| ((*name).to_owned(), source.clone())).collect();
    serde_json::from_value(json!({
        "apiVersion": "apps.kurator.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "sandbox-asks-whether-the-gate-is-up"},
        "spec": {
            "source": sources,
            "syncPolicies": [{"kustomization": {"interval": "1m", "path": "./", "prune": true}}],
        },
    }))
}

/// A kubeconfig file with a token of the service account.
async fn identity(client: &Client, host: &Plane, home: &Path, account: &str) -> anyhow::Result<PathBuf> {
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            expiration_seconds: Some(TOKEN_SECONDS),
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    };
    let answer = Api::<ServiceAccount>::namespaced(client.clone(), NAMESPACE)
        .create_token_request(account, &PostParams::default(), &request)
        .await
        .with_context(|| {
            format!("cannot get a token of the service account {NAMESPACE}/{account}: manifests/rbac.yaml creates it")
        })?;
    let token = answer.status.and_then(|status| status.token);
    let token = token.context("the API server answered a token request without a token")?;
    let path = home.join(format!("{account}.kubeconfig"));
    host.access.as_user(account, token).write(&path)?;
    Ok(path)
}
