//! A stand-in for a collector of OpenTelemetry: it takes spans by OTLP over HTTP, and shows them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as Status;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::files::hex;
use crate::wait::{Probe, until};

/// A running collector; it ends when dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    received: Received,
    task: JoinHandle<()>,
}

type Received = Arc<Mutex<Vec<Span>>>;

/// A span, as far as a test asks for it. Ids are in hexadecimal digits, values are texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it is called.
    pub name: String,
    /// The trace that it belongs to.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// The id of the span that it is a part of; empty if it is none.
    pub parent: String,
    /// Whether it says that what it is of has failed.
    pub is_failed: bool,
    /// What it says.
    pub attributes: BTreeMap<String, String>,
    /// What is said of the program that it comes from.
    pub resource: BTreeMap<String, String>,
    /// The headers that it came with.
    pub headers: BTreeMap<String, String>,
}

impl Collector {
    /// Listens on a free port, in the runtime that this is called in.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> anyhow::Result<Self> {
        Self::at((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Listens on this address.
    ///
    /// # Errors
    /// When somebody else does.
    pub async fn at(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.context("the collector cannot listen")?;
        let address = listener.local_addr().context("the collector has no address")?;
        let received = Received::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&received));
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { address, received, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint that a program is given.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All spans that have come.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many spans have come of which that is true; returns them.
    ///
    /// # Errors
    /// After the deadline, with all that have come.
    pub async fn has(
        &self,
        count: usize,
        is_meant: impl Fn(&Span) -> bool,
        deadline: Duration,
    ) -> anyhow::Result<Vec<Span>> {
        until(&format!("{count} spans"), deadline, async || {
            let all = self.spans();
            let meant: Vec<Span> = all.iter().filter(|span| is_meant(span)).cloned().collect();
            Ok(if meant.len() >= count { Probe::Done(meant) } else { Probe::NotYet(format!("{all:#?}")) })
        })
        .await
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes a batch, as a collector does.
async fn take(State(received): State<Received>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if headers.get(header::CONTENT_TYPE).is_none_or(|is| is != "application/x-protobuf") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    let Ok(batch) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let headers: BTreeMap<String, String> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
    for of_program in batch.resource_spans {
        let resource = texts(of_program.resource.map(|resource| resource.attributes).unwrap_or_default());
        for span in of_program.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            received.push(Span {
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                is_failed: span.status.is_some_and(|status| status.code == Status::Error as i32),
                attributes: texts(span.attributes),
                resource: resource.clone(),
                headers: headers.clone(),
            });
        }
    }
    StatusCode::OK
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    attributes.into_iter().map(|KeyValue { key, value, .. }| (key, text(value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(is)) => is.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}
