//! The flags of what serves: where its spans go.

use axum::http::Uri;
use clap::Args;

use crate::traces;

/// Where spans go.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Traces")]
pub(crate) struct TraceOptions {
    /// A collector of OpenTelemetry that takes OTLP over HTTP, to which spans of reviews and reconciles are sent
    #[arg(
        long,
        env = "FLEETGATE_OTLP_ENDPOINT",
        value_parser = traces::endpoint,
        value_name = "URL",
        // Help is of what this program can do.
        hide = cfg!(not(feature = "otel")),
    )]
    pub(crate) otlp_endpoint: Option<Uri>,
}
