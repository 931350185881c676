//! Faults on purpose: whatever ends, falls silent or refuses meanwhile, what was
//! asked for arrives, and nothing is written twice.
//!
//! They share a host and take turns there, each in a namespace of its own with a
//! controller of its own; what breaks more than that has a sandbox to itself.
//! `FLEETGATE_SEED` has what happened at random happen again, and with
//! `FLEETGATE_LONG` what is down is down for a minute, and what is not answered is waited for.

mod api_server;
mod killed;
mod later;
mod leader;
mod member;
mod record;
mod refused;
mod silent;
mod stage;
mod thousand;

use std::time::{Duration, SystemTime};

use fleetgate_sandbox::Sandbox;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::delivery::with_fluxs_crds;

/// How long anything may take that is not a fault itself.
const PATIENCE: Duration = Duration::from_mins(1);

/// The host of those that leave it whole, as long as it is one's turn.
async fn host() -> MutexGuard<'static, Sandbox> {
    static HOST: OnceCell<Mutex<Sandbox>> = OnceCell::const_new();
    HOST.get_or_init(async || Mutex::new(with_fluxs_crds().await)).await.lock().await
}

/// What all that happens at random follows from; it is printed, to be had again.
fn seed() -> u64 {
    let given = std::env::var("FLEETGATE_SEED").ok();
    let seed = given.map_or_else(now, |seed| seed.parse().expect("FLEETGATE_SEED is a number"));
    println!("FLEETGATE_SEED={seed}");
    seed
}

fn now() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().expect("a clock that is right");
    since.as_secs()
}
