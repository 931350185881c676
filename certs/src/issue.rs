//! Makes a certificate, and an authority that signs it and nothing else.

use k8s_openapi::jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::OffsetDateTime;

use crate::certificate::Fault;

/// Certificates are valid since the beginning of 2000: one that is made while this machine's clock is
/// ahead is no certificate of the future to an API server whose clock is right.
const NOT_BEFORE: i64 = 946_684_800;

/// A serving certificate with its key, and the authority that signed it; all in PEM. The authority's
/// own key is gone: nobody can have it sign another.
pub(crate) struct Issued {
    pub(crate) authority: String,
    pub(crate) chain: String,
    pub(crate) key: String,
}

/// Makes a certificate for these names, which is valid until then.
///
/// # Errors
///
/// When a name is none, or the date none that a certificate can have.
pub(crate) fn issue(names: &[String], until: Timestamp) -> Result<Issued, Fault> {
    let authority_key = KeyPair::generate()?;
    let mut authority = params(Vec::new(), until)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let name = format!("Fleetgate webhook authority {}", short(&authority.key_identifier(&authority_key)));
    authority.distinguished_name.push(DnType::CommonName, name);
    let authority_pem = authority.self_signed(&authority_key)?.pem();

    let key = KeyPair::generate()?;
    let mut serving = params(names.to_vec(), until)?;
    serving.distinguished_name.push(DnType::CommonName, "Fleetgate webhook");
    serving.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    serving.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    serving.use_authority_key_identifier_extension = true;
    let chain = serving.signed_by(&key, &Issuer::new(authority, authority_key))?.pem();
    Ok(Issued { authority: authority_pem, chain, key: key.serialize_pem() })
}

fn params(names: Vec<String>, until: Timestamp) -> Result<CertificateParams, Fault> {
    let date = |seconds| OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| Fault::Date);
    let mut params = CertificateParams::new(names)?;
    params.not_before = date(NOT_BEFORE)?;
    params.not_after = date(until.as_second())?;
    Ok(params)
}

/// Enough of a key's identifier to tell authorities apart.
fn short(identifier: &[u8]) -> String {
    identifier.first_chunk().map(|bytes| format!("{:016x}", u64::from_be_bytes(*bytes))).unwrap_or_default()
}
