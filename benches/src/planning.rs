//! CPU of resolving and planning alone: no API server, no request, one core.

use std::hint::black_box;
use std::time::Duration;

use clap::Args;
use fleetgate_api::Application;
use fleetgate_plan::{Catalog, Plan, Template};
use serde_json::json;

use crate::bodies;
use crate::report::{line, median, micros, noted};
use crate::server_process::{cpu_time_of, pin_to};

/// How much is planned.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Applications, each of two policies
    #[arg(long, default_value_t = 1_000)]
    applications: usize,
    /// Clusters that each policy goes to
    #[arg(long, default_value_t = 1_000)]
    clusters: usize,
    /// How often all of it is planned; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// The core that it runs on.
const CORE: usize = 0;

/// What planning all of them may take, in seconds.
const LIMIT_S: f64 = 5.0;

/// Objects that are rendered for the figure beside it.
const RENDERED: usize = 100_000;

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    pin_to(CORE)?;
    let catalog = bodies::catalog(options.clusters)?;
    let applications: Vec<Application> =
        (0..options.applications).map(application).collect::<anyhow::Result<_>>()?;
    let mut seconds = Vec::new();
    let mut objects = 0;
    for _ in 0..options.rounds {
        let start = cpu_time()?;
        objects = plan(&applications, &catalog);
        seconds.push(cpu_time()?.saturating_sub(start).as_secs_f64());
    }
    let seconds = median(seconds);
    let name = format!("planning: {} Applications × {} clusters", options.applications, options.clusters);
    line(&name, &format!("{seconds:.2} s CPU for {objects} objects"), seconds, LIMIT_S);
    noted("rendering beside it", &format!("{:.1} µs an object", render(&applications, &catalog)?));
    Ok(())
}

/// Plans all of them, to the name of every object; says how many there are.
fn plan(applications: &[Application], catalog: &Catalog) -> usize {
    let mut objects = 0;
    for application in applications {
        let plan = Plan::of(application, catalog);
        for binding in plan.templates().flat_map(Template::bindings) {
            black_box(&binding);
            objects += 1;
        }
    }
    objects
}

/// What rendering adds for one object, in microseconds of CPU.
#[expect(clippy::cast_precision_loss, reason = "a number of objects")]
fn render(applications: &[Application], catalog: &Catalog) -> anyhow::Result<f64> {
    let plans: Vec<Plan> = applications.iter().map(|application| Plan::of(application, catalog)).collect();
    let start = cpu_time()?;
    let objects = plans.iter().flat_map(Plan::objects).take(RENDERED).map(black_box).count();
    Ok(micros(cpu_time()?.saturating_sub(start)) / objects.max(1) as f64)
}

/// One of two policies, the second of which depends on the first and goes to
/// what a selector finds: all of them.
fn application(number: usize) -> anyhow::Result<Application> {
    let policy = |part: &str| {
        json!({
            "name": format!("app-{number}-{part}"),
            "kustomization": {"interval": "5m", "path": format!("./{part}"), "prune": true, "timeout": "2m"},
        })
    };
    let mut second = policy("frontend");
    second["kustomization"]["dependsOn"] = json!([{"name": format!("app-{number}-backend")}]);
    second["destination"] = json!({
        "fleet": bodies::FLEET,
        "clusterSelector": {"matchExpressions": [{"key": "env", "operator": "Exists"}]},
    });
    Ok(serde_json::from_value(json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": format!("app-{number}"), "namespace": "default", "uid": format!("uid-{number}")},
        "spec": {
            "source": {"gitRepository": {"url": "https://example.com/repository", "interval": "3m"}},
            "destination": {"fleet": bodies::FLEET},
            "syncPolicies": [policy("backend"), second],
        },
    }))?)
}

fn cpu_time() -> anyhow::Result<Duration> {
    cpu_time_of(std::process::id())
}
