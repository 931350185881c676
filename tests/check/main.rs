//! `fleetgate check` as a user and a pipeline meet it: what is printed, and
//! the exit code.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what it expects"
)]

mod catalog;
mod duplicates;
mod formats;
mod inputs;
mod kubectl;
mod lines;
mod pipelines;
mod secrets;
mod stdin;
mod support;
mod tenancy;
mod verdicts;
