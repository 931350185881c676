//! A certificate with its key, as it is served.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// What is wrong with a certificate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Part of it is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The chain is none.
    #[error("{0} holds no PEM certificate chain")]
    Chain(&'static str),
    /// The key is none.
    #[error("{0} holds no PEM private key")]
    Key(&'static str),
    /// One is not the other's.
    #[error("the certificate and the key do not go together")]
    Pair,
    /// An API server that trusts the bundle would not accept it.
    #[error("the certificate in {0} is of no authority in ca.crt")]
    Untrusted(&'static str),
    /// No certificate can be valid until then.
    #[error("no certificate can be valid until then")]
    Date,
    /// It could not be made.
    #[error("a certificate cannot be made: {0}")]
    Issue(#[from] rcgen::Error),
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Certificate {
    /// Both as they were read.
    pub(crate) chain: String,
    pub(crate) key: String,
    /// The first moment at which it is not valid any more.
    pub(crate) expires: Timestamp,
    /// The DNS names that it is for.
    pub(crate) names: Vec<String>,
    /// Both as rustls serves them.
    pub(crate) served: Arc<CertifiedKey>,
}

impl Certificate {
    /// Reads a chain and a key, which have to go together.
    ///
    /// # Errors
    ///
    /// When one of them is none, or not the other's; named as `chain_at` and `key_at` say.
    pub(crate) fn read(
        chain: &[u8],
        chain_at: &'static str,
        key: &[u8],
        key_at: &'static str,
    ) -> Result<Self, Fault> {
        let certificates = certificates(chain).ok_or(Fault::Chain(chain_at))?;
        let (expires, names) = validity(&certificates).ok_or(Fault::Chain(chain_at))?;
        let private = PrivateKeyDer::from_pem_slice(key).map_err(|_| Fault::Key(key_at))?;
        let provider = aws_lc_rs::default_provider();
        let served =
            CertifiedKey::from_der(certificates, private, &provider).map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => Fault::Pair,
                _ => Fault::Key(key_at),
            })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Self { chain: text(chain), key: text(key), expires, names, served: Arc::new(served) })
    }

    /// Whether a client whose clock says `now` takes it for valid.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        now < self.expires
    }

    /// Whether it is for all of these names.
    pub(crate) fn is_for(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.names.contains(name))
    }
}

/// Never the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain && self.key == other.key
    }
}

/// The certificates of a PEM text; at least one.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
    (!all.is_empty()).then_some(all)
}

/// When the first of a chain's certificates ends.
pub(crate) fn end(chain: &[CertificateDer<'_>]) -> Option<Timestamp> {
    let ends = chain.iter().map(|certificate| {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()
    });
    ends.collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// When a chain ends, and the names that it is for.
fn validity(chain: &[CertificateDer<'_>]) -> Option<(Timestamp, Vec<String>)> {
    let (_, first) = X509Certificate::from_der(chain.first()?).ok()?;
    let alternatives = first.subject_alternative_name().ok()?;
    let names = alternatives.into_iter().flat_map(|names| &names.value.general_names);
    let names = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    Some((end(chain)?, names.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::{Issued, issue};

    fn issued() -> Issued {
        issue(&["a.b.svc".to_owned()], Timestamp::from_second(4_000_000_000).expect("a date"))
            .expect("a certificate")
    }

    fn read(chain: &str, key: &str) -> Result<Certificate, Fault> {
        Certificate::read(chain.as_bytes(), "tls.crt", key.as_bytes(), "tls.key")
    }

    #[test]
    fn only_what_goes_together_is_read() {
        let (one, other) = (issued(), issued());
        let table = [
            ("a pair", one.chain.clone(), one.key.clone(), None),
            ("a chain", format!("{}{}", one.chain, one.authority), one.key.clone(), None),
            ("another's key", one.chain.clone(), other.key, Some(Fault::Pair)),
            ("no chain", String::new(), one.key.clone(), Some(Fault::Chain("tls.crt"))),
            ("a key in its place", one.key.clone(), one.key.clone(), Some(Fault::Chain("tls.crt"))),
            (
                "half of it",
                one.chain.split_at(200).0.to_owned(),
                one.key.clone(),
                Some(Fault::Chain("tls.crt")),
            ),
            ("no key", one.chain.clone(), String::new(), Some(Fault::Key("tls.key"))),
        ];
        for (what, chain, key, expected) in table {
            assert_eq!(read(&chain, &key).err(), expected, "{what}");
        }
    }

    #[test]
    fn what_it_is_for_and_until_when() {
        let certificate = {
            let issued = issued();
            read(&issued.chain, &issued.key).expect("a certificate")
        };
        let at = |second| Timestamp::from_second(second).expect("a date");
        assert!(certificate.is_valid(at(3_999_999_999)) && !certificate.is_valid(at(4_000_000_000)));
        assert!(certificate.is_for(&["a.b.svc".to_owned()]) && !certificate.is_for(&["a.b".to_owned()]));
        assert!(!format!("{certificate:?}").contains("PRIVATE"));
    }
}
