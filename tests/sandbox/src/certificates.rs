//! One certificate authority per sandbox, for servers on loopback only. Nothing here touches the network.

use std::path::Path;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use sha2::{Digest as _, Sha256};

use crate::files;

/// The names under which everything in the sandbox is reached.
const SERVED_NAMES: [&str; 3] = ["127.0.0.1", "localhost", "kubernetes.default.svc"];

/// The sandbox's own authority.
#[derive(Debug)]
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A fresh authority; its key never leaves memory.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "Fleetgate sandbox");
        let key = KeyPair::generate().context("cannot make the sandbox's certificate authority")?;
        let certificate =
            params.self_signed(&key).context("cannot make the sandbox's certificate authority")?;
        Ok(Self { pem: certificate.pem(), issuer: Issuer::new(params, key) })
    }

    /// The certificate that clients trust.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes `tls.crt` and `tls.key` of a server on loopback into a folder.
    pub(crate) fn write_serving(&self, folder: &Path) -> anyhow::Result<()> {
        let mut params = CertificateParams::new(SERVED_NAMES.map(str::to_owned))?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().context("cannot make a serving key")?;
        let certificate =
            params.signed_by(&key, &self.issuer).context("cannot sign a serving certificate")?;
        files::write(&folder.join("tls.crt"), &certificate.pem())?;
        files::write(&folder.join("tls.key"), &key.serialize_pem())
    }
}

/// Writes a key pair for service account tokens: `sa.key` and `sa.pub`.
pub(crate) fn write_token_key(folder: &Path) -> anyhow::Result<()> {
    let key = KeyPair::generate().context("cannot make a service account signing key")?;
    files::write(&folder.join("sa.key"), &key.serialize_pem())?;
    files::write(&folder.join("sa.pub"), &key.public_key_pem())
}

/// A token that cannot be guessed, drawn from the same source as a fresh key.
pub(crate) fn random_token() -> anyhow::Result<String> {
    let key = KeyPair::generate().context("cannot make a token")?;
    Ok(files::hex(&Sha256::digest(key.serialize_der())))
}
