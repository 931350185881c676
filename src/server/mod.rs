//! The listeners: TCP, TLS where there is a certificate, HTTP, and then a router.
//!
//! ```text
//! accept ─▶ seat of a newcomer ─▶ handshake ─▶ seat ─▶ HTTP/1.1 or 2 ─▶ router
//!                    └── its pace: handshake, head of a request, its body, idleness
//! ```
//!
//! **Invariant**: whatever a client does or fails to do, it holds a seat for a
//! bounded time and a bounded number of bytes.

mod awaited;
mod connections;
mod conversation;
mod descriptors;
mod heard;
mod pace;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Router;
use rustls::ServerConfig;
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

/// How a port is spoken to.
pub(crate) enum Transport {
    Plain,
    Tls(Arc<ServerConfig>),
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
        Transport::Tls(config) => Some(TlsAcceptor::from(config)),
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
                tokio::spawn(Arc::clone(conversation).hold(stream, connections.seat()));
                // Whoever has come is looked at before the next one takes the place.
                tokio::task::yield_now().await;
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
