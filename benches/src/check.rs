//! `fleetgate check` on a folder of Applications, beside parsing the same files
//! with the same YAML crate.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;

use crate::report::{line, median};
use crate::server_process::pin_to;
use crate::{Fleetgate, bodies};

/// What is checked, and how often.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    fleetgate: Fleetgate,
    /// Applications in the folder, one file each
    #[arg(long, default_value_t = 10_000)]
    applications: usize,
    /// Measurements of each side, in turn; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// The folder with few Applications, whose memory is what `check` needs anyway.
const FEW: usize = 100;
/// How many times the parser's time a check may take.
const TIMES_PARSING: f64 = 2.0;
/// How much may be kept per Application, in KiB.
const KEPT_KIB: f64 = 1.0;

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let (few, many) = (tempfile::tempdir()?, tempfile::tempdir()?);
    write_applications(few.path(), FEW)?;
    let bytes = write_applications(many.path(), options.applications)?;
    // First, since the peak that is asked for is the highest of all children so far.
    let kept = kept_kib(options, few.path(), many.path())?;
    let mut ratios = Vec::new();
    let mut last = (Duration::ZERO, Duration::ZERO);
    for _ in 0..options.rounds {
        let parsing = parse(many.path())?;
        let checking = check(options, many.path())?;
        ratios.push(checking.as_secs_f64() / parsing.as_secs_f64());
        last = (checking, parsing);
    }
    let name = format!("check of {} Applications, {} KiB", options.applications, bytes / 1024);
    let ratio = median(ratios);
    let times =
        format!("{ratio:.2}x parsing (last round {} of {} ms)", last.0.as_millis(), last.1.as_millis());
    line(&name, &times, ratio, TIMES_PARSING);
    line(&format!("{name}: kept"), &format!("{kept:.2} KiB per Application at the peak"), kept, KEPT_KIB);
    Ok(())
}

/// Writes that many different Applications, and the Fleet that they name; how many bytes there are.
fn write_applications(folder: &Path, count: usize) -> anyhow::Result<usize> {
    let examples = ["application/gitrepo-kustomization-demo.yaml", "rollout/canary-nginx.yaml"];
    let examples: Vec<Value> =
        examples.iter().map(|file| bodies::application(file)).collect::<anyhow::Result<_>>()?;
    let mut bytes = 0;
    for index in 0..count {
        let application =
            bodies::numbered(examples.get(index % examples.len()).context("no example")?, index);
        let text = serde_saphyr::to_string(&application)?;
        bytes += text.len();
        fs::write(folder.join(format!("app-{index}.yaml")), text)?;
    }
    let (clusters, fleet) = bodies::fleet(1);
    for (index, object) in clusters.iter().chain([&fleet]).enumerate() {
        fs::write(folder.join(format!("fleet-{index}.yaml")), serde_saphyr::to_string(object)?)?;
    }
    Ok(bytes)
}

/// Reads and parses every file, on one thread.
fn parse(folder: &Path) -> anyhow::Result<Duration> {
    let start = Instant::now();
    for entry in fs::read_dir(folder)? {
        let text = fs::read_to_string(entry?.path())?;
        let value: Value = serde_saphyr::from_str(&text)?;
        anyhow::ensure!(value.is_object(), "no object");
    }
    Ok(start.elapsed())
}

fn check(options: &Options, folder: &Path) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let output = Command::new(&options.fleetgate.fleetgate)
        // A finding takes time and memory that are none of the figures.
        .args(["check", "--warnings-as-errors"])
        .arg(folder)
        .stdout(Stdio::piped())
        .output()
        .with_context(|| format!("cannot run {}", options.fleetgate.fleetgate.display()))?;
    let elapsed = start.elapsed();
    anyhow::ensure!(
        output.status.success(),
        "check has findings: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(elapsed)
}

/// How much more memory a check of `many` has at its peak than one of `few`, for
/// each Application more. On one core: on several, how the workers' own memory
/// overlaps and what is left free between them is different each time, by some MiB.
fn kept_kib(options: &Options, few: &Path, many: &Path) -> anyhow::Result<f64> {
    let peak = |folder: &Path| {
        for _ in 0..options.rounds {
            check(options, folder)?;
        }
        peak_kib()
    };
    let on_one_core = || {
        pin_to(0)?;
        let with_few = peak(few)?;
        anyhow::Ok(peak(many)? - with_few)
    };
    let more = thread::scope(|scope| scope.spawn(on_one_core).join());
    let more = more.map_err(|_| anyhow::anyhow!("the thread on one core has panicked"))??;
    #[expect(clippy::cast_precision_loss, reason = "some thousand KiB")]
    let kept = more as f64 / (options.applications - FEW) as f64;
    Ok(kept)
}

/// The most memory that a child of this process has had, in KiB.
fn peak_kib() -> anyhow::Result<i64> {
    Ok(getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss())
}
