//! Delivery through a real API server, beside a client that only applies the
//! same objects. No Flux runs: what it would do is no part of the figures.
//!
//! ```text
//! floor:  objects, rendered before ─────────────────16 at a time──▶ API server ─▶ its own count
//! ours:   Applications ─▶ API server ─watch─▶ controller, a process ──┘  ▲
//!                                                                 statuses, finalizers
//! ```

mod collector;
mod controller;
mod counts;
mod figures;
mod fleet;
mod floor;
mod growth;
mod measure;
mod members;
mod present;
mod quiet;
pub(crate) mod steady;

use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use fleetgate_sandbox::{Options as SandboxOptions, Progress, Sandbox, Scope};

use self::figures::Figures;
use self::measure::measure;
use crate::Fleetgate;

/// How much is delivered.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    fleetgate: Fleetgate,
    /// Applications × clusters; each Application has two policies
    #[arg(long, value_delimiter = ',', default_value = "20x5,100x10,200x20", value_name = "AxC,...")]
    size: Vec<Size>,
    /// How often each size is delivered, with a fresh API server each time; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long nothing may be written once all is delivered
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    steady: u64,
    /// Once the last size is delivered, deliver more until there are so many children, and print the
    /// memory on the way
    #[arg(long, default_value_t = 40_000, value_name = "CHILDREN")]
    grow_to: usize,
}

/// How many Applications go to how many clusters.
#[derive(Clone, Copy, Debug)]
struct Size {
    applications: usize,
    clusters: usize,
}

/// The policies of an Application.
const POLICIES: usize = 2;

impl Size {
    /// The objects of policies.
    const fn children(self) -> usize {
        self.applications * self.clusters * POLICIES
    }

    /// All objects of Flux.
    const fn objects(self) -> usize {
        self.children() + self.applications
    }
}

impl FromStr for Size {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (applications, clusters) = text.split_once('x').context("a size is written as 200x20")?;
        Ok(Self { applications: applications.parse()?, clusters: clusters.parse()? })
    }
}

/// What is done besides the delivery itself.
#[derive(Clone, Copy, Debug)]
struct Afterwards {
    steady: Duration,
    grow_to: usize,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut figures = Figures::default();
    let measured = runtime.block_on(all(options, &mut figures));
    // What was measured before something failed is worth reading, too.
    figures.print();
    measured
}

async fn all(options: &Options, figures: &mut Figures) -> anyhow::Result<()> {
    let fleetgate = std::path::absolute(&options.fleetgate.fleetgate)?;
    let afterwards = Afterwards { steady: Duration::from_secs(options.steady), grow_to: options.grow_to };
    let last = options.size.len().saturating_sub(1);
    for (index, size) in options.size.iter().enumerate() {
        for round in 1..=options.rounds {
            let progress = Progress::stderr();
            progress.say(format!("{size:?}, round {round} of {}", options.rounds));
            let sandbox = Sandbox::start(SandboxOptions::new(&fleetgate, Scope::Host), &progress).await?;
            let then = (index == last && round == options.rounds).then_some(afterwards);
            let measured = measure(&sandbox, &fleetgate, *size, then, figures).await;
            sandbox.stop().await;
            measured?;
        }
    }
    Ok(())
}
