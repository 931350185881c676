//! What a Service is in a cluster, for the replicas of one test: a stand-in for kube-proxy and the
//! kubelet's readiness probes, of which the sandbox has neither.
//!
//! As with those, a connection goes to one of the replicas that were ready when they were last asked,
//! stays there for as long as it is open, and is not tried elsewhere where it is refused.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often each replica is asked whether it is ready.
const PERIOD: Duration = Duration::from_millis(250);

/// How long it may take to say so.
const PATIENCE: Duration = Duration::from_secs(1);

/// What TLS says by itself, as where it ends its handshake or says goodbye, is shorter, and no request is:
/// so many bytes are owed an answer.
const REQUEST: usize = 128;

/// So often a replica speaks without having answered: it ends its part of the handshake, and hands out no tickets.
const HANDSHAKE: usize = 1;

/// A listening balancer; its connections end when it is dropped.
#[derive(Debug)]
pub struct Balancer {
    replicas: Arc<Replicas>,
    tasks: JoinSet<()>,
}

/// The replicas, by where they serve.
#[derive(Debug, Default)]
struct Replicas {
    all: Mutex<BTreeMap<SocketAddr, Replica>>,
    lost: AtomicUsize,
}

#[derive(Debug)]
struct Replica {
    /// Where it answers `/readyz`.
    health: SocketAddr,
    is_ready: bool,
    /// How many connections it was given: the next goes to whoever was given the fewest.
    given: usize,
}

impl Balancer {
    /// Listens there, with no replica behind it yet.
    ///
    /// # Errors
    /// When somebody else does.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let replicas = Arc::new(Replicas::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&replicas)));
        tasks.spawn(probe(Arc::clone(&replicas)));
        Ok(Self { replicas, tasks })
    }

    /// Has a replica that serves there, and answers `/readyz` at `health`, take part once it is ready.
    pub fn add(&self, serving: SocketAddr, health: SocketAddr) {
        let replica = Replica { health, is_ready: false, given: 0 };
        self.replicas.all().insert(serving, replica);
    }

    /// Gives a replica no connection any more, as where its node is known to be gone. Those that it was given
    /// stay open. Returns how many these were, over all of the time.
    #[must_use]
    pub fn remove(&self, serving: SocketAddr) -> usize {
        self.replicas.all().remove(&serving).map_or(0, |replica| replica.given)
    }

    /// Listens no more, and ends every connection.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    /// Whether the replica was ready when it was last asked.
    #[must_use]
    pub fn is_ready(&self, serving: SocketAddr) -> bool {
        self.replicas.all().get(&serving).is_some_and(|replica| replica.is_ready)
    }

    /// How many connections found no replica, were refused by the one that they were given to, or were ended
    /// by one that may have owed an answer: whoever asked there is not answered, whatever anybody does. Each is
    /// counted once its client has ended it, too.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.replicas.lost.load(Ordering::Acquire)
    }
}

impl Replicas {
    /// Whoever panics under the lock leaves a map behind, and not half of one.
    fn all(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Replica>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a replica whether it is ready. One that takes its time is what it was: a kubelet, too, asks
    /// more than once.
    async fn ask(&self, serving: SocketAddr, health: SocketAddr) {
        let Ok(answer) = timeout(PATIENCE, readyz(health)).await else { return };
        if let Some(replica) = self.all().get_mut(&serving) {
            replica.is_ready = answer.is_ok_and(|is_ready| is_ready);
        }
    }

    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::AcqRel);
    }

    /// The next replica's turn.
    fn next(&self) -> Option<SocketAddr> {
        let mut replicas = self.all();
        let ready = replicas.iter_mut().filter(|(_, replica)| replica.is_ready);
        let (serving, replica) = ready.min_by_key(|(_, replica)| replica.given)?;
        replica.given += 1;
        Some(*serving)
    }
}

async fn accept(listener: TcpListener, replicas: Arc<Replicas>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                let (replicas, serving) = (Arc::clone(&replicas), replicas.next());
                connections.spawn(async move {
                    let Some(serving) = serving else { return replicas.lose() };
                    if !join(client, serving).await {
                        replicas.lose();
                    }
                });
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

/// Passes on what both say until one of them ends it; returns whether the replica owed nothing then.
async fn join(client: TcpStream, serving: SocketAddr) -> bool {
    let Ok(replica) = TcpStream::connect(serving).await else { return false };
    if client.set_nodelay(true).and_then(|()| replica.set_nodelay(true)).is_err() {
        return false;
    }
    let ((mut from_client, to_client), (from_replica, to_replica)) =
        (client.into_split(), replica.into_split());
    let owed = Owed::default();
    tokio::select! {
        ended = pass(&mut from_client, to_replica, |length| owed.asked(length)) => {
            if ended == End::Source {
                return true;
            }
        }
        ended = pass(from_replica, to_client, |_| owed.answered()) => {
            if ended == End::Sink {
                return true;
            }
        }
    }
    // The client is told by now that nobody answers any more, which it may hear after it has asked once more.
    drain(from_client, |length| owed.asked(length)).await;
    owed.is_nothing()
}

/// What a replica has been asked on a connection since it last answered.
#[derive(Debug, Default)]
struct Owed {
    asked: AtomicUsize,
    spoken: AtomicUsize,
}

impl Owed {
    fn asked(&self, length: usize) {
        self.asked.fetch_add(length, Ordering::AcqRel);
    }

    fn answered(&self) {
        if self.spoken.fetch_add(1, Ordering::AcqRel) >= HANDSHAKE {
            self.asked.store(0, Ordering::Release);
        }
    }

    fn is_nothing(&self) -> bool {
        self.asked.load(Ordering::Acquire) < REQUEST
    }
}

/// Who of the two has ended a conversation.
#[derive(PartialEq, Eq)]
enum End {
    Source,
    Sink,
}

/// Returns when the source has ended, or the sink hears nothing more; the sink is told of the end by then.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: OwnedWriteHalf, note: impl Fn(usize)) -> End {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        note(length);
        let part = bytes.get(..length).unwrap_or_default();
        if to.write_all(part).await.is_err() {
            return End::Sink;
        }
    }
    End::Source
}

/// Hears all that is said until the end.
async fn drain(mut from: impl AsyncRead + Unpin, note: impl Fn(usize)) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        note(length);
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
        join_all(asked.into_iter().map(|(serving, health)| replicas.ask(serving, health))).await;
    }
}

async fn readyz(health: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(health).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: replica\r\nConnection: close\r\n\r\n").await?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await?;
    Ok(status.ends_with(b" 200"))
}
