//! The way to a collector.
//!
//! What the SDK says of a batch that fails, it says of each; here it is said once in a while, with the cause,
//! which the SDK keeps to itself.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::uri::Scheme;
use axum::http::{Request, Response};
use hyper_rustls::{ConfigBuilderExt, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{self, SpanData};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Handle;

use super::settings::Settings;

/// How often it is said that spans are lost.
const SILENCE: Duration = Duration::from_mins(1);
/// The port on which collectors take what Fleetgate does not speak.
const GRPC: u16 = 4317;

/// A collector: takes batches, and is spoken of.
#[derive(Debug)]
pub(super) struct Collector {
    exporter: SpanExporter,
    url: String,
    /// Why no answer came, if none came.
    cause: Cause,
    told: Mutex<Told>,
}

type Cause = Arc<Mutex<Option<String>>>;

/// What was said of a collector.
#[derive(Debug, Default)]
struct Told {
    /// When it was last said that it takes nothing.
    at: Option<Instant>,
    /// Whether that is what was said last.
    is_down: bool,
    /// Spans that were lost since, and of which nothing was said.
    lost: usize,
}

impl Collector {
    /// One that is reached on `threads`.
    ///
    /// # Errors
    ///
    /// When it cannot be known whom to trust.
    pub(super) fn new(settings: &Settings, threads: Handle) -> anyhow::Result<Self> {
        let cause = Cause::default();
        let way = Way { client: client(settings)?, threads, cause: Arc::clone(&cause) };
        let url = settings.url.to_string();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(way)
            .with_endpoint(&url)
            .with_timeout(settings.timeout)
            .build()?;
        Ok(Self { exporter, url, cause, told: Mutex::default() })
    }

    /// Says what became of a batch of so many spans, unless that was said lately.
    fn tell(&self, spans: usize, failure: Option<OTelSdkError>) {
        let mut told = locked(&self.told);
        let Some(failure) = failure else {
            if std::mem::take(&mut told.is_down) {
                let lost = std::mem::take(&mut told.lost);
                tracing::info!(url = self.url, lost, "the collector takes spans again");
            }
            return;
        };
        told.lost += spans;
        let error = locked(&self.cause).take().unwrap_or_else(|| failure.to_string());
        if told.at.is_some_and(|at| at.elapsed() < SILENCE) {
            return;
        }
        (told.at, told.is_down) = (Some(Instant::now()), true);
        let lost = std::mem::take(&mut told.lost);
        tracing::warn!(url = self.url, error, lost, "the collector does not take spans: they are lost");
    }
}

impl trace::SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        self.tell(spans, exported.err());
        // It is said.
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Sends on threads of its own: the one that asks for it has no reactor.
#[derive(Debug)]
struct Way {
    client: Arc<dyn HttpClient>,
    threads: Handle,
    cause: Cause,
}

#[async_trait]
impl HttpClient for Way {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let is_grpc = request.uri().port_u16() == Some(GRPC);
        let client = Arc::clone(&self.client);
        let sent = self.threads.spawn(async move { client.send_bytes(request).await });
        let answer = sent.await?;
        *locked(&self.cause) = answer.as_ref().err().map(|error| {
            let hint = if is_grpc { "; 4317 is the port of gRPC, and that of HTTP is 4318" } else { "" };
            format!("{}{hint}", causes(&**error))
        });
        answer
    }
}

/// An error with all of its causes.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn client(settings: &Settings) -> anyhow::Result<Arc<dyn HttpClient>> {
    if settings.url.scheme() == Some(&Scheme::HTTP) {
        return Ok(Arc::new(HyperClient::with_default_connector(settings.timeout, None)));
    }
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls(settings.authorities.as_deref())?)
        .https_only()
        .enable_http1()
        .wrap_connector(connector);
    Ok(Arc::new(HyperClient::new(connector, settings.timeout, None)))
}

/// Trusts those in the file, or else all whom the system trusts.
fn tls(authorities: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let Some(file) = authorities else {
        let builder = builder.with_native_roots().context("whom the system trusts cannot be read")?;
        return Ok(builder.with_no_client_auth());
    };
    let read = || -> anyhow::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file)? {
            roots.add(certificate?)?;
        }
        anyhow::ensure!(!roots.is_empty(), "it has no certificate");
        Ok(roots)
    };
    let roots = read().with_context(|| format!("{} does not say whom to trust", file.display()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
