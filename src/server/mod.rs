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
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;

pub(crate) use self::connections::{Connections, LetGo};
use self::conversation::Conversation;
pub(crate) use self::descriptors::affordable;

/// How many may wait to be accepted, as far as the kernel allows (`net.core.somaxconn`, 4096 by itself): who finds no
/// place there tries again after a second, and that is one of the few that the API server waits.
const BACKLOG: u32 = 4096;

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
pub(crate) fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A program that starts again has not to wait for what is left of the one before.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().with_context(|| format!("cannot listen on {address}"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use std::fs;
    use tokio::net::TcpStream;

    /// More than a listener has room for unless it asks for more.
    const WAITING: usize = 1_500;
    /// Nobody accepts, so that who finds no place never finds one.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn many_wait_to_be_accepted_and_none_in_vain() {
        let allowed = fs::read_to_string("/proc/sys/net/core/somaxconn").expect("a limit of the kernel's");
        let allowed: usize = allowed.trim().parse().expect("a number");
        // Both ends are this process's.
        let waiting = affordable(usize::MAX).min(allowed).min(WAITING);
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let connect = join_all((0..waiting).map(|_| TcpStream::connect(address)));
        let connected = tokio::time::timeout(PATIENCE, connect).await.expect("there is a place for each");
        assert_eq!(connected.iter().filter(|stream| stream.is_ok()).count(), waiting);
    }
}
