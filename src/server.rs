//! The one listener: TCP, TLS where there is a certificate, HTTP, and then a router.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
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
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
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

/// What the listener proves itself with.
pub(crate) struct Certificate(Arc<ServerConfig>);

impl Certificate {
    /// Reads `tls.crt` and `tls.key`, as a Secret of type `kubernetes.io/tls` is mounted.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read, or they do not go together.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        tls_config(folder).map(|config| Self(Arc::new(config)))
    }
}

/// How a port is spoken to.
pub(crate) enum Transport {
    Plain,
    Tls(Certificate),
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
        Transport::Tls(certificate) => Some(TlsAcceptor::from(certificate.0)),
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

fn tls_config(folder: &Path) -> anyhow::Result<ServerConfig> {
    let certificate = folder.join("tls.crt");
    let chain = CertificateDer::pem_file_iter(&certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| unreadable(&certificate, "certificate chain"))?;
    anyhow::ensure!(!chain.is_empty(), "{} holds no certificate", certificate.display());
    let key_file = folder.join("tls.key");
    let key =
        PrivateKeyDer::from_pem_file(&key_file).with_context(|| unreadable(&key_file, "private key"))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| format!("the certificate and the key in {} do not go together", folder.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn unreadable(file: &Path, what: &str) -> String {
    format!("cannot read a PEM {what} from {}: --cert-dir must hold tls.crt and tls.key", file.display())
}
