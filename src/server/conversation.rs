//! One connection, from the handshake to its end.

use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::{ServiceExt, service_fn};

use super::awaited::Awaited;
use super::connections::Seat;
use super::heard::Heard;

/// The most of a head that is buffered, in bytes.
const MAX_HEAD: u16 = 16 * 1024;
/// The most headers of a request.
const MAX_HEADERS: usize = 64;
/// The most connections of HTTP/2: API servers speak HTTP/1.1 to webhooks that are Services.
const MAX_HTTP2: usize = 64;
/// The most requests at a time on one of them.
const MAX_STREAMS: u32 = 4;
/// The most of a head that is taken by HTTP/2, in bytes.
const MAX_HEAD_LIST: u32 = 4 * 1024;
/// What a request of HTTP/2 may send before any of it is read, in bytes.
const STREAM_WINDOW: u32 = 16 * 1024;
/// What all of them on one connection may, after the first 64 KiB, which the protocol gives away.
const CONNECTION_WINDOW: u32 = 32 * 1024;
/// What may wait for a client of HTTP/2 to read it, in bytes.
const MAX_UNREAD: usize = 64 * 1024;
/// Requests that a client takes back before they are looked at, and those that
/// break the protocol: with more of them the connection ends.
const MAX_RESETS: usize = 20;
/// How often a client of HTTP/2 is asked whether it is still there, and how
/// long it has to answer.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(10);

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// How connections of a listener are spoken on.
pub(super) struct Conversation {
    acceptor: Option<TlsAcceptor>,
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
    /// One for each connection of HTTP/2 that there may be.
    http2_permits: Semaphore,
    router: Router,
}

impl Conversation {
    pub(super) fn new(acceptor: Option<TlsAcceptor>, router: Router) -> Self {
        let http2_permits = Semaphore::new(MAX_HTTP2);
        // Whoever asks in plain HTTP asks once in a while, and holds no seat meanwhile.
        let http1 = http1(acceptor.is_some());
        Self { acceptor, http1, http2: http2(), http2_permits, router }
    }

    /// Speaks on one until it ends, or is let go.
    pub(super) async fn hold(self: Arc<Self>, stream: TcpStream, seat: Seat) {
        tokio::select! {
            ended = self.speak(stream, &seat) => if let Err(error) = ended {
                tracing::debug!(error, "a connection ended with an error");
            },
            () = seat.let_go() => tracing::debug!("a connection was let go"),
        }
    }

    /// Which HTTP it is was settled with the handshake: to find out from the
    /// first bytes has no time limit.
    async fn speak(&self, stream: TcpStream, seat: &Seat) -> Outcome {
        stream.set_nodelay(true)?;
        // Who has nothing to say takes no more memory than this.
        if stream.peek(&mut [0]).await? == 0 {
            return Ok(());
        }
        let Some(acceptor) = &self.acceptor else {
            settle(seat)?;
            return self.answer(&self.http1, Heard::http1(stream, Arc::clone(seat.pace())), seat).await;
        };
        seat.pace().shaking();
        let stream = acceptor.accept(stream).await?;
        settle(seat)?;
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            let _permit = self.http2_permits.try_acquire().map_err(|_| "there are enough of HTTP/2")?;
            return self.answer(&self.http2, Heard::http2(stream, Arc::clone(seat.pace())), seat).await;
        }
        self.answer(&self.http1, Heard::http1(stream, Arc::clone(seat.pace())), seat).await
    }

    async fn answer<S>(&self, http: &Builder<TokioExecutor>, stream: S, seat: &Seat) -> Outcome
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let is_http2 = !http.is_http1_available();
        let (router, connections, pace) = (self.router.clone(), seat.connections(), seat.pace().clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (under_way, arriving) = pace.ask(Instant::now());
            connections.ask();
            let request = request.map(|body| Awaited::new(body, arriving));
            let (answer, connections) = (router.clone().oneshot(request), connections.clone());
            async move {
                let mut response: Response = answer.await?;
                if !is_http2 && connections.drains() {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                drop(under_way);
                Ok::<_, Infallible>(response)
            }
        });
        let mut connection =
            pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = seat.drains(), if is_http2 => {}
            () = seat.ends() => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    }
}

fn settle(seat: &Seat) -> Outcome {
    if seat.settle() { Ok(()) } else { Err("all connections are at work".into()) }
}

fn http1(is_kept: bool) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    // Its time limit of the head is one of idleness, too: the seat knows better.
    builder.http1().header_read_timeout(None).max_buf_size(MAX_HEAD.into()).max_headers(MAX_HEADERS);
    builder.http1().keep_alive(is_kept);
    builder
}

fn http2() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEAD_LIST)
        .max_send_buf_size(MAX_UNREAD)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_RESETS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    builder
}
