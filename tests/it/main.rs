//! What needs a real API server: admission through it, delivery by real Flux.
//!
//! The sandbox is started once per scope, on first use: tests of admission wait
//! for a control plane only. Tests share it, each in a namespace of its own.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects"
)]

mod admission;
mod api_types;
mod cases;
mod certificates;
mod check;
mod delivery;
mod explain;
mod faults;
mod generated;
mod hostile;
mod installed;
mod leader;
mod load;
mod outage;
mod replica;
mod schemas;
mod serve;
mod support;
mod tenancy;
