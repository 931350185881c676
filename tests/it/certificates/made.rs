//! A certificate that a test makes.

use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::{Value, json};

/// The name by which the API server calls the webhook.
pub(super) const NAME: &str = "fleetgate-webhook.fleetgate-system.svc";

/// Said on what Fleetgate made.
pub(super) fn ours() -> Value {
    json!({"app.kubernetes.io/managed-by": "fleetgate"})
}

/// A certificate with its key, and the authority that signed it; all in PEM.
pub(super) struct Made {
    pub(super) authority: String,
    pub(super) chain: String,
    pub(super) key: String,
}

impl Made {
    /// One that ends then.
    pub(super) fn until(end: SystemTime) -> Self {
        let since_epoch = end.duration_since(SystemTime::UNIX_EPOCH).expect("a date");
        let end = date_time_ymd(1970, 1, 1) + since_epoch;
        let authority_key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "a test's own");
        authority.not_after = end;
        let authority_pem = authority.self_signed(&authority_key).expect("an authority").pem();
        let names = ["", ".cluster.local"].map(|suffix| format!("{NAME}{suffix}"));
        let names = names.into_iter().chain(["fleetgate-webhook.fleetgate-system".to_owned()]);
        let mut serving = CertificateParams::new(names.collect::<Vec<_>>()).expect("parameters");
        serving.not_after = end;
        let key = KeyPair::generate().expect("a key");
        let chain = serving.signed_by(&key, &Issuer::new(authority, authority_key)).expect("a certificate");
        Self { authority: authority_pem, chain: chain.pem(), key: key.serialize_pem() }
    }

    /// One that lasts for an hour.
    pub(super) fn new() -> Self {
        Self::until(SystemTime::now() + Duration::from_hours(1))
    }
}
