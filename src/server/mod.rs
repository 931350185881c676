//! The listeners: TCP, TLS where there is a certificate, HTTP, and then a router.
//!
//! ```text
//! accept ─▶ seat (or the cheapest goes) ─▶ handshake ─▶ HTTP/1.1 or 2 ─▶ router
//!                    └── its pace: handshake, head of a request, idleness
//! ```
//!
//! **Invariant**: whatever a client does or fails to do, it holds a seat for a
//! bounded time and a bounded number of bytes.

mod connections;
mod conversation;
mod descriptors;
mod heard;
mod pace;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Router;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) use self::connections::{Connections, LetGo};
use self::conversation::Conversation;
pub(crate) use self::descriptors::affordable;

/// How long requests under way may take once connections end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long accepting rests after it failed: descriptors come back by others' doing.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// How often that is said.
const SILENCE: Duration = Duration::from_secs(10);
/// How long where a connection was let go for it.
const ROOM_REST: Duration = Duration::from_millis(1);

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

/// Listens on `address`. Who asks there waits until it is served.
///
/// # Errors
///
/// When the address cannot be bound.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// Serves `what`, which is `router`, until `stop` is done, then drains.
///
/// # Errors
///
/// When the listener has no address.
pub(crate) async fn serve(
    listener: TcpListener,
    what: &str,
    transport: Transport,
    router: Router,
    connections: Connections,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let acceptor = match transport {
        Transport::Plain => None,
        Transport::Tls(certificate) => Some(TlsAcceptor::from(certificate.0)),
    };
    tracing::info!(address = %listener.local_addr()?, "serving {what}");
    let conversation = Arc::new(Conversation::new(acceptor, router));
    tokio::select! {
        () = accept(&listener, &conversation, &connections) => {}
        () = stop => {}
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.end()).await.is_err() {
        tracing::warn!("requests were still under way after {} s", DRAIN_TIMEOUT.as_secs());
    }
    Ok(())
}

/// Takes up connections, for ever.
async fn accept(listener: &TcpListener, conversation: &Arc<Conversation>, connections: &Connections) {
    let mut said: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Some(seat) = connections.seat() {
                    tokio::spawn(Arc::clone(conversation).hold(stream, seat));
                }
            }
            // Of that client alone.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if said.is_none_or(|said| said.elapsed() >= SILENCE) {
                    tracing::warn!(%error, "no connection can be accepted; idle ones are let go");
                    said = Some(Instant::now());
                }
                let rest = if connections.make_room() { ROOM_REST } else { ACCEPT_REST };
                tokio::time::sleep(rest).await;
            }
        }
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
