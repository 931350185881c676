//! The certificate that connections are answered with, at this moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

use crate::certificate::Certificate;

/// The certificate that is served. It is swapped under the connections there are, which stay.
#[derive(Clone, Debug)]
pub struct Serving {
    certificate: watch::Receiver<Option<Certificate>>,
    is_ready: watch::Receiver<bool>,
    injections: Arc<AtomicU64>,
}

/// Why nobody can be answered with the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// There is none yet.
    Certificate,
    /// It has expired.
    Validity,
    /// The webhook configurations do not trust it yet.
    Trust,
}

/// Who says what is served, and whether it is worth asking.
#[derive(Debug)]
pub(crate) struct Shown {
    certificate: watch::Sender<Option<Certificate>>,
    is_ready: watch::Sender<bool>,
    injections: Arc<AtomicU64>,
}

impl Serving {
    /// What is served, which is nothing yet.
    pub(crate) fn new() -> (Shown, Self) {
        let (certificate, served) = watch::channel(None);
        let (ready, is_ready) = watch::channel(false);
        let injections = Arc::<AtomicU64>::default();
        let shown = Shown { certificate, is_ready: ready, injections: Arc::clone(&injections) };
        (shown, Self { certificate: served, is_ready, injections })
    }

    /// How a listener speaks TLS with it: HTTP/2 and HTTP/1.1, to whoever asks. No session outlives its
    /// connection: who comes back is shown what is served by then.
    #[must_use]
    pub fn tls(&self) -> Arc<ServerConfig> {
        let resolver = Arc::new(self.clone());
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // API servers do not resume, and who did would go on with a certificate that is served no more.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Arc::new(config)
    }

    /// Waits until there is a certificate that an API server would accept.
    pub async fn ready(&self) {
        if self.is_ready.clone().wait_for(|is_ready| *is_ready).await.is_err() {
            // Whoever kept the certificate is gone, and with it the program soon.
            std::future::pending::<()>().await;
        }
    }

    /// Whether there is a certificate that an API server would accept: one that was trusted once, and has not
    /// expired since.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.is_ready.borrow()
    }

    /// Why it is not worth asking, if it is not.
    #[must_use]
    pub fn lacks(&self) -> Option<Lack> {
        if self.is_ready() {
            return None;
        }
        Some(match self.expires_at() {
            None => Lack::Certificate,
            Some(expires) if expires <= SystemTime::now() => Lack::Validity,
            Some(_) => Lack::Trust,
        })
    }

    /// When the certificate expires, if there is one.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.certificate.borrow().as_ref().map(|certificate| certificate.expires.into())
    }

    /// How often a webhook configuration was told whom to trust.
    #[must_use]
    pub fn injections(&self) -> u64 {
        self.injections.load(Ordering::Relaxed)
    }
}

impl Shown {
    /// Has it served from now on.
    pub(crate) fn serve(&self, certificate: Certificate) {
        self.certificate.send_replace(Some(certificate));
    }

    /// What is served.
    pub(crate) fn served(&self) -> watch::Ref<'_, Option<Certificate>> {
        self.certificate.borrow()
    }

    /// Notes that a webhook configuration was told whom to trust.
    pub(crate) fn injected(&self) {
        self.injections.fetch_add(1, Ordering::Relaxed);
    }

    /// Says whether it is worth asking.
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.is_ready.send_if_modified(|before| std::mem::replace(before, is_ready) != is_ready);
    }

    /// Whether it is.
    pub(crate) fn is_ready(&self) -> bool {
        *self.is_ready.borrow()
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certificate.borrow().as_ref().map(|certificate| Arc::clone(&certificate.served))
    }
}
