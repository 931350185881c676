//! The certificate that connections are answered with, at this moment.

use std::sync::Arc;
use std::time::SystemTime;

use k8s_openapi::jiff::Timestamp;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

use crate::certificate::Certificate;

/// The certificate that is served. It is swapped under the connections there are, which stay.
#[derive(Clone, Debug)]
pub struct Serving(watch::Receiver<Option<Certificate>>);

/// Who says what is served.
pub(crate) type Shown = watch::Sender<Option<Certificate>>;

impl Serving {
    /// What is served, which is nothing yet.
    pub(crate) fn new(certificate: Option<Certificate>) -> (Shown, Self) {
        let (shown, serving) = watch::channel(certificate);
        (shown, Self(serving))
    }

    /// How a listener speaks TLS with it: HTTP/2 and HTTP/1.1, to whoever asks.
    #[must_use]
    pub fn tls(&self) -> Arc<ServerConfig> {
        let resolver = Arc::new(self.clone());
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    /// Waits until there is a certificate that is valid.
    pub async fn ready(&self) {
        let is_valid = |certificate: &Option<Certificate>| {
            certificate.as_ref().is_some_and(|certificate| certificate.is_valid(Timestamp::now()))
        };
        if self.0.clone().wait_for(is_valid).await.is_err() {
            // Whoever kept the certificate is gone, and with it the program soon.
            std::future::pending::<()>().await;
        }
    }

    /// When the certificate expires, if there is one.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.borrow().as_ref().map(|certificate| certificate.expires.into())
    }

    /// Whether there is a certificate that is valid.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.0.borrow().as_ref().is_some_and(|certificate| certificate.is_valid(Timestamp::now()))
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.borrow().as_ref().map(|certificate| Arc::clone(&certificate.served))
    }
}
