//! A program that was built without OpenTelemetry, and says so.

use axum::Router;
use axum::http::Uri;
use fleetgate_webhooks::router::{self, Desk, Snapshots};
use tracing_subscriber::layer::Identity;

use super::{ENDPOINTS, variable};
use crate::cli::TraceOptions;

/// How to get a program with it.
const WAY_OUT: &str = "this program was built without OpenTelemetry: take the image, which has it, or build it with `cargo build --release --features otel`";

/// There are none.
#[derive(Debug)]
pub(crate) enum Traces {}

/// Refuses every endpoint: whoever names one counts on traces.
///
/// # Errors
///
/// Always.
pub(crate) fn endpoint(_: &str) -> Result<Uri, &'static str> {
    Err(WAY_OUT)
}

/// Starts nothing. The standard's own variables are often set for all programs of a cluster, so that
/// they refuse nobody; but the log says that they lead nowhere.
pub(crate) fn start(_: &TraceOptions, _: &'static str) -> Option<Traces> {
    if let Some(name) = ENDPOINTS.into_iter().find(|name| variable(name).is_some()) {
        tracing::warn!("{name} is set, and there are no traces: {WAY_OUT}");
    }
    None
}

/// What makes spans: nothing, which asks for no level of detail either.
pub(crate) fn layer(_: Option<&Traces>) -> Option<Identity> {
    None
}

/// The endpoints, as they are.
pub(crate) fn router(snapshots: impl Snapshots, desk: impl Desk) -> Router {
    router::router(snapshots, desk)
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn whoever_asks_for_traces_is_told_how_to_get_them() {
        let asked = Cli::try_parse_from(["fleetgate", "webhook", "--otlp-endpoint", "http://collector:4318"]);
        let refusal = asked.expect_err("it has none").to_string();
        assert!(refusal.contains("built without OpenTelemetry: take the image"), "{refusal}");
        let help = Cli::try_parse_from(["fleetgate", "webhook", "--help"]).expect_err("a page").to_string();
        assert!(!help.contains("--otlp-endpoint"), "help is of what there is: {help}");
    }
}
