//! The one listener: TCP, TLS where there is a certificate, HTTP, and then a router.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A client that has not shaken hands by then is let go.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A request's headers have to be there by then.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long requests under way may take once the program is asked to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long accepting rests after it failed: descriptors come back by others' doing.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// How a port is spoken to.
pub(crate) enum Transport {
    Plain,
    Tls(Arc<ServerConfig>),
}

/// Serves `what`, which is `router`, on `address` until `stop` is done, then drains.
///
/// # Errors
///
/// When the address cannot be bound.
pub(crate) async fn serve(
    address: SocketAddr,
    what: &str,
    transport: Transport,
    router: Router,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let acceptor = match transport {
        Transport::Plain => None,
        Transport::Tls(config) => Some(TlsAcceptor::from(config)),
    };
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving {what}");
    let mut http = Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    http.http2().timer(TokioTimer::new());
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_REST).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let (acceptor, router, watcher) = (acceptor.clone(), router.clone(), graceful.watcher());
        tokio::spawn(converse(stream, acceptor, http.clone(), router, watcher));
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way after {} s", DRAIN_TIMEOUT.as_secs());
    }
    Ok(())
}

/// One connection, to its end.
async fn converse(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    http: Builder<TokioExecutor>,
    router: Router,
    watcher: Watcher,
) {
    match acceptor {
        None => answer(stream, http, router, watcher).await,
        Some(acceptor) => match handshake(&acceptor, stream).await {
            Ok(stream) => answer(stream, http, router, watcher).await,
            Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
        },
    }
}

async fn answer<S>(stream: S, http: Builder<TokioExecutor>, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = TowerToHyperService::new(router);
    let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection.into_owned()).await {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

async fn handshake(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(shaken) => shaken,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long")),
    }
}
