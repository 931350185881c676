//! A client that sends at once what there is to send, and waits for nobody for ever.
//!
//! kube's own leaves Nagle's algorithm on. On a connection that resumes a TLS session the first request then waits
//! for the server's acknowledgement of the handshake, which takes 40 ms: at a start, and whenever more is asked at a
//! time than before. It waits for answers without a limit, and does not look whether the other side is still there.
//! Both speak HTTP/1.1 alone: each watch, and each request that is under way, has a connection to itself.

use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::retry::RetryLayer;
use tower::util::option_layer;
use tower::{BoxError, Layer, service_fn};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::answers;
use super::limits::{Asked, Limits, connector};
use crate::traces;

/// The same as `Client::try_from`, but for that. What the configuration itself says of silence counts.
///
/// # Errors
///
/// When the configuration cannot be used.
pub(super) fn client(config: Config, limits: Limits) -> kube::Result<Client> {
    if config.proxy_url.is_some() {
        // kube says that there is no way through one.
        return Client::try_from(config);
    }
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(connector())?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(Some(config.read_timeout.unwrap_or(limits.silence)));
    connector.set_write_timeout(config.write_timeout);
    // Else how long a connection was idle before would count, too.
    connector.set_reset_reader_on_write(true);
    let http = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);

    let send = service_fn(move |request: Request<Body>| {
        let (span, asked) = (span(&request), Asked::from(&request));
        let answer = http.request(request).instrument(span.clone());
        async move {
            let answer = limits.answered(asked, answer).await;
            tell(&span, &answer);
            answer.map(|answer| answer.map(answers::readable))
        }
    });
    let send = config.extra_headers_layer()?.layer(send);
    let send = option_layer(config.auth_layer()?).layer(send);
    let again = config.default_retry.then(|| RetryLayer::new(RetryPolicy::server_retry()));
    let send = option_layer(again).layer(send);
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

fn tell(span: &Span, answer: &Result<Response<Incoming>, BoxError>) {
    let status = answer.as_ref().ok().map(Response::status);
    if let Some(status) = status {
        span.record("http.status_code", status.as_u16());
    }
    if status.is_none_or(|status| status.is_client_error() || status.is_server_error()) {
        traces::failed(span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;
    use std::time::Duration;

    use futures::StreamExt as _;
    use k8s_openapi::api::core::v1::Namespace;
    use kube::Api;
    use kube::api::{ListParams, WatchEvent, WatchParams};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;

    const SHORT: Duration = Duration::from_millis(200);
    const LONG: Duration = Duration::from_secs(30);
    const LIST: &str = r#"{"apiVersion": "v1", "kind": "NamespaceList", "metadata": {}, "items": []}"#;
    const EVENT: &str = r#"{"type": "ADDED", "object": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}}"#;

    /// An API server that takes one request on each connection, says these things, resting for a second where one is empty, and
    /// then nothing more.
    async fn server<const N: usize>(said: [Vec<String>; N]) -> (Config, JoinHandle<Vec<TcpStream>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("it listens");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move {
            let mut open = Vec::new();
            for parts in said {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.expect("a request"));
                }
                for part in parts {
                    if part.is_empty() {
                        // The time that passes is what this is about.
                        tokio::time::sleep(SHORT * 5).await;
                    }
                    stream.write_all(part.as_bytes()).await.expect("it is sent");
                }
                open.push(stream);
            }
            open
        });
        (Config::new(format!("http://{address}").parse().expect("a URL")), serving)
    }

    fn head(length: usize) -> String {
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n")
    }

    fn namespaces(config: Config, limits: Limits) -> Api<Namespace> {
        Api::all(client(config, limits).expect("a client"))
    }

    /// The innermost cause.
    fn cause(error: &kube::Error) -> String {
        let mut cause: &dyn Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        cause.to_string()
    }

    #[tokio::test]
    async fn who_is_not_answered_asks_again_on_another_connection() {
        let (config, serving) = server([vec![], vec![head(LIST.len()) + LIST]]).await;
        let slow = Limits { answer: SHORT * 4, silence: LONG };
        let namespaces = namespaces(config, slow);
        let error = namespaces.list(&ListParams::default()).await.expect_err("nobody answers");
        assert_eq!(cause(&error), "GET /api/v1/namespaces was not answered within 800ms");
        namespaces.list(&ListParams::default()).await.expect("the other one answers");
        serving.await.expect("it serves");
    }

    /// An answer that stops in its middle, and none, as for a Lease: the configuration's own limit counts.
    #[tokio::test]
    async fn who_says_no_more_is_given_up() {
        let half = vec![head(LIST.len()) + &LIST[..9]];
        let patient = Limits { answer: LONG, silence: LONG };
        let brief = Limits { silence: SHORT * 4, ..patient };
        for (said, limits, own) in [(half, brief, None), (vec![], patient, Some(SHORT))] {
            let (mut config, serving) = server([said]).await;
            config.read_timeout = own;
            let listed = namespaces(config, limits).list(&ListParams::default()).await;
            let error = listed.expect_err("no list");
            assert_eq!(cause(&error), "timed out", "{error:?}");
            serving.await.expect("it serves");
        }
    }

    #[tokio::test]
    async fn a_watch_may_tell_something_long_after_it_was_opened() {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n".to_owned();
        let (config, serving) = server([vec![head, String::new(), format!("{EVENT}\n")]]).await;
        let limits = Limits { answer: SHORT * 4, silence: LONG };
        let namespaces = namespaces(config, limits);
        let events = namespaces.watch(&WatchParams::default(), "0").await.expect("it is opened");
        let event = Box::pin(events).next().await;
        assert!(matches!(event, Some(Ok(WatchEvent::Added(_)))), "{event:?}");
        serving.await.expect("it serves");
    }
}
