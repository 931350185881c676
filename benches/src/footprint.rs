//! What the webhook takes while nobody asks it anything: how long until it is
//! ready, and how much memory, with nothing in the cluster and with much.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::http::Request;
use clap::Args;
use fleetgate_sandbox::{Options as SandboxOptions, Progress, Sandbox, Scope};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::report::{line, median, noted};
use crate::server_process::{Resident, write_certificate};
use crate::{Fleetgate, bodies};

/// How much there is to know.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    fleetgate: Fleetgate,
    /// Applications in the cluster, of two policies each
    #[arg(long, default_value_t = 10_000)]
    applications: usize,
    /// Clusters
    #[arg(long, default_value_t = 1_000)]
    clusters: usize,
    /// Fleets, among which the clusters are divided
    #[arg(long, default_value_t = 100)]
    fleets: usize,
    /// How often it is started each time; the median counts
    #[arg(long, default_value_t = 7)]
    starts: usize,
}

/// What it may take with nothing in the cluster: milliseconds until it is ready, and MiB.
const EMPTY: [f64; 2] = [150.0, 20.0];
/// The MiB that it may take with all of it.
const FULL_MIB: f64 = 60.0;
/// How many creates are under way at the same time.
const CONCURRENCY: usize = 16;
/// How long a start may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long it has been idle when its memory is looked at.
const IDLE: Duration = Duration::from_secs(2);
/// How much of a file containerd writes at once when it unpacks an image, in bytes (`bufPool` of its `archive`).
const UNPACKED_AT_ONCE: usize = 32 * 1024;

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let built = std::path::absolute(&options.fleetgate.fleetgate)?;
    // Beside it, so that it is on a disk as well.
    let image = tempfile::tempdir_in(built.parent().context("the program is no file")?)?;
    let fleetgate = unpack(&built, image.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let sandbox =
            Sandbox::start(SandboxOptions::new(&fleetgate, Scope::Host), &Progress::stderr()).await?;
        let measured = measure(&sandbox, &fleetgate, options).await;
        sandbox.stop().await;
        measured
    })
}

/// Puts the program into a folder as a node does with an image's. How much of a program the kernel maps beside what
/// is needed of it depends on how its file came into the cache: what was written at once it keeps together, in one
/// large folio, and maps all of it.
fn unpack(program: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let bytes = fs::read(program).with_context(|| format!("{} cannot be read", program.display()))?;
    let unpacked = folder.join("fleetgate");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o755).open(&unpacked)?;
    for piece in bytes.chunks(UNPACKED_AT_ONCE) {
        file.write_all(piece)?;
    }
    Ok(unpacked)
}

async fn measure(sandbox: &Sandbox, fleetgate: &Path, options: &Options) -> anyhow::Result<()> {
    let size = fs::metadata(fleetgate)?.len() / 1024;
    noted("size of the program", &format!("{size} KiB"));
    let folder = tempfile::tempdir()?;
    write_certificate(folder.path())?;
    let start = |certificate| Start { fleetgate, sandbox, certificate };
    let [most, most_memory] = EMPTY;
    for (certificate, told) in [
        (Certificate::Folder(folder.path()), "certificate in a folder"),
        (Certificate::New, "certificate to be made"),
        (Certificate::Stored, "certificate in the Secret"),
    ] {
        let [ready, memory, of_files] = start(certificate).figures(options.starts).await?;
        line(&format!("ready, empty, {told}"), &format!("{ready:.0} ms"), ready, most);
        let name = format!("memory, empty, {told}");
        line(&name, &mib(memory, of_files), memory, most_memory);
    }

    // Nobody is to be asked of what follows.
    take_away(sandbox).await?;
    fill(&sandbox.client(), options).await?;
    let [ready, memory, of_files] = start(Certificate::New).figures(options.starts).await?;
    let Options { applications, clusters, fleets, .. } = options;
    let all = format!("{applications} Applications, {clusters} clusters, {fleets} Fleets");
    noted(&format!("ready, {all}"), &format!("{ready:.0} ms"));
    line(&format!("memory, {all}"), &mib(memory, of_files), memory, FULL_MIB);
    Ok(())
}

fn mib(memory: f64, of_files: f64) -> String {
    format!("{memory:.1} MiB, {of_files:.1} of them the program")
}

/// Where the certificate comes from.
#[derive(Clone, Copy)]
enum Certificate<'a> {
    /// A folder, in which it is.
    Folder(&'a Path),
    /// The Secret, into which the first to start has put it.
    Stored,
    /// Nowhere yet: it is made, stored, and trusted by the webhook configurations.
    New,
}

/// The objects that the certificate and its trust are in.
const CONFIGURATIONS: &str = "mutatingwebhookconfiguration,validatingwebhookconfiguration";
const SECRET: [&str; 4] = ["secret", "fleetgate-webhook-certificate", "--namespace", "fleetgate-system"];

/// Has the host know of no certificate, and ask nobody.
async fn take_away(sandbox: &Sandbox) -> anyhow::Result<()> {
    kubectl(sandbox, &["delete", "--ignore-not-found", CONFIGURATIONS, "fleetgate"]).await?;
    kubectl(sandbox, &[&["delete", "--ignore-not-found"], &SECRET[..]].concat()).await
}

/// The same as after the product's manifests were applied for the first time.
async fn install(sandbox: &Sandbox) -> anyhow::Result<()> {
    take_away(sandbox).await?;
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/webhooks.yaml");
    kubectl(sandbox, &["apply", "--server-side", "--filename", &manifest.display().to_string()]).await
}

async fn kubectl(sandbox: &Sandbox, arguments: &[&str]) -> anyhow::Result<()> {
    let answer = sandbox.kubectl().run(arguments).await?;
    anyhow::ensure!(answer.success(), "kubectl {}: {}", arguments.join(" "), answer.stderr);
    Ok(())
}

/// What is started.
struct Start<'a> {
    fleetgate: &'a Path,
    sandbox: &'a Sandbox,
    certificate: Certificate<'a>,
}

impl Start<'_> {
    /// Milliseconds until it is ready, and MiB while it is idle: all, and those of the program's file.
    async fn figures(&self, starts: usize) -> anyhow::Result<[f64; 3]> {
        let mut figures = [const { Vec::new() }; 3];
        for _ in 0..starts {
            for (figures, figure) in figures.iter_mut().zip(self.once().await?) {
                figures.push(figure);
            }
        }
        Ok(figures.map(median))
    }

    async fn once(&self) -> anyhow::Result<[f64; 3]> {
        let folder = match self.certificate {
            Certificate::Folder(folder) => Some(folder),
            Certificate::Stored => None,
            Certificate::New => {
                install(self.sandbox).await?;
                None
            }
        };
        let [bind, metrics] = [free_port()?, free_port()?];
        let log = File::options().create(true).append(true).open(self.sandbox.log("measured-webhook"))?;
        let start = Instant::now();
        let child = Command::new(self.fleetgate)
            .args(["webhook", "--bind", &format!("127.0.0.1:{bind}")])
            .args(["--metrics-bind", &format!("127.0.0.1:{metrics}")])
            .args(folder.into_iter().flat_map(|folder| [Path::new("--cert-dir"), folder]))
            .env("KUBECONFIG", self.sandbox.webhook_kubeconfig())
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.fleetgate.display()))?;
        let webhook = Webhook(child);
        let http = Client::try_from(Config::new(format!("http://127.0.0.1:{metrics}").parse()?))?;
        while http.request_text(Request::get("/readyz").body(Vec::new())?).await.is_err() {
            anyhow::ensure!(start.elapsed() < PATIENCE, "the webhook is not ready");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let ready = start.elapsed().as_secs_f64() * 1e3;
        tokio::time::sleep(IDLE).await;
        let Resident { kib, of_files } = Resident::of(webhook.0.id())?;
        #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
        let [memory, of_files] = [kib, of_files].map(|kib| kib as f64 / 1024.0);
        Ok([ready, memory, of_files])
    }
}

/// A running webhook; killed when dropped.
struct Webhook(Child);

impl Drop for Webhook {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended_already = self.0.kill();
        let _ended_already = self.0.wait();
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Creates all of it, past the gate: nobody is asked while nobody runs.
async fn fill(client: &Client, options: &Options) -> anyhow::Result<()> {
    let Options { applications, clusters, fleets, .. } = options;
    let example = bodies::application("application/gitrepo-kustomization-demo.yaml")?;
    let fleet = |number: usize| format!("fleet-{number}");
    let clusters = (0..*clusters).map(|number| {
        json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": format!("member-{number}"), "labels": {"env": "test", "of": fleet(number % fleets)}},
            "spec": {"kubeconfig": {"name": format!("member-{number}"), "key": "value"}},
        })
    });
    let fleets = (0..*fleets).map(|number| {
        json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": fleet(number)},
            "spec": {"clusterSelector": {"matchLabels": {"of": fleet(number)}}},
        })
    });
    let applications = (0..*applications).map(|number| {
        let mut application = bodies::numbered(&example, number);
        for policy in application["spec"]["syncPolicies"].as_array_mut().into_iter().flatten() {
            policy["destination"] = json!({"fleet": fleet(number % options.fleets)});
        }
        application
    });
    let created =
        stream::iter(clusters.chain(fleets).chain(applications)).map(|object| create(client, object));
    created.buffer_unordered(CONCURRENCY).try_collect::<()>().await
}

async fn create(client: &Client, object: Value) -> anyhow::Result<()> {
    let object: DynamicObject = serde_json::from_value(object)?;
    let types = object.types.clone().unwrap_or_default();
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types)?);
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &resource);
    api.create(&PostParams::default(), &object).await.map(drop).context("an object cannot be created")
}
