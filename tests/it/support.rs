//! The shared sandboxes, and what several tests ask of them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use fleetgate_sandbox::refusals::{self, OnPurpose};
use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Answer, Options, PAST_THE_GATE, Progress, Sandbox, Scope};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Client, Config};
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, MutexGuard};

struct Shared {
    // The sandbox's own tasks run here for as long as the tests do.
    _runtime: Runtime,
    sandbox: Sandbox,
}

/// The host control plane with the webhook, shared by all tests of admission.
pub(crate) fn admission() -> &'static Sandbox {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    &SHARED.get_or_init(|| start(options(Scope::Admission))).sandbox
}

/// The host control plane with the webhook's configurations and no webhook, shared by all tests that start one.
pub(crate) fn before_webhook() -> &'static Sandbox {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    let options = || Options { without_fleetgate: true, ..options(Scope::Admission) };
    &SHARED.get_or_init(|| start(options())).sandbox
}

/// Host, members, Flux, git and Fleetgate, shared by all tests of delivery.
pub(crate) fn delivery() -> &'static Sandbox {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    &SHARED.get_or_init(|| start(options(Scope::Delivery))).sandbox
}

/// Host, members, Flux and git, without Fleetgate, shared by all tests in which it comes later.
pub(crate) fn before_fleetgate() -> &'static Sandbox {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    let options = || Options { without_fleetgate: true, ..options(Scope::Delivery) };
    &SHARED.get_or_init(|| start(options())).sandbox
}

/// A host on which nothing of Fleetgate is left, for one test at a time.
pub(crate) async fn bare() -> (&'static Sandbox, MutexGuard<'static, ()>) {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::const_new(());
    let sandbox = &SHARED.get_or_init(|| start(options(Scope::Host))).sandbox;
    let turn = TURN.lock().await;
    // An API server that is to delete a kind which it does not serve yet fails, and may try again only after five minutes.
    let crds = file("manifests/crds").display().to_string();
    let there =
        kubectl(sandbox, &["get", "--filename", &crds, "--ignore-not-found", "--output", "name"]).await;
    for name in there.stdout.lines().filter_map(|line| line.split_once('/')).map(|(_, name)| name) {
        is_served(sandbox, name).await;
    }
    let everything = file("manifests/install.yaml").display().to_string();
    kubectl(sandbox, &["delete", "--ignore-not-found", "--filename", &everything]).await;
    (sandbox, turn)
}

/// What the API server refuses to Fleetgate on purpose: in which story, and what only that is told with.
const REFUSED_ON_PURPOSE: [OnPurpose; 3] = [
    (
        "certificates::trouble::who_may_not_keep_a_certificate_says_so",
        &["fleetgate-webhook\" cannot", "\"secrets\"", "in the namespace \"default\""],
    ),
    (
        "certificates::trouble::who_serves_both_is_allowed_to_as_documented",
        &["fleetgate-controller\" cannot", "\"secrets\"", "in the namespace \"fleetgate-system\""],
    ),
    (
        "certificates::trouble::who_serves_both_is_allowed_to_as_documented",
        &["fleetgate-controller\" cannot", "webhookconfigurations\"", "at the cluster scope"],
    ),
];

/// How a sandbox of this scope is started. Whatever Fleetgate has no right to there fails the tests.
pub(crate) fn options(scope: Scope) -> Options {
    refusals::fail_but(&REFUSED_ON_PURPOSE);
    Options::new(env!("CARGO_BIN_EXE_fleetgate"), scope)
}

/// A sandbox of a test's own.
pub(crate) async fn own(options: Options) -> Sandbox {
    Sandbox::start(options, &Progress::stderr()).await.expect("the sandbox starts")
}

/// A test runs on a runtime already, so that this one needs a thread of its own.
fn start(options: Options) -> Shared {
    let started = thread::spawn(move || {
        let runtime = Runtime::new().expect("a runtime");
        let sandbox = runtime.block_on(Sandbox::start(options, &Progress::stderr()));
        Shared {
            sandbox: sandbox.unwrap_or_else(|error| panic!("the sandbox does not start: {error:#}")),
            _runtime: runtime,
        }
    });
    started.join().expect("the sandbox does not start; its reason stands above")
}

/// A process that does not outlive a test that fails.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Starts Fleetgate, as the command says. Its log goes into a file, which is looked at in the end.
    pub(crate) fn logging(command: &mut Command) -> (Self, NamedTempFile) {
        let log = NamedTempFile::new().expect("a file");
        let process = command.stderr(log.reopen().expect("a file")).spawn().expect("it runs");
        refusals::watch("fleetgate of a test's own", log.path());
        (Self(process), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Asks a process to stop, at once; returns what waits for its end.
pub(crate) fn terminate(process: &mut Running) -> impl Future<Output = ExitStatus> {
    let asked = Command::new("kill").args(["-TERM", &process.0.id().to_string()]).status();
    assert!(asked.expect("kill runs").success());
    async {
        let ended = until("the process to end", Duration::from_mins(1), async || {
            Ok(process.0.try_wait()?.map_or_else(|| Probe::NotYet("running".to_owned()), Probe::Done))
        });
        ended.await.expect("it ends")
    }
}

/// Waits until a log has that.
pub(crate) async fn logged(log: &Path, text: &str, deadline: Duration) {
    let logged = until(text, deadline, async || {
        let log = std::fs::read_to_string(log)?;
        Ok(if log.contains(text) { Probe::Done(()) } else { Probe::NotYet(log) })
    });
    logged.await.expect("the log has it");
}

/// A port of loopback that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// What a program tells of itself on the port of its health.
pub(crate) async fn numbers(address: &str) -> String {
    let config = Config::new(format!("http://{address}").parse().expect("a URL"));
    let client = Client::try_from(config).expect("a client");
    let request = http::Request::get("/metrics").body(Vec::new()).expect("a request");
    client.request_text(request).await.expect("its numbers")
}

/// Whether stories take the time that they are to take before a release.
pub(crate) fn is_long() -> bool {
    std::env::var_os("FLEETGATE_LONG").is_some()
}

/// How many creates a second have to come about. Debug builds run beside every other test, and as fast as a busy machine
/// lets them: only the long form, which runs alone, can ask for nearly all.
pub(crate) fn at_least(per_second: u32) -> u32 {
    if is_long() { per_second * 3 / 4 } else { per_second / 20 }
}

/// A file of the repository.
pub(crate) fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs kubectl against the host, and expects it to succeed.
pub(crate) async fn kubectl(sandbox: &Sandbox, arguments: &[&str]) -> Answer {
    let answer = sandbox.kubectl().run(arguments).await.expect("kubectl runs");
    assert!(answer.success(), "kubectl {}: {}{}", arguments.join(" "), answer.stdout, answer.stderr);
    answer
}

/// Runs kubectl against the host with a manifest on its standard input.
pub(crate) async fn apply(sandbox: &Sandbox, manifest: &str) -> Answer {
    sandbox.kubectl().run_with(&["apply", "-f", "-"], manifest).await.expect("kubectl runs")
}

/// Installs CRDs on the host; returns when their kinds are served.
pub(crate) async fn install_crds(sandbox: &Sandbox, crds: &[CustomResourceDefinition]) {
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": crds}).to_string();
    let answer = sandbox.kubectl().run_with(&["apply", "--server-side", "-f", "-"], &list).await;
    let answer = answer.expect("kubectl runs");
    assert!(answer.success(), "{}", answer.stderr);
    for name in crds.iter().filter_map(|crd| crd.metadata.name.as_deref()) {
        is_served(sandbox, name).await;
    }
}

/// Waits until the objects of a CRD can be asked for.
async fn is_served(sandbox: &Sandbox, crd: &str) {
    let served = until("the CRD to be served", Duration::from_secs(30), async || {
        let answer = sandbox.kubectl().run(&["get", crd, "--all-namespaces"]).await?;
        Ok(if answer.success() { Probe::Done(()) } else { Probe::NotYet(answer.stderr) })
    });
    served.await.expect("it is served");
}

/// Runs kubectl in the namespace as an administrator whom the gate of a sandbox lets pass: what happens
/// there is as what no gate saw.
pub(crate) async fn past_the_gate(sandbox: &Sandbox, namespace: &str, arguments: &[&str], input: &str) {
    let who = ["--namespace", namespace, "--as", PAST_THE_GATE, "--as-group", "system:masters"];
    let arguments = [arguments, &who].concat();
    let answer = sandbox.kubectl().run_with(&arguments, input).await.expect("kubectl runs");
    assert!(answer.success(), "kubectl {}: {}{}", arguments.join(" "), answer.stdout, answer.stderr);
}

/// A kubeconfig file of a service account that is there by now, with its rights and no others.
pub(crate) async fn kubeconfig_of(sandbox: &Sandbox, namespace: &str, account: &str) -> NamedTempFile {
    let administrator = std::fs::read_to_string(sandbox.kubeconfig()).expect("the host's kubeconfig");
    let mut kubeconfig: serde_json::Value = serde_saphyr::from_str(&administrator).expect("YAML");
    let token = kubectl(sandbox, &["create", "token", account, "--namespace", namespace]).await.stdout;
    kubeconfig["users"][0]["user"] = serde_json::json!({"token": token.trim()});
    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), kubeconfig.to_string()).expect("it is written");
    file
}

/// A namespace for one test, with the Fleet `quickstart` and what it needs to
/// deliver: copies of the members' clusters and their Secrets.
pub(crate) async fn namespace(sandbox: &Sandbox, name: &str) {
    kubectl(sandbox, &["create", "namespace", name]).await;
    for resource in ["secret/kurator-member1", "secret/kurator-member2"] {
        copy(sandbox, resource, name).await;
    }
    for resource in ["attachedcluster/kurator-member1", "attachedcluster/kurator-member2", "fleet/quickstart"]
    {
        copy(sandbox, resource, name).await;
    }
}

async fn copy(sandbox: &Sandbox, resource: &str, namespace: &str) {
    let answer = kubectl(sandbox, &["get", resource, "--namespace", "default", "--output", "json"]).await;
    let mut object: serde_json::Value = serde_json::from_str(&answer.stdout).expect("JSON");
    // Without the labels: an example that is under way beside this may have set some.
    object["metadata"] = serde_json::json!({"name": object["metadata"]["name"], "namespace": namespace});
    object.as_object_mut().expect("an object").remove("status");
    let answer = apply(sandbox, &object.to_string()).await;
    assert!(answer.success(), "{}", answer.stderr);
}
