//! The span of a review.
//!
//! Attributes of the request are called as Kyverno calls them, so that a query for one webhook finds the other.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use fleetgate_webhooks::review::{Account, Outcome};
use fleetgate_webhooks::{Endpoint, Kind};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::field::Empty;
use tracing::{Instrument, Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{TARGET, failed};

/// Whether spans go anywhere.
fn is_on() -> bool {
    tracing::span_enabled!(target: TARGET, Level::INFO)
}

/// Has each request be a span, if spans go anywhere.
pub(crate) fn reviewing(router: Router) -> Router {
    if is_on() { router.route_layer(from_fn(review)) } else { router }
}

/// Continues the trace of whoever asks: an API server passes on that of its own client, or begins one.
async fn review(request: Request, next: Next) -> Response {
    let span = tracing::info_span!(
        target: TARGET,
        "admission.review",
        otel.kind = "server",
        otel.status_code = Empty,
        http.response.status_code = Empty,
        admission.webhook = Empty,
        admission.request.uid = Empty,
        admission.request.kind = Empty,
        admission.request.operation = Empty,
        admission.request.namespace = Empty,
        admission.request.name = Empty,
        admission.request.dryrun = Empty,
        admission.response.allowed = Empty,
        fleetgate.verdict = Empty,
        fleetgate.codes = Empty,
    );
    let parent = TraceContextPropagator::new().extract(&Head(request.headers()));
    if parent.span().span_context().is_valid() {
        // It has not begun yet, so that it can have a parent.
        drop(span.set_parent(parent));
    }
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    if response.status().is_server_error() {
        failed(&span);
    }
    response
}

/// The head of a request, as far as a trace is continued by it.
struct Head<'a>(&'a HeaderMap);

impl Extractor for Head<'_> {
    /// What is longer than the standard has everybody pass on would wait in memory with each span.
    fn get(&self, name: &str) -> Option<&str> {
        const LONGEST: usize = 512;
        self.0.get(name)?.to_str().ok().filter(|value| value.len() <= LONGEST)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// Says in the span of this review what the log says of it.
pub(crate) fn reviewed(endpoint: Endpoint, account: &Account) {
    if !is_on() {
        return;
    }
    let (span, about) = (Span::current(), &account.about);
    tracing::record_all!(
        span,
        admission.webhook = endpoint.as_str(),
        admission.request.uid = about.uid,
        admission.request.kind = about.kind.map_or("other", Kind::as_str),
        admission.request.operation = about.operation.as_str(),
        admission.request.namespace = about.namespace,
        admission.request.name = about.name,
        admission.request.dryrun = about.dry_run,
        admission.response.allowed = account.outcome == Outcome::Allowed,
        fleetgate.verdict = account.outcome.as_str(),
        fleetgate.codes = account.codes.join(","),
    );
    // A denial is what it is there for.
    if matches!(account.outcome, Outcome::Shed | Outcome::Failed) {
        failed(&span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_continued_by_what_is_no_longer_than_it_may_be() {
        const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let long = format!("a={}", "b".repeat(600));
        let table = [
            (Some(PARENT), "a=b,c=d", true, "a=b,c=d"),
            (Some(PARENT), &long, true, ""),
            (Some("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"), "a=b", false, ""),
            (Some("nonsense"), "a=b", false, ""),
            (Some(&long), "a=b", false, ""),
            (None, "a=b", false, ""),
        ];
        for (parent, state, is_continued, expected) in table {
            let mut head = HeaderMap::new();
            if let Some(parent) = parent {
                head.insert("traceparent", parent.parse().expect("a value"));
            }
            head.insert("tracestate", state.parse().expect("a value"));
            let context = TraceContextPropagator::new().extract(&Head(&head));
            let (span, state) = (context.span(), context.span().span_context().trace_state().header());
            assert_eq!(
                (span.span_context().is_valid(), state.as_str()),
                (is_continued, expected),
                "{parent:?}"
            );
        }
    }
}
