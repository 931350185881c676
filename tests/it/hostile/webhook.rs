//! A webhook that a test starts, and may harm.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fleetgate_sandbox::Sandbox;
use fleetgate_sandbox::wait::{Probe, until};
use futures::future::join_all;
use kube::{Client, Config};
use rustls::pki_types::{IpAddr, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Mutex, MutexGuard};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::request::{UNTOLD, head, review, send_on};
use crate::support::{Running, free_port};

/// The most memory that it may ever have had beside its own code, in KiB. It may have
/// 100 MiB with it, of which a release build takes fewer than 26; a debug build takes 60.
const MOST_MEMORY: u64 = 74 * 1024;
/// How long the next good request may take.
pub(crate) const SOON: Duration = Duration::from_secs(1);
/// How many of them are asked until one takes no longer: a busy machine may hold up one, and not each.
const ATTEMPTS: usize = 5;
/// How long any answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Those who harm take turns: what one does to the machine is not to count against another.
static TURN: Mutex<()> = Mutex::const_new(());

/// How it is started.
#[derive(Default)]
pub(crate) struct Start<'a> {
    pub(crate) flags: &'a [&'a str],
    /// How many descriptors it may have, if fewer than usual.
    pub(crate) descriptors: Option<u32>,
    /// Where its log goes, if not where it can be read.
    pub(crate) log: Option<Stdio>,
    /// How it reaches the API server, if not directly.
    pub(crate) kubeconfig: Option<&'a Path>,
}

/// A webhook, and a client that trusts it.
pub(crate) struct Webhook {
    pub(crate) process: Running,
    pub(crate) address: SocketAddr,
    /// Where it says how it is.
    pub(crate) health_address: SocketAddr,
    log: NamedTempFile,
    tls: TlsConnector,
    roots: RootCertStore,
    health: Client,
    /// The most memory that its own code was seen to have, in KiB.
    code: AtomicU64,
    _certificate: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Webhook {
    /// Starts one that watches the sandbox's host; returns once it has answered a review.
    pub(crate) async fn start(sandbox: &Sandbox, start: Start<'_>) -> Self {
        let turn = TURN.lock().await;
        let certificate =
            rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("tls.crt"), certificate.cert.pem()).expect("a file");
        fs::write(folder.path().join("tls.key"), certificate.signing_key.serialize_pem()).expect("a file");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let health_address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let limit = start.descriptors.map_or(String::new(), |most| format!("ulimit -n {most}; "));
        let mut program = Command::new("sh");
        program
            .args(["-c", &format!("{limit}exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_fleetgate"), "webhook"])
            .args([
                "--bind",
                &address.to_string(),
                "--metrics-bind",
                &health_address.to_string(),
                "--cert-dir",
            ])
            .arg(folder.path())
            .args(start.flags)
            // As in the image.
            .env("MIMALLOC_PURGE_DELAY", "10")
            .env("KUBECONFIG", start.kubeconfig.unwrap_or(sandbox.webhook_kubeconfig()));
        let (process, log) = match start.log {
            None => Running::logging(&mut program),
            Some(unread) => {
                let process = program.stderr(unread).spawn().expect("a webhook runs");
                (Running(process), NamedTempFile::new().expect("a file"))
            }
        };
        let mut roots = RootCertStore::empty();
        roots.add(certificate.cert.der().clone()).expect("a root");
        let mut config = ClientConfig::builder().with_root_certificates(roots.clone()).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut health = Config::new(format!("http://{health_address}").parse().expect("a URL"));
        // That it is not ready is an answer.
        health.default_retry = false;
        let webhook = Self {
            process,
            address,
            health_address,
            log,
            tls: TlsConnector::from(Arc::new(config)),
            roots,
            health: Client::try_from(health).expect("a client"),
            code: AtomicU64::new(0),
            _certificate: folder,
            _turn: turn,
        };
        let answered = until("the webhook to be ready", Duration::from_secs(30), async || {
            Ok(match webhook.health("/readyz").await {
                Ok(_) => Probe::Done(()),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        });
        answered.await.expect("it becomes ready");
        // The first review of a process compiles the schemas.
        webhook.ask("/validate", review("warm-up").to_string().as_bytes()).await.expect("an answer");
        println!("after the first review: at most {} MiB so far", webhook.peak() / 1024);
        webhook
    }

    /// What it answers on the port of its health.
    pub(crate) async fn health(&self, path: &str) -> anyhow::Result<String> {
        Ok(self.health.request_text(http::Request::get(path).body(Vec::new())?).await?)
    }

    /// The value of one of its numbers.
    pub(crate) async fn number<T: FromStr>(&self, name: &str) -> T {
        let text = self.health("/metrics").await.expect("its numbers");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        line.unwrap_or_else(|| panic!("{name} is not among its numbers:\n{text}"))
    }

    /// A connection over TLS, on which HTTP/1.1 is spoken.
    pub(crate) async fn connect(&self) -> std::io::Result<TlsStream<TcpStream>> {
        self.shake(&self.tls).await
    }

    /// A connection over that version of TLS, on which that protocol is spoken.
    pub(crate) async fn connect_by(
        &self,
        version: &'static SupportedProtocolVersion,
        protocol: &[u8],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let config = ClientConfig::builder_with_protocol_versions(&[version]);
        let mut config = config.with_root_certificates(self.roots.clone()).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        self.shake(&TlsConnector::from(Arc::new(config))).await
    }

    async fn shake(&self, tls: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        tls.connect(self.name(), stream).await
    }

    /// A connection that takes in only so much of what it is sent until that is read.
    pub(crate) async fn connect_narrowly(&self, bytes: u32) -> std::io::Result<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(bytes)?;
        self.tls.connect(self.name(), socket.connect(self.address).await?).await
    }

    fn name(&self) -> ServerName<'static> {
        ServerName::IpAddress(IpAddr::from(self.address.ip()))
    }

    /// Posts a body on a connection of its own; returns the status and the body of the answer.
    pub(crate) async fn ask(&self, path: &str, body: &[u8]) -> std::io::Result<(u16, String)> {
        self.send(head(path, body.len()).as_bytes(), body).await
    }

    /// Sends a head and a body on a connection of its own; returns the status and the body of the answer.
    pub(crate) async fn send(&self, head: &[u8], body: &[u8]) -> std::io::Result<(u16, String)> {
        send_on(self.connect().await?, head, body).await
    }

    /// Posts the body so often at once, on as many connections; returns the answers of those that came about, as on a
    /// busy machine not all of so many do. Each is a task of its own: what they take is not to count against others.
    pub(crate) async fn ask_at_once(
        self: &Arc<Self>,
        path: &'static str,
        body: Vec<u8>,
        count: usize,
    ) -> Vec<std::io::Result<(u16, String)>> {
        let body = Arc::new(body);
        let asked = (0..count).map(|_| {
            let (webhook, body) = (Arc::clone(self), Arc::clone(&body));
            tokio::spawn(async move {
                let stream = webhook.connect().await.ok()?;
                Some(send_on(stream, head(path, body.len()).as_bytes(), &body).await)
            })
        });
        let answers = join_all(asked).await.into_iter().filter_map(|asked| asked.expect("it ends"));
        answers.collect()
    }

    /// The next good request is served soon, and memory is and was bounded.
    pub(crate) async fn is_well(&self, after: &str) {
        self.is_well_at(after, 0).await;
    }

    /// The same of one that is longer by so many bytes.
    pub(crate) async fn is_well_at(&self, after: &str, longer: usize) {
        let mut body = review(after);
        body["request"]["object"]["metadata"]["annotations"] =
            json!({"a": UNTOLD.to_owned() + &"x".repeat(longer)});
        self.is_well_with(after, &body).await;
    }

    /// The same of this one, which is good.
    pub(crate) async fn is_well_with(&self, after: &str, body: &Value) {
        let body = body.to_string();
        let mut took: Vec<Duration> = Vec::new();
        while took.last().is_none_or(|last| *last >= SOON) {
            assert!(took.len() < ATTEMPTS, "after {after}: each takes too long: {took:?}\n{}", self.log());
            took.push(self.admits(after, body.as_bytes()).await);
        }
        assert!(!self.log().contains(UNTOLD), "after {after}: the log tells of objects");
        let peak = self.peak();
        println!("after {after}: answered in {took:?}, at most {} MiB so far", peak / 1024);
        assert!(peak < MOST_MEMORY, "after {after}: {peak} KiB");
    }

    /// Expects that it admits that; returns how long it took.
    async fn admits(&self, after: &str, body: &[u8]) -> Duration {
        let start = Instant::now();
        let asked = tokio::time::timeout(PATIENCE, self.ask("/validate", body)).await;
        let (status, text) = asked
            .unwrap_or_else(|_| panic!("after {after}: no answer\n{}", self.log()))
            .unwrap_or_else(|error| panic!("after {after}: {error}\n{}", self.log()));
        let took = start.elapsed();
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((status, &answer["response"]["allowed"]), (200, &json!(true)), "after {after}: {text}");
        took
    }

    /// The most memory that it ever had beside its own code, in KiB. Pages of the code may be taken back after that.
    fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.0.id())).expect("a status");
        let size = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a size");
            line.trim().trim_end_matches(" kB").parse().expect("a number")
        };
        let code = size("RssFile:");
        let code = self.code.fetch_max(code, Ordering::Relaxed).max(code);
        size("VmHWM:").saturating_sub(code)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log.path()).expect("its log")
    }
}
