//! Programs that a test starts, and what they are asked.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fleetgate_sandbox::Sandbox;
use fleetgate_sandbox::wait::{Probe, until};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::sync::{Mutex, MutexGuard};

use crate::support::{Running, before_webhook, kubectl, logged, terminate};

/// How long anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
/// What objects say, and spans do not.
pub(crate) const UNTOLD: &str = "github.com/what-objects-say";

/// There is one webhook that the API server asks: tests take turns.
static TURN: Mutex<()> = Mutex::const_new(());

/// A process, and what it logs.
pub(crate) struct Program {
    process: Running,
    log: NamedTempFile,
}

impl Program {
    /// Starts it in the sandbox, with what a role may do there.
    pub(crate) fn start(arguments: &[&str], kubeconfig: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetgate"));
        command.args(arguments).env("KUBECONFIG", kubeconfig).envs(variables.iter().copied());
        let (process, log) = Running::logging(&mut command);
        Self { process, log }
    }

    /// Waits until its log has that.
    pub(crate) async fn logs(&self, text: &str) {
        logged(self.log.path(), text, PATIENCE).await;
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).expect("its log")
    }

    /// Asks it to end; returns what it has logged, once it has ended well.
    pub(crate) async fn stop(mut self) -> String {
        let ended = terminate(&mut self.process).await;
        assert!(ended.success(), "{}", self.log());
        self.log()
    }
}

/// A webhook that the API server asks, and a namespace of its own.
pub(crate) struct Webhook {
    pub(crate) program: Program,
    pub(crate) sandbox: &'static Sandbox,
    namespace: &'static str,
    pub(crate) turn: MutexGuard<'static, ()>,
}

impl Webhook {
    /// Starts one with flags and variables; returns once it reviews what is created in the namespace.
    pub(crate) async fn start(namespace: &'static str, flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let turn = TURN.lock().await;
        let sandbox = before_webhook();
        let address = sandbox.webhook_addr().to_string();
        let arguments = ["webhook", "--bind", &address, "--drain-seconds", "0"];
        let arguments: Vec<&str> = arguments.into_iter().chain(flags.iter().copied()).collect();
        let program = Program::start(&arguments, sandbox.webhook_kubeconfig(), variables);
        let webhook = Self { program, sandbox, namespace, turn };
        kubectl(sandbox, &["create", "namespace", namespace]).await;
        let reviewed = until("a review", PATIENCE, async || {
            Ok(match webhook.create("first", "5m0s", None).await {
                Ok(()) => Probe::Done(()),
                Err(error) => Probe::NotYet(format!("{error}\n{}", webhook.program.log())),
            })
        });
        reviewed.await.expect("it reviews");
        webhook
    }

    /// Creates an Application, with the header of a trace if there is one.
    pub(crate) async fn create(&self, name: &str, interval: &str, trace: Option<&str>) -> kube::Result<()> {
        let application = json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "source": {"gitRepository": {"url": format!("https://{UNTOLD}/r"), "interval": "3m0s"}},
                "syncPolicies": [{"kustomization": {"interval": interval, "path": "./", "prune": true}}],
            },
        });
        self.post("apis/apps.kurator.dev/v1alpha1", "applications", &application, trace).await
    }

    /// Creates an object of its namespace.
    pub(crate) async fn post(
        &self,
        group: &str,
        kinds: &str,
        object: &Value,
        trace: Option<&str>,
    ) -> kube::Result<()> {
        let mut request = http::Request::post(format!("/{group}/namespaces/{}/{kinds}", self.namespace))
            .header("content-type", "application/json");
        if let Some(trace) = trace {
            request = request.header("traceparent", trace);
        }
        let request = request.body(object.to_string().into_bytes()).expect("a request");
        self.sandbox.client().request_text(request).await.map(drop)
    }
}
