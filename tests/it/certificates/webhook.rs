//! A webhook that a test starts, and how it is asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fleetgate_sandbox::Sandbox;
use fleetgate_sandbox::wait::{Probe, until};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::NamedTempFile;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::made::NAME;
use crate::support::{Running, free_port, logged};

/// How long anything is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);

/// A process of `fleetgate webhook`.
pub(super) struct Webhook {
    pub(super) address: SocketAddr,
    process: Running,
    log: NamedTempFile,
}

impl Webhook {
    /// The one that the API server asks, with the rights of the webhook's service account.
    pub(super) fn asked(sandbox: &Sandbox, flags: &[&str]) -> Self {
        Self::start(sandbox, sandbox.webhook_addr(), flags)
    }

    /// Another one.
    pub(super) fn beside(sandbox: &Sandbox, flags: &[&str]) -> Self {
        Self::start(sandbox, (Ipv4Addr::LOCALHOST, free_port()).into(), flags)
    }

    fn start(sandbox: &Sandbox, address: SocketAddr, flags: &[&str]) -> Self {
        let log = NamedTempFile::new().expect("a file");
        let process = Command::new(env!("CARGO_BIN_EXE_fleetgate"))
            .args(["webhook", "--bind", &address.to_string()])
            .args(flags)
            .env("KUBECONFIG", sandbox.webhook_kubeconfig())
            .stderr(log.reopen().expect("a file"))
            .spawn()
            .expect("a webhook runs");
        Self { address, process: Running(process), log }
    }

    /// Waits until its log has that.
    pub(super) async fn logs(&self, text: &str) {
        logged(self.log.path(), text, PATIENCE).await;
    }

    /// Waits until it has ended by itself; returns its log.
    pub(super) async fn ends(&mut self) -> (ExitStatus, String) {
        let ended = until("the webhook to end", PATIENCE, async || {
            Ok(self.process.0.try_wait()?.map_or_else(|| Probe::NotYet("running".to_owned()), Probe::Done))
        });
        (ended.await.expect("it ends"), std::fs::read_to_string(self.log.path()).expect("its log"))
    }

    /// Shakes hands as the API server does, trusting these authorities alone.
    pub(super) async fn shake(&self, authorities: &str) -> anyhow::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
            roots.add(authority?)?;
        }
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(self.address).await?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(connector.connect(ServerName::try_from(NAME)?, stream).await?)
    }

    /// The certificate that it shows to who trusts these authorities.
    pub(super) async fn shows(&self, authorities: &str) -> anyhow::Result<Vec<u8>> {
        let stream = self.shake(authorities).await?;
        let chain = stream.get_ref().1.peer_certificates();
        Ok(chain.and_then(<[_]>::first).context("no certificate is shown")?.to_vec())
    }

    /// Waits until it shows that certificate to who trusts these authorities.
    pub(super) async fn serves(&self, chain: &str, authorities: &str) {
        let expected = der(chain);
        let shown = until("the certificate to be served", PATIENCE, async || {
            Ok(match self.shows(authorities).await {
                Ok(shown) if shown == expected => Probe::Done(()),
                Ok(_) => Probe::NotYet("another one".to_owned()),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        });
        shown.await.expect("it is served");
    }
}

/// The first certificate of a chain.
pub(super) fn der(chain: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(chain.as_bytes()).expect("a certificate").to_vec()
}

/// A file of the repository, as text.
pub(super) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file")
}
