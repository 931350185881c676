//! The authorities that API servers are told to trust.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::certificate::{Certificate, certificates, end};

/// The most authorities. A rotation leaves one or two; it is somebody who deletes the Secret over and over again
/// that makes many.
const MOST: usize = 16;

/// One authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    der: CertificateDer<'static>,
    expires: Timestamp,
}

/// The authorities, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bundle(Vec<Authority>);

impl Bundle {
    /// The authorities of a PEM text; of one that is not, none.
    pub(crate) fn read(pem: &[u8]) -> Self {
        let mut bundle = Self::default();
        for der in certificates(pem).unwrap_or_default() {
            if let Some(expires) = end(std::slice::from_ref(&der)) {
                bundle.push(Authority { der, expires });
            }
        }
        bundle
    }

    /// The authorities in PEM, always in the same words.
    pub(crate) fn pem(&self) -> String {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        let encode = |authority: &Authority| {
            pem::encode_config(&pem::Pem::new("CERTIFICATE", authority.der.as_ref()), config)
        };
        self.0.iter().map(encode).collect()
    }

    /// The authority that signed a certificate: an API server that trusts it accepts the certificate.
    pub(crate) fn authority_of(&self, certificate: &Certificate) -> Option<&Authority> {
        self.0.iter().find(|authority| authority.signed(certificate))
    }

    /// Whether it is among these.
    pub(crate) fn contains(&self, authority: &Authority) -> bool {
        self.0.contains(authority)
    }

    /// These and those of another one.
    pub(crate) fn with(mut self, other: Self) -> Self {
        for authority in other.0 {
            self.push(authority);
        }
        self
    }

    /// Those whose certificates may still be valid to somebody, and that of this certificate in any case.
    pub(crate) fn without_expired(&self, now: Timestamp, kept: &Certificate) -> Self {
        let remain = self.0.iter().filter(|authority| now < authority.expires || authority.signed(kept));
        Self(remain.cloned().collect())
    }

    /// Whether there are as many as a client may be asked to try.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    fn push(&mut self, authority: Authority) {
        if !self.contains(&authority) {
            self.0.push(authority);
        }
    }
}

impl Authority {
    /// Asked as a client asks, of a moment at which the certificate is valid: whether it has expired is
    /// another question.
    fn signed(&self, certificate: &Certificate) -> bool {
        let mut roots = RootCertStore::empty();
        let Ok(()) = roots.add(self.der.clone()) else { return false };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()
        else {
            return false;
        };
        let Some((first, rest)) = certificate.served.cert.split_first() else { return false };
        let name = certificate.names.first().and_then(|name| ServerName::try_from(name.as_str()).ok());
        let Some(name) = name else { return false };
        let last = Duration::from_secs(certificate.expires.as_second().unsigned_abs());
        let moment = UnixTime::since_unix_epoch(last);
        verifier.verify_server_cert(first, rest, &name, &[], moment).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::{Issued, issue};

    fn issued(second: i64) -> (Issued, Certificate) {
        let until = Timestamp::from_second(second).expect("a date");
        let issued = issue(&["a.b.svc".to_owned()], until).expect("a certificate");
        let certificate =
            Certificate::read(issued.chain.as_bytes(), "tls.crt", issued.key.as_bytes(), "tls.key");
        (issued, certificate.expect("a pair"))
    }

    #[test]
    fn an_authority_stays_for_as_long_as_its_certificate() {
        let ((one, first), (other, second)) = (issued(2_000_000_000), issued(3_000_000_000));
        let text = format!("{}\nnot a certificate\n{}{}", one.authority, other.authority, one.authority);
        let bundle = Bundle::read(text.as_bytes());
        assert_eq!(bundle.0.len(), 2, "each once");
        assert_eq!(Bundle::read(bundle.pem().as_bytes()), bundle);
        let names = |bundle: &Bundle| [&first, &second].map(|it| bundle.authority_of(it).is_some());
        let at = |second| Timestamp::from_second(second).expect("a date");
        let table = [
            ("both are valid", at(1_999_999_999), &second, [true, true]),
            ("the first has expired", at(2_000_000_000), &second, [false, true]),
            ("and is served", at(2_000_000_000), &first, [true, true]),
            ("both have", at(4_000_000_000), &first, [true, false]),
        ];
        for (what, now, kept, expected) in table {
            assert_eq!(names(&bundle.without_expired(now, kept)), expected, "{what}");
        }
        assert_eq!(names(&Bundle::read(b"nothing")), [false, false]);
    }
}
