//! Traces: a span for each review and for each look at an object, sent to a collector of OpenTelemetry.
//!
//! ```text
//! review, reconcile ─▶ span ─▶ queue (full: dropped) ─▶ batch ─▶ collector, by OTLP over HTTP
//! API server ─traceparent─┘                 └── on threads of their own ──┘
//! ```
//!
//! **Invariant**: nobody waits for a collector, and nothing fails for want of one: neither a review, nor the
//! start of the program, nor its end for more than two seconds. A span tells what a line of the log does:
//! names, codes and times, never the object.
//!
//! It is in programs that are built with the feature `otel`; another one says so to whoever asks for it.

#[cfg(not(feature = "otel"))]
mod absent;
#[cfg(feature = "otel")]
mod collector;
#[cfg(feature = "otel")]
mod reviews;
// Pure, and so tested with everything else.
#[cfg(any(feature = "otel", test))]
mod settings;
#[cfg(feature = "otel")]
mod started;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tracing::Span;

#[cfg(not(feature = "otel"))]
pub(crate) use self::absent::{Traces, endpoint, layer, router, start};
#[cfg(feature = "otel")]
pub(crate) use self::reviews::router;
#[cfg(feature = "otel")]
pub(crate) use self::settings::endpoint;
#[cfg(feature = "otel")]
pub(crate) use self::started::{Traces, layer, start};

/// The target of every span that is for a collector: the log has none of them.
pub(crate) const TARGET: &str = "fleetgate::spans";

/// The target of the spans of what the API server is asked.
pub(crate) const REQUESTS: &str = "fleetgate::requests";

/// The variables by which programs are told of a collector, whatever they are. The first counts.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The value of a variable, if there is one: an empty one is as good as none.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The span of a look at an object.
pub(crate) fn look(controller: &'static str, object: &ObjectMeta) -> Span {
    tracing::info_span!(
        target: TARGET,
        "reconcile",
        otel.status_code = tracing::field::Empty,
        fleetgate.controller = controller,
        k8s.namespace.name = object.namespace,
        fleetgate.object.name = object.name,
    )
}

/// Says that what a span is of has failed.
pub(crate) fn failed(span: &Span) {
    span.record("otel.status_code", "ERROR");
}
