//! The listener of `fleetgate webhook`: TCP, TLS, HTTP, and then the router.

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
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
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
pub(crate) struct Certificate(ServerConfig);

impl Certificate {
    /// Reads `tls.crt` and `tls.key`, as a Secret of type `kubernetes.io/tls` is mounted.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read, or they do not go together.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        tls_config(folder).map(Self)
    }
}

/// Serves `router` on `address` until `stop` is done, then drains.
///
/// # Errors
///
/// When the address cannot be bound.
pub(crate) async fn serve(
    address: SocketAddr,
    certificate: Certificate,
    router: Router,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let acceptor = TlsAcceptor::from(Arc::new(certificate.0));
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving admission reviews");
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
        let (acceptor, http, router, watcher) =
            (acceptor.clone(), http.clone(), router.clone(), graceful.watcher());
        tokio::spawn(async move {
            let stream = match handshake(&acceptor, stream).await {
                Ok(stream) => stream,
                Err(error) => return tracing::debug!(%error, "a TLS handshake failed"),
            };
            let connection =
                http.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(router));
            if let Err(error) = watcher.watch(connection.into_owned()).await {
                tracing::debug!(%error, "a connection ended with an error");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way after {} s", DRAIN_TIMEOUT.as_secs());
    }
    Ok(())
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
