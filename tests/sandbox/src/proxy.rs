//! A reverse proxy on loopback between a client and the API server: it counts what is asked, and
//! breaks what it is told to break.
//!
//! ```text
//! client ─HTTP─► request (verb, resource, name) ─► rules ─► API server
//!    ▲                     │ counts                  │ answer, cut, lose, hold
//!    └── gate (watches: cut, frozen) ◄───────────────┘
//! ```
//!
//! Who asks is the client's matter: its token is passed on as it is.

mod forward;
mod gate;
mod request;
mod rules;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, bail};
use kube::config::AuthInfo;
use kube::{Client, Config};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::files;
use gate::Gate;

pub use request::{Asked, Verb};
pub use rules::{Action, Rule};

/// A running proxy; it ends when dropped, with all connections that go through it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    server: String,
    folder: PathBuf,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What every connection looks at.
struct Shared {
    upstream: Client,
    state: Mutex<State>,
    /// How many requests there were: who waits for one looks at every one.
    heard: watch::Sender<u64>,
    gate: watch::Sender<Gate>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("state", &self.state).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    /// When each was asked, from the first time to the last.
    asked: BTreeMap<Asked, Vec<Instant>>,
    answered: BTreeMap<(Asked, u16), usize>,
}

impl Proxy {
    /// Listens in the runtime that this is called in.
    pub(crate) async fn start(mut upstream: Config, server: &str, home: &Path) -> anyhow::Result<Self> {
        // Nothing is added to what a client sends, nothing is tried twice, and a watch may be silent.
        upstream.auth_info = AuthInfo::default();
        upstream.default_retry = false;
        upstream.read_timeout = None;
        let upstream = Client::try_from(upstream).context("cannot make the proxy's client")?;
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("the proxy cannot listen")?;
        let address = listener.local_addr().context("the proxy has no address")?;
        let shared = Arc::new(Shared {
            upstream,
            state: Mutex::default(),
            heard: watch::Sender::default(),
            gate: watch::Sender::default(),
        });
        let task = tokio::spawn(forward::accept(listener, Arc::clone(&shared)));
        Ok(Self { address, server: server.to_owned(), folder: home.join("proxies"), shared, task })
    }

    /// The same kubeconfig file, but through this proxy.
    ///
    /// # Errors
    /// When the file cannot be read, or leads elsewhere.
    pub fn kubeconfig(&self, like: &Path) -> anyhow::Result<PathBuf> {
        let text = files::read(like)?;
        if !text.contains(&self.server) {
            bail!("{} does not lead to {}", like.display(), self.server);
        }
        let name = like.file_name().context("a kubeconfig file has a name")?.to_string_lossy();
        let path = self.folder.join(format!("{}-{name}", self.address.port()));
        files::write(&path, &text.replace(&self.server, &format!("http://{}", self.address)))?;
        Ok(path)
    }

    /// Adds a rule. The first that matches a request decides.
    pub fn add(&self, rule: Rule) {
        self.shared.state().rules.push(rule);
    }

    /// Forgets all rules.
    pub fn heal(&self) {
        self.shared.state().rules.clear();
    }

    /// Cuts all watches that are open now. New ones may begin at once.
    pub fn cut_watches(&self) {
        self.shared.gate.send_modify(|gate| gate.cuts += 1);
    }

    /// Holds back all that the watches of a resource say, for instance of `fleets`.
    pub fn freeze(&self, resource: &str) {
        self.shared.gate.send_if_modified(|gate| gate.frozen.insert(resource.to_owned()));
    }

    /// Lets the watches of a resource go on, with all that was held back.
    pub fn thaw(&self, resource: &str) {
        self.shared.gate.send_if_modified(|gate| gate.frozen.remove(resource));
    }

    /// What was asked since the beginning or the last `forget`, and how often.
    #[must_use]
    pub fn asked(&self) -> BTreeMap<Asked, usize> {
        self.shared.state().asked.iter().map(|(asked, times)| (asked.clone(), times.len())).collect()
    }

    /// How often a verb was asked of a resource, for instance `applications/status`.
    #[must_use]
    pub fn count(&self, verb: Verb, resource: &str) -> usize {
        let state = self.shared.state();
        let matching = state.asked.iter().filter(|(asked, _)| asked.is(verb, resource));
        matching.map(|(_, times)| times.len()).sum()
    }

    /// When a verb was asked of a resource, from the first time to the last.
    #[must_use]
    pub fn times(&self, verb: Verb, resource: &str) -> Vec<Instant> {
        let state = self.shared.state();
        let matching = state.asked.iter().filter(|(asked, _)| asked.is(verb, resource));
        let mut times: Vec<Instant> = matching.flat_map(|(_, times)| times).copied().collect();
        times.sort();
        times
    }

    /// How the API server answered a verb for a resource, by the answers' codes. What it never heard of
    /// is not among them, nor what the client did not wait for; an answer that was lost is.
    #[must_use]
    pub fn answers(&self, verb: Verb, resource: &str) -> BTreeMap<u16, usize> {
        let mut codes = BTreeMap::new();
        for ((asked, code), count) in &self.shared.state().answered {
            if asked.is(verb, resource) {
                *codes.entry(*code).or_default() += count;
            }
        }
        codes
    }

    /// Returns at the very request that makes it so, while that is on its way to the API server.
    pub async fn when(&self, is_so: impl Fn(&Self) -> bool) {
        // The sender lives as long as `self`.
        drop(self.shared.heard.subscribe().wait_for(|_| is_so(self)).await);
    }

    /// How many requests there were that write.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.asked().iter().filter(|(asked, _)| asked.verb.writes()).map(|(_, count)| count).sum()
    }

    /// Begins to count anew.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.asked.clear();
        state.answered.clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // It is valid at every moment, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
