//! What Fleetgate writes while nothing changes and Flux looks again every ten
//! seconds: both of Flux's controllers run, and the members are real.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use fleetgate_api::Application;
use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Options as SandboxOptions, Progress, Sandbox, Scope};
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::json;

use super::controller::Controller;
use super::counts::Counts;
use super::{fleet, floor};
use crate::report::{line, noted};
use crate::{Fleetgate, bodies};

/// How much is looked after.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    fleetgate: Fleetgate,
    /// Applications, each of two policies to both members
    #[arg(long, default_value_t = 20)]
    applications: usize,
    /// How long nothing may be written
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// Where the sandbox has its members.
const NAMESPACE: &str = "default";

/// The sandbox's own controller, in whose place another one is measured.
const ITS_OWN: &str = "fleetgate-controller";

/// How often Flux looks at each object.
const INTERVAL: &str = "10s";

/// Members of a sandbox.
const MEMBERS: usize = 2;

/// How long all of them may take to be ready.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long Flux is left to look at everything once more before it counts.
const SETTLING: Duration = Duration::from_secs(15);

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let fleetgate = std::path::absolute(&options.fleetgate.fleetgate)?;
        let sandbox =
            Sandbox::start(SandboxOptions::new(&fleetgate, Scope::Delivery), &Progress::stderr()).await?;
        let measured = measure(&sandbox, &fleetgate, options).await;
        sandbox.stop().await;
        measured
    })
}

#[expect(clippy::cast_precision_loss, reason = "hardly any writes")]
async fn measure(sandbox: &Sandbox, fleetgate: &Path, options: &Options) -> anyhow::Result<()> {
    let client = sandbox.client();
    sandbox.terminate(ITS_OWN).await?;
    let controller = Controller::start(fleetgate, sandbox).await?;
    for member in 0..MEMBERS {
        let member = sandbox.member_client(member)?;
        for name in (0..options.applications).flat_map(|number| PARTS.map(|part| target(number, part))) {
            fleet::create_namespace(&member, &name).await?;
        }
    }
    let applications = (0..options.applications).map(application).collect::<anyhow::Result<_>>()?;
    floor::create(&client, NAMESPACE, applications).await?;
    all_ready(&client, options.applications).await?;
    tokio::time::sleep(SETTLING).await;

    let (before, until_then) = (Counts::of(&client).await?, controller.sum(WRITES).await?);
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    let ours = controller.sum(WRITES).await? - until_then;
    let flux = Counts::of(&client).await?.since(&before).writes();
    let name = format!("writes in {} s while Flux looks every {INTERVAL}", options.seconds);
    line(&name, &format!("{ours}, and {until_then} until then"), ours as f64, 0.0);
    noted("everybody's writes meanwhile", &flux.told());
    Ok(())
}

/// The controller's own count of its writes.
const WRITES: &str = "fleetgate_writes_total";

/// The two policies of an Application.
const PARTS: [&str; 2] = ["backend", "frontend"];

/// The namespace of the members that a policy's objects are put into.
fn target(number: usize, part: &str) -> String {
    format!("app-{number}-{part}")
}

fn application(number: usize) -> anyhow::Result<Application> {
    let policy = |part: &str| {
        let name = target(number, part);
        json!({
            "name": name,
            "kustomization": {"interval": INTERVAL, "path": "./kustomize", "prune": true, "targetNamespace": name},
        })
    };
    let source = json!({
        "url": "https://github.com/stefanprodan/podinfo", "interval": INTERVAL, "ref": {"branch": "master"},
    });
    Ok(serde_json::from_value(json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": format!("app-{number}"), "namespace": NAMESPACE},
        "spec": {
            "source": {"gitRepository": source}, "destination": {"fleet": bodies::FLEET},
            "syncPolicies": PARTS.map(policy),
        },
    }))?)
}

async fn all_ready(client: &Client, expected: usize) -> anyhow::Result<()> {
    let applications: Api<Application> = Api::namespaced(client.clone(), NAMESPACE);
    until("every Application to be ready", PATIENCE, async || {
        let listed = applications.list(&ListParams::default()).await?;
        let statuses = listed.items.iter().filter_map(|application| application.status.as_ref());
        let conditions = statuses.flat_map(|status| &status.conditions);
        let ready = conditions.filter(|condition| condition.type_ == "Ready" && condition.status == "True");
        let ready = ready.count();
        Ok(if ready == expected { Probe::Done(()) } else { Probe::NotYet(format!("{ready} are")) })
    })
    .await
    .context("Flux does not deliver")
}
