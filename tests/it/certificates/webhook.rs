//! A webhook that a test starts, and how it is asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

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

use super::clock::Clock;
use super::made::{Made, NAME};
use super::stage::Stage;
use crate::support::{Running, free_port, logged, terminate};

/// How long anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A process of `fleetgate webhook`.
pub(crate) struct Webhook {
    pub(crate) address: SocketAddr,
    process: Running,
    log: NamedTempFile,
}

impl Webhook {
    /// The one that the API server asks, with the rights of the webhook's service account.
    pub(crate) fn asked(sandbox: &Sandbox, flags: &[&str]) -> Self {
        Self::start(sandbox, sandbox.webhook_addr(), flags, &[])
    }

    /// The same by a clock of its own.
    pub(super) fn asked_by(clock: &Clock, sandbox: &Sandbox, flags: &[&str]) -> Self {
        Self::start(sandbox, sandbox.webhook_addr(), flags, &clock.environment())
    }

    /// Another one, by a clock of its own.
    pub(super) fn beside_by(clock: &Clock, sandbox: &Sandbox, flags: &[&str]) -> Self {
        Self::start(sandbox, (Ipv4Addr::LOCALHOST, free_port()).into(), flags, &clock.environment())
    }

    /// Another one.
    pub(crate) fn beside(sandbox: &Sandbox, flags: &[&str]) -> Self {
        Self::start(sandbox, (Ipv4Addr::LOCALHOST, free_port()).into(), flags, &[])
    }

    /// The one that the API server asks, in one process with the controllers and under their account.
    pub(super) fn served(sandbox: &Sandbox) -> Self {
        let kubeconfig = sandbox.controller_kubeconfig();
        Self::run("serve", sandbox.webhook_addr(), kubeconfig, &["--no-leader-election"], &[])
    }

    fn start(sandbox: &Sandbox, address: SocketAddr, flags: &[&str], environment: &[(&str, &Path)]) -> Self {
        Self::run("webhook", address, sandbox.webhook_kubeconfig(), flags, environment)
    }

    fn run(
        command: &str,
        address: SocketAddr,
        kubeconfig: &Path,
        flags: &[&str],
        environment: &[(&str, &Path)],
    ) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_fleetgate"));
        program
            .args([command, "--bind", &address.to_string()])
            .args(flags)
            .env("KUBECONFIG", kubeconfig)
            .envs(environment.iter().copied());
        let (process, log) = Running::logging(&mut program);
        Self { address, process, log }
    }

    /// Asks it to end, as Kubernetes does; returns how it has ended.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        terminate(&mut self.process).await
    }

    /// Kills it; returns when it is gone.
    pub(crate) fn kill(&mut self) {
        self.process.0.kill().expect("it is killed");
        self.process.0.wait().expect("it is gone");
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        text(self.log.path())
    }

    /// Whether it has not ended.
    pub(crate) fn runs(&mut self) -> bool {
        self.process.0.try_wait().expect("it can be asked").is_none()
    }

    /// Waits until its log has that.
    pub(crate) async fn logs(&self, text: &str) {
        logged(self.log.path(), text, PATIENCE).await;
    }

    /// Waits until its log has that so often.
    pub(super) async fn logs_so_often(&self, text: &str, times: usize) {
        let logged = until(text, PATIENCE, async || {
            let log = self.log();
            Ok(if log.matches(text).count() >= times { Probe::Done(()) } else { Probe::NotYet(log) })
        });
        logged.await.expect("the log has it");
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.0.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Shakes hands as the API server does, trusting these authorities alone.
    pub(crate) async fn shake(&self, authorities: &str) -> anyhow::Result<TlsStream<TcpStream>> {
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
    pub(crate) async fn shows(&self, authorities: &str) -> anyhow::Result<Vec<u8>> {
        let stream = self.shake(authorities).await?;
        let chain = stream.get_ref().1.peer_certificates();
        Ok(chain.and_then(<[_]>::first).context("no certificate is shown")?.to_vec())
    }

    /// Waits until it serves what the Secret holds.
    pub(crate) async fn serves_what(&self, stage: &Stage) {
        let shown = until("what is stored to be served", PATIENCE, async || {
            let Some(stored) = stage.stored().await? else {
                return Ok(Probe::NotYet("no Secret".to_owned()));
            };
            Ok(match self.shows(&stored["ca.crt"]).await {
                Ok(shown) if shown == der(&stored["tls.crt"]) => Probe::Done(()),
                Ok(_) => Probe::NotYet("another one".to_owned()),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        });
        shown.await.expect("it is served");
    }

    /// Whether it comes to show that certificate before then.
    pub(super) async fn serves_before(&self, made: &Made, end: SystemTime) -> bool {
        let expected = der(&made.chain);
        let shown = until("the certificate to be served, or to be over", PATIENCE, async || {
            let shown = self.shows(&made.authority).await;
            Ok(match shown {
                _ if SystemTime::now() > end => Probe::Done(false),
                Ok(shown) if shown == expected => Probe::Done(true),
                Ok(_) => Probe::NotYet("another one".to_owned()),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        });
        shown.await.expect("it is served, or over")
    }

    /// Waits until it shows that certificate to who trusts these authorities.
    pub(crate) async fn serves(&self, chain: &str, authorities: &str) {
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
pub(crate) fn der(chain: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(chain.as_bytes()).expect("a certificate").to_vec()
}

/// A file of the repository, as text.
pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file")
}
