//! One size, delivered once, and what is looked at afterwards.

use std::path::Path;
use std::time::{Duration, Instant};

use fleetgate_api::AttachedCluster;
use fleetgate_plan::FluxKind;
use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Progress, Sandbox};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use super::controller::Controller;
use super::counts::Counts;
use super::figures::{Delivery, Figures};
use super::floor::{Floor, Run, create_applications};
use super::growth::{grow, verdict};
use super::members::Members;
use super::quiet::quiet;
use super::{Afterwards, POLICIES, Size, collector, fleet, present};
use crate::report::{median, within};

/// Where the Applications are that are delivered.
pub(super) const OURS: &str = "ours";

/// How long clusters may take to be ready.
const PATIENCE: Duration = Duration::from_mins(1);

/// A label change may take so many times the floor's time for as many objects.
const RELABEL: f64 = 2.0;

/// How often the label is changed, and changed back; the median counts.
const RELABELLED: usize = 3;

/// Delivers one size beside the floor; `afterwards`, if at all, it is left
/// alone, restarted, moved and grown.
pub(super) async fn measure(
    sandbox: &Sandbox,
    fleetgate: &Path,
    size: Size,
    afterwards: Option<Afterwards>,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let client = sandbox.client();
    let members = Members::start()?;
    fleet::install(&client, OURS, size, &members).await?;
    collector::follows(&client).await?;
    let floor = Floor::prepare(&client, sandbox.controller_kubeconfig(), size).await?;
    let ran = floor.run().await?;
    floor.end().await?;
    let controller = Controller::start(fleetgate, sandbox).await?;
    clusters_are_ready(&client, size).await?;
    quiet(&client, &controller).await?;

    let before = Counts::of(&client).await?;
    deliver(&client, &controller, size, ran, figures).await?;
    let Some(afterwards) = afterwards else { return Ok(()) };
    quiet(&client, &controller).await?;
    requests_per_child(&Counts::of(&client).await?.since(&before), size, figures);
    figures.line("looks at Applications until it rests", &controller.looks().await?.to_string(), "");
    steady(&client, afterwards.steady, size, figures).await?;
    let controller = restart(&client, controller, (fleetgate, sandbox), size, figures).await?;
    relabel(&client, &controller, &floor, size, figures).await?;
    grow(&client, &controller, size, afterwards.grow_to, figures).await
}

async fn clusters_are_ready(client: &Client, size: Size) -> anyhow::Result<()> {
    let clusters: Api<AttachedCluster> = Api::namespaced(client.clone(), OURS);
    until("the clusters to be ready", PATIENCE, async || {
        let listed = clusters.list(&ListParams::default()).await?;
        let statuses = listed.items.iter().filter_map(|cluster| cluster.status.as_ref());
        let ready = statuses.filter(|status| status.ready == Some(true)).count();
        Ok(if ready == size.clusters { Probe::Done(()) } else { Probe::NotYet(format!("{ready} are")) })
    })
    .await
}

/// From the first Application to the last child.
#[expect(clippy::cast_precision_loss, reason = "some thousands of writes")]
async fn deliver(
    client: &Client,
    controller: &Controller,
    size: Size,
    floor: Run,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let (before, cpu) = (Counts::of(client).await?, controller.cpu_time()?);
    let start = Instant::now();
    create_applications(client, OURS, 0..size.applications).await?;
    let expected = [(FluxKind::Kustomization, size.children()), (FluxKind::GitRepository, size.applications)];
    controller.writes("apply", 0, size.children()).await?;
    present::reached(client, OURS, &expected).await?;
    let took = start.elapsed();
    let counts = Counts::of(client).await?.since(&before);
    let writes = counts.writes();
    // The Applications are created here, and not by the controller.
    let written = writes.total().saturating_sub(counts.get("POST", "applications"));
    // The count is taken a moment later than the children are: so is its time.
    let ours = written as f64 / start.elapsed().as_secs_f64();
    let delivery = Delivery {
        size: format!("{} Applications × {} clusters", size.applications, size.clusters),
        ours,
        floor: size.objects() as f64 / floor.took.as_secs_f64(),
        took: (took.as_secs_f64(), floor.took.as_secs_f64()),
        cpu_ms_each: (counts.cpu_ms_each(writes.total()), floor.cpu_ms_each),
        cpu: (controller.cpu_time()?.saturating_sub(cpu)).as_secs_f64(),
    };
    Progress::stderr().say(format!("{delivery:?}: {}", writes.told()));
    figures.delivered(size.children(), delivery);
    Ok(())
}

/// One write for each child, and no question.
#[expect(clippy::cast_precision_loss, reason = "some thousands of requests")]
fn requests_per_child(counts: &Counts, size: Size, figures: &mut Figures) {
    let of_flux: u64 = ["GET", "POST", "PUT", "PATCH", "APPLY", "DELETE"]
        .into_iter()
        .flat_map(|verb| ["kustomizations", "gitrepositories"].map(|resource| counts.get(verb, resource)))
        .sum();
    let each = of_flux as f64 / size.objects() as f64;
    figures.line("requests for each child", &format!("{each:.3} ({of_flux})"), &within(each, 1.0));
    figures.line("all writes until it rests", &counts.writes().told(), "");
}

/// Nothing is written while nothing changes.
#[expect(clippy::cast_precision_loss, reason = "hardly any writes")]
async fn steady(client: &Client, steady: Duration, size: Size, figures: &mut Figures) -> anyhow::Result<()> {
    let before = Counts::of(client).await?;
    tokio::time::sleep(steady).await;
    let counts = Counts::of(client).await?.since(&before);
    let writes = counts.writes();
    let name = format!("writes in {} s at {} children", steady.as_secs(), size.children());
    figures.line(&name, &writes.told(), &within(writes.total() as f64, 0.0));
    figures.line("reads meanwhile, everybody's", &counts.reads().told(), "");
    Ok(())
}

/// A restart writes nothing.
#[expect(clippy::cast_precision_loss, reason = "hardly any writes")]
async fn restart(
    client: &Client,
    controller: Controller,
    (fleetgate, sandbox): (&Path, &Sandbox),
    size: Size,
    figures: &mut Figures,
) -> anyhow::Result<Controller> {
    let resident = controller.resident_mib()?;
    figures.line("memory before the restart", &format!("{resident:.1} MiB"), &verdict(resident, size));
    controller.stop().await?;
    let before = Counts::of(client).await?;
    let start = Instant::now();
    let controller = Controller::start(fleetgate, sandbox).await?;
    until("every Application to be looked at", PATIENCE, async || {
        let looks = controller.looks().await?;
        let all = usize::try_from(looks)? >= size.applications;
        Ok(if all { Probe::Done(()) } else { Probe::NotYet(looks.to_string()) })
    })
    .await?;
    let took = start.elapsed().as_secs_f64();
    quiet(client, &controller).await?;
    let writes = Counts::of(client).await?.since(&before).writes();
    figures.line("writes by a restart", &writes.told(), &within(writes.total() as f64, 0.0));
    figures.line("until every Application was looked at", &format!("{took:.2} s"), "");
    Ok(controller)
}

/// A cluster is labelled otherwise, and back, some times: one time alone says as much of the machine.
async fn relabel(
    client: &Client,
    controller: &Controller,
    floor: &Floor,
    size: Size,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let children = size.applications * POLICIES;
    let (label, value) = fleet::TIER;
    let clusters: Api<AttachedCluster> = Api::namespaced(client.clone(), OURS);
    let steps = [
        ("takes away", "delete", "elsewhere", size.children() - children),
        ("brings", "apply", value, size.children()),
    ];
    let mut times = [const { Vec::new() }; 2];
    for round in 0..RELABELLED {
        let floor = floor.run_with(children, round).await?.as_secs_f64();
        for (times, (_, verb, value, expected)) in times.iter_mut().zip(steps) {
            let patch = json!({"metadata": {"labels": {label: value}}});
            let before = controller.written(verb).await?;
            let start = Instant::now();
            clusters.patch(&fleet::cluster_name(0), &PatchParams::default(), &Patch::Merge(&patch)).await?;
            controller.writes(verb, before, children).await?;
            present::reached(client, OURS, &[(FluxKind::Kustomization, expected)]).await?;
            times.push(Relabelled { took: start.elapsed().as_secs_f64(), floor });
            quiet(client, controller).await?;
        }
    }
    for (times, (what, ..)) in times.into_iter().zip(steps) {
        let told: Vec<_> = times.iter().map(|time| format!("{:.2}/{:.2}", time.took, time.floor)).collect();
        let ratio = median(times.iter().map(|time| time.took / time.floor).collect());
        let figure = format!("{ratio:.2} times (s, floor: {})", told.join(", "));
        figures.line(&format!("a label {what} {children} children"), &figure, &within(ratio, RELABEL));
    }
    Ok(())
}

/// How long a changed label took, in seconds, and the floor for as many objects.
struct Relabelled {
    took: f64,
    floor: f64,
}
