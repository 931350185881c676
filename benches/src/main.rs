//! The figures that Fleetgate promises, each as a ratio to its baseline in the
//! same run; `README.md` beside this crate says how to run them.
//!
//! **Invariant**: nothing here is a test. A benchmark prints what it measured
//! and the limit beside it, all of it, and ends with 1 where one is not met.

#![expect(clippy::indexing_slicing, reason = "into objects that the benchmark has made, or the examples")]
#![expect(clippy::print_stdout, reason = "a benchmark's output is what it is run for")]

mod admission;
mod bodies;
mod check;
mod create;
mod delivery;
mod footprint;
mod load;
mod planning;
mod report;
#[path = "../../src/reviews/mod.rs"]
mod reviews;
mod schema_check;
mod serve;
#[allow(dead_code, unused_imports, reason = "the program also counts and drains with it")]
#[path = "../../src/server/mod.rs"]
mod server;
mod server_process;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The product's own, for both sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Fleetgate against its baselines; run it from a release build
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A review's CPU time and latency, beside a server that looks at nothing
    Admission(admission::Options),
    /// `fleetgate check` on a folder, beside parsing the same files
    Check(check::Options),
    /// What admission adds to a create through a real API server
    Create(create::Options),
    /// Fleetgate's controller delivering, beside a client that only applies
    Delivery(delivery::Options),
    /// How long a webhook takes to start, and how much memory while it is idle
    Footprint(footprint::Options),
    /// Resolving and planning alone, without any I/O
    Planning(planning::Options),
    /// What is written while nothing changes and Flux looks again all the time
    Steady(delivery::steady::Options),
    /// The server of one side of `admission`, for that command's own use
    #[command(hide = true)]
    Serve(serve::Options),
}

/// The `fleetgate` binary that is measured.
#[derive(Debug, clap::Args)]
struct Fleetgate {
    /// The release build of `fleetgate`
    #[arg(long, default_value = "target/release/fleetgate", value_name = "FILE")]
    fleetgate: PathBuf,
}

fn main() -> anyhow::Result<ExitCode> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))?;
    if cfg!(debug_assertions) {
        println!("This is a debug build: its figures mean nothing. Run it with --release.");
    }
    match Cli::parse().command {
        Command::Admission(options) => admission::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Create(options) => create::run(&options),
        Command::Delivery(options) => delivery::run(&options),
        Command::Footprint(options) => footprint::run(&options),
        Command::Planning(options) => planning::run(&options),
        Command::Steady(options) => delivery::steady::run(&options),
        Command::Serve(options) => serve::run(&options),
    }?;
    Ok(report::outcome())
}
