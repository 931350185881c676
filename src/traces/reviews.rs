//! The span of a review.
//!
//! Attributes of the request are called as Kyverno calls them, so that a query for one webhook finds the other.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use fleetgate_webhooks::review::{Account, Outcome};
use fleetgate_webhooks::router::{self, Desk, Snapshots, Unread};
use fleetgate_webhooks::{Endpoint, Kind};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::field::Empty;
use tracing::{Instrument, Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{TARGET, failed};

/// The endpoints, of which each request is a span if spans go anywhere.
pub(crate) fn router(snapshots: impl Snapshots, desk: impl Desk) -> Router {
    if tracing::span_enabled!(target: TARGET, Level::INFO) {
        router::router(snapshots, Traced(desk)).route_layer(from_fn(review))
    } else {
        router::router(snapshots, desk)
    }
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

/// A desk that says in the span of a review, too, how it went.
#[derive(Clone)]
struct Traced<D>(D);

impl<D: Desk> Desk for Traced<D> {
    type Paper = D::Paper;

    fn read(&self, body: Body, until: Instant) -> impl Future<Output = Result<Self::Paper, Unread>> + Send {
        self.0.read(body, until)
    }

    fn take<T: Send + 'static>(
        &self,
        weight: usize,
        until: Instant,
        review: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send {
        self.0.take(weight, until, review)
    }

    fn reviewed(&self, endpoint: Endpoint, account: &Account, took: Duration) {
        tell(&Span::current(), endpoint, account);
        self.0.reviewed(endpoint, account, took);
    }

    fn unread(&self, why: Unread) {
        self.0.unread(why);
    }
}

/// Says in its span what the log says of a review.
fn tell(span: &Span, endpoint: Endpoint, account: &Account) {
    let about = &account.about;
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
        failed(span);
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
