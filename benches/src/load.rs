//! The client: requests over keep-alive TLS connections, as many as the server
//! takes (a closed loop) or at a given rate (an open loop).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// How many connections there are at once.
const CONNECTIONS: usize = 8;

/// What is sent, and where.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) path: &'static str,
    pub(crate) body: Bytes,
    pub(crate) certificate: CertificateDer<'static>,
}

/// As many requests as the server takes, for that long; how many there were.
pub(crate) async fn closed_loop(target: &Target, duration: Duration) -> anyhow::Result<u64> {
    let until = Instant::now() + duration;
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(target).await?;
        connections.spawn(async move {
            let mut sent = 0_u64;
            while Instant::now() < until {
                connection.review().await?;
                sent += 1;
            }
            anyhow::Ok(sent)
        });
    }
    // Waking a client that sleeps until it is answered costs the server's core, in a virtual machine 16 µs and thus more than a
    // floor, and is no part of a review. A floor pays nothing: it answers so fast that its client never sleeps.
    connections.spawn(async move {
        moment(until).await;
        Ok(0)
    });
    let mut sent = 0;
    while let Some(done) = connections.join_next().await {
        sent += done??;
    }
    Ok(sent)
}

/// `rate` requests a second for that long; the latency of each, from the moment
/// when it was due, in order of size.
pub(crate) async fn open_loop(
    target: &Target,
    rate: f64,
    duration: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let start = Instant::now();
    let spacing = Duration::from_secs_f64(1.0 / rate);
    let mut connections = JoinSet::new();
    for index in 0..u32::try_from(CONNECTIONS)? {
        let mut connection = Connection::open(target).await?;
        connections.spawn(async move {
            let mut latencies = Vec::new();
            let mut due = start + spacing * index;
            while due.duration_since(start) < duration {
                moment(due).await;
                connection.review().await?;
                latencies.push(due.elapsed());
                due += spacing * u32::try_from(CONNECTIONS)?;
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = connections.join_next().await {
        latencies.extend(done??);
    }
    latencies.sort_unstable();
    Ok(latencies)
}

/// Waits for that moment, awake: the runtime's timer ticks once a millisecond, so that all connections
/// would send at its ticks and wait for each other.
async fn moment(due: Instant) {
    while Instant::now() < due {
        tokio::task::yield_now().await;
    }
}

/// The latency that `share` of all stay under.
pub(crate) fn percentile(sorted: &[Duration], share: f64) -> Duration {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a list of some thousands"
    )]
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index).or(sorted.last()).copied().unwrap_or_default()
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    path: &'static str,
    body: Bytes,
}

impl Connection {
    async fn open(target: &Target) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(target.certificate.clone())?;
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(target.address).await.context("the server cannot be reached")?;
        stream.set_nodelay(true)?;
        let name = ServerName::IpAddress(target.address.ip().into());
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, path: target.path, body: target.body.clone() })
    }

    async fn review(&mut self) -> anyhow::Result<Bytes> {
        let request = Request::post(self.path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(self.body.clone()))?;
        let response = self.sender.send_request(request).await?;
        anyhow::ensure!(response.status() == StatusCode::OK, "the server answered {}", response.status());
        Ok(response.into_body().collect().await?.to_bytes())
    }
}

/// One request, and its answer.
pub(crate) async fn ask(target: &Target) -> anyhow::Result<Bytes> {
    Connection::open(target).await?.review().await
}
