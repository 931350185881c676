//! What a Service is in a cluster, for the replicas of one test: a stand-in for kube-proxy and the
//! kubelet's readiness probes, of which the sandbox has neither.
//!
//! As with those, a connection goes to one of the replicas that were ready when they were last asked,
//! stays there for as long as it is open, and is not tried elsewhere where it is refused.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often each replica is asked whether it is ready.
const PERIOD: Duration = Duration::from_millis(250);

/// How long it may take to say so.
const PATIENCE: Duration = Duration::from_secs(1);

/// A listening balancer; its connections end when it is dropped.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    replicas: Arc<Replicas>,
    _tasks: JoinSet<()>,
}

/// The replicas, by where they serve.
#[derive(Debug, Default)]
struct Replicas(Mutex<BTreeMap<SocketAddr, Replica>>);

#[derive(Debug)]
struct Replica {
    /// Where it answers `/readyz`.
    health: SocketAddr,
    is_ready: bool,
    /// How many connections it was given: the next goes to whoever was given the fewest.
    given: usize,
    /// Those that are open.
    connections: Vec<Weak<Connection>>,
}

/// An open connection.
#[derive(Debug, Default)]
struct Connection {
    /// The client has spoken last, so that an answer is due.
    awaits_answer: AtomicBool,
}

impl Balancer {
    /// Listens on loopback, with no replica behind it yet.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, replicas) = (listener.local_addr()?, Arc::new(Replicas::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&replicas)));
        tasks.spawn(probe(Arc::clone(&replicas)));
        Ok(Self { address, replicas, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has a replica that serves there, and answers `/readyz` at `health`, take part once it is ready.
    pub fn add(&self, serving: SocketAddr, health: SocketAddr) {
        let replica = Replica { health, is_ready: false, given: 0, connections: Vec::new() };
        self.replicas.all().insert(serving, replica);
    }

    /// Gives it nothing more; what is open stays.
    pub fn remove(&self, serving: SocketAddr) {
        if let Some(replica) = self.replicas.all().get_mut(&serving) {
            replica.health = SocketAddr::from(([0, 0, 0, 0], 0));
            replica.is_ready = false;
        }
    }

    /// Whether the replica was ready when it was last asked.
    #[must_use]
    pub fn is_ready(&self, serving: SocketAddr) -> bool {
        self.replicas.all().get(&serving).is_some_and(|replica| replica.is_ready)
    }

    /// How many connections the replica has had.
    #[must_use]
    pub fn given(&self, serving: SocketAddr) -> usize {
        self.replicas.all().get(&serving).map_or(0, |replica| replica.given)
    }

    /// How many of the replica's connections await an answer at this moment.
    #[must_use]
    pub fn under_way(&self, serving: SocketAddr) -> usize {
        let replicas = self.replicas.all();
        let open = replicas.get(&serving).into_iter().flat_map(|replica| &replica.connections);
        let awaits = |connection: Arc<Connection>| connection.awaits_answer.load(Ordering::Acquire);
        open.filter_map(Weak::upgrade).filter(|connection| awaits(Arc::clone(connection))).count()
    }
}

impl Replicas {
    /// Whoever panics under the lock leaves a map behind, and not half of one.
    fn all(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Replica>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next replica's turn.
    fn next(&self) -> Option<(SocketAddr, Arc<Connection>)> {
        let mut replicas = self.all();
        let ready = replicas.iter_mut().filter(|(_, replica)| replica.is_ready);
        let (serving, replica) = ready.min_by_key(|(_, replica)| replica.given)?;
        replica.given += 1;
        replica.connections.retain(|connection| connection.strong_count() > 0);
        let connection = Arc::<Connection>::default();
        replica.connections.push(Arc::downgrade(&connection));
        Some((*serving, connection))
    }
}

async fn accept(listener: TcpListener, replicas: Arc<Replicas>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let (Ok((client, _)), Some((serving, connection))) = (accepted, replicas.next()) {
                    connections.spawn(join(client, serving, connection));
                }
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

/// Passes on what both say until one of them ends it, or its way to the other is cut.
async fn join(client: TcpStream, serving: SocketAddr, connection: Arc<Connection>) {
    let Ok(replica) = TcpStream::connect(serving).await else { return };
    if client.set_nodelay(true).and_then(|()| replica.set_nodelay(true)).is_err() {
        return;
    }
    let ((from_client, to_client), (from_replica, to_replica)) = (client.into_split(), replica.into_split());
    tokio::select! {
        () = pass(from_client, to_replica, || connection.awaits_answer.store(true, Ordering::Release)) => {}
        () = pass(from_replica, to_client, || connection.awaits_answer.store(false, Ordering::Release)) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, note: impl Fn()) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        note();
        let part = bytes.get(..length).unwrap_or_default();
        if to.write_all(part).await.is_err() {
            return;
        }
    }
}

/// Asks all of them again and again.
async fn probe(replicas: Arc<Replicas>) {
    let mut turns = interval(PERIOD);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let asked: Vec<_> =
            replicas.all().iter().map(|(serving, replica)| (*serving, replica.health)).collect();
        for (serving, health) in asked {
            let is_ready = matches!(timeout(PATIENCE, readyz(health)).await, Ok(Ok(true)));
            if let Some(replica) = replicas.all().get_mut(&serving).filter(|replica| replica.health == health)
            {
                replica.is_ready = is_ready;
            }
        }
    }
}

async fn readyz(health: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(health).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: replica\r\nConnection: close\r\n\r\n").await?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await?;
    Ok(status.ends_with(b" 200"))
}
