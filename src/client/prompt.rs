//! A client that sends at once what there is to send.
//!
//! kube's own leaves Nagle's algorithm on. On a connection that resumes a TLS session the first request then waits
//! for the server's acknowledgement of the handshake, which takes 40 ms: at a start, and whenever more is asked at a
//! time than before.

use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::util::option_layer;
use tower::{BoxError, Layer, service_fn};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::traces;

/// The same as `Client::try_from`, but for that.
///
/// # Errors
///
/// When the configuration cannot be used.
pub(super) fn client(config: Config) -> kube::Result<Client> {
    if config.proxy_url.is_some() {
        // kube says that there is no way through one.
        return Client::try_from(config);
    }
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let http = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);

    let send = service_fn(move |request: Request<Body>| {
        let span = span(&request);
        let answer = http.request(request).instrument(span.clone());
        async move {
            let answer = answer.await;
            tell(&span, &answer);
            answer.map_err(BoxError::from)
        }
    });
    let send = config.extra_headers_layer()?.layer(send);
    let send = option_layer(config.auth_layer()?).layer(send);
    Ok(Client::new(config.base_uri_layer().layer(send), config.default_namespace))
}

/// The span of a request, as kube's client has it.
fn span(request: &Request<Body>) -> Span {
    tracing::debug_span!(
        target: traces::REQUESTS,
        "HTTP",
        http.method = %request.method(),
        http.url = %request.uri(),
        http.status_code = Empty,
        otel.name = request.extensions().get::<&'static str>().unwrap_or(&"HTTP"),
        otel.kind = "client",
        otel.status_code = Empty,
    )
}

fn tell(span: &Span, answer: &Result<Response<Incoming>, legacy::Error>) {
    let status = answer.as_ref().ok().map(Response::status);
    if let Some(status) = status {
        span.record("http.status_code", status.as_u16());
    }
    if status.is_none_or(|status| status.is_client_error() || status.is_server_error()) {
        traces::failed(span);
    }
}
