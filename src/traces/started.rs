//! Traces that are on.

use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Runtime;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::collector::Collector;
use super::settings::Settings;
use super::{REQUESTS, TARGET, variable};
use crate::cli::TraceOptions;

/// How long the end of a program waits for its last spans to be sent.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Spans on their way to a collector, as long as this is not dropped.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    /// Theirs alone: no review shares a thread with them.
    threads: Option<Runtime>,
}

/// Starts them if they are asked for. What is wrong with that is said, and no reason not to start: an
/// admission webhook is there for reviews, and not for its traces.
pub(crate) fn start(options: &TraceOptions, service: &'static str) -> Option<Traces> {
    let settings = match Settings::of(options.otlp_endpoint.as_ref(), variable) {
        Ok(Some(settings)) => settings,
        Ok(None) => {
            if options.otlp_endpoint.is_some() {
                tracing::info!(
                    "there are no traces: OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER switches them off"
                );
            }
            return None;
        }
        Err(error) => {
            tracing::error!("there are no traces: {error}");
            return None;
        }
    };
    for unmet in &settings.unmet {
        tracing::warn!("{unmet}");
    }
    match Traces::new(&settings, service) {
        Ok(traces) => {
            tracing::info!(url = %settings.url, "sending spans");
            Some(traces)
        }
        Err(error) => {
            tracing::error!("there are no traces: {error:#}");
            None
        }
    }
}

impl Traces {
    fn new(settings: &Settings, service: &'static str) -> anyhow::Result<Self> {
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("traces")
            .enable_all()
            .build()
            .context("no thread can be started")?;
        let collector = Collector::new(settings, threads.handle().clone())?;
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(service))
            .with_batch_exporter(collector)
            .build();
        Ok(Self { provider, threads: Some(threads) })
    }
}

/// Whose spans they are. What the variables say goes before what is known anyway.
fn resource(service: &'static str) -> Resource {
    let said = Resource::builder().build();
    let has = |name: &'static str| {
        let value = said.get(&name.into()).map(|value| value.to_string());
        value.is_some_and(|value| !value.starts_with("unknown_service"))
    };
    let known = [("service.name", service), ("service.version", env!("CARGO_PKG_VERSION"))];
    let missing = known.into_iter().filter(|(name, _)| !has(name));
    let missing = missing.map(|(name, value)| KeyValue::new(name, value)).collect::<Vec<_>>();
    Resource::builder().with_attributes(missing).build()
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST_SPANS) {
            tracing::warn!(%error, "the last spans may not have been sent");
        }
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

/// Whether something becomes a span: ours do, and requests do below one of ours.
fn interest(metadata: &Metadata<'_>) -> Interest {
    match metadata.target() {
        TARGET if metadata.is_span() => Interest::always(),
        target if metadata.is_span() && target == REQUESTS => Interest::sometimes(),
        _ => Interest::never(),
    }
}

/// What makes spans of ours, and below them of what they ask the API server.
pub(crate) fn layer<S>(started: Option<&Traces>) -> Option<impl Layer<S> + Send + Sync + use<S>>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let tracer = started?.provider.tracer("fleetgate");
    let filter = dynamic_filter_fn(|metadata, context| match interest(metadata) {
        // By itself it is a watch, or the Lease.
        interest if interest.is_sometimes() => context.lookup_current().is_some(),
        interest => interest.is_always(),
    });
    let filter = filter.with_callsite_filter(interest).with_max_level_hint(LevelFilter::DEBUG);
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        // Nobody asks for OpenTelemetry's own idea of what is under way.
        .with_context_activation(false)
        .with_level(false)
        .with_location(false)
        .with_target(false)
        .with_threads(false)
        .with_tracked_inactivity(false);
    Some(layer.with_filter(filter))
}
