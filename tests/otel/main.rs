//! Traces: what a collector of OpenTelemetry is sent of reviews that a real API server asks for, and
//! what becomes of them without one.
//!
//! A binary of its own, as it is of a program that is built with the feature `otel`:
//! `cargo test --workspace --features fleetgate/otel --test otel`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what it expects"
)]

mod program;
mod reconciles;
mod reviews;
mod settings;
#[path = "../it/support.rs"]
#[allow(dead_code, reason = "other tests have other needs")]
mod support;
mod tls;
mod trouble;
