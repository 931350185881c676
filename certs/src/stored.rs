//! What the Secret holds, and what it becomes.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::jiff::Timestamp;

use crate::bundle::Bundle;
use crate::certificate::{Certificate, Fault};
use crate::issue::Issued;

/// The keys of the Secret.
const CHAIN: &str = "tls.crt";
const KEY: &str = "tls.key";
const BUNDLE: &str = "ca.crt";
const NEXT_CHAIN: &str = "next.crt";
const NEXT_KEY: &str = "next.key";

/// What of the Secret is ours; the rest is somebody's.
pub(crate) const KEYS: [&str; 5] = [CHAIN, KEY, BUNDLE, NEXT_CHAIN, NEXT_KEY];

/// What the Secret holds: each certificate is of an authority in the bundle.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    /// Whom API servers are told to trust.
    pub(crate) bundle: Bundle,
    /// What every replica serves.
    pub(crate) current: Certificate,
    /// What follows it once it is trusted.
    pub(crate) next: Option<Certificate>,
}

impl Stored {
    /// Reads the Secret's data.
    ///
    /// # Errors
    ///
    /// When it is nothing that can be served.
    pub(crate) fn read(data: &BTreeMap<String, ByteString>) -> Result<Self, Fault> {
        let get = |key: &'static str| data.get(key).map(|value| value.0.as_slice());
        let need = |key| get(key).ok_or(Fault::Missing(key));
        let bundle = Bundle::read(need(BUNDLE)?);
        let read = |chain_at, key_at| -> Result<Certificate, Fault> {
            let certificate = Certificate::read(need(chain_at)?, chain_at, need(key_at)?, key_at)?;
            bundle.authority_of(&certificate).ok_or(Fault::Untrusted(chain_at))?;
            Ok(certificate)
        };
        let current = read(CHAIN, KEY)?;
        let next = get(NEXT_CHAIN).map(|_| read(NEXT_CHAIN, NEXT_KEY)).transpose()?;
        Ok(Self { bundle, current, next })
    }

    /// The Secret's data.
    pub(crate) fn data(&self) -> BTreeMap<String, ByteString> {
        let mut data = vec![
            (BUNDLE, self.bundle.pem()),
            (CHAIN, self.current.chain.clone()),
            (KEY, self.current.key.clone()),
        ];
        if let Some(next) = &self.next {
            data.extend([(NEXT_CHAIN, next.chain.clone()), (NEXT_KEY, next.key.clone())]);
        }
        data.into_iter().map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes()))).collect()
    }

    /// The first certificate of an installation.
    ///
    /// # Errors
    ///
    /// When what was issued cannot be read.
    pub(crate) fn first(issued: &Issued) -> Result<Self, Fault> {
        let (bundle, current) = taken(issued)?;
        Ok(Self { bundle, current, next: None })
    }

    /// The same, with what was issued to follow. Whatever was to follow before has been served by nobody,
    /// but somebody may be about to: its authority stays.
    ///
    /// # Errors
    ///
    /// When what was issued cannot be read.
    pub(crate) fn staged(&self, issued: &Issued, now: Timestamp) -> Result<Self, Fault> {
        let (bundle, next) = taken(issued)?;
        let bundle = self.bundle.without_expired(now, &self.current).with(bundle);
        Ok(Self { bundle, current: self.current.clone(), next: Some(next) })
    }

    /// What was to follow is served from now on, if there is any.
    pub(crate) fn promoted(&self) -> Self {
        let current = self.next.clone().unwrap_or_else(|| self.current.clone());
        Self { bundle: self.bundle.clone(), current, next: None }
    }
}

fn taken(issued: &Issued) -> Result<(Bundle, Certificate), Fault> {
    let certificate = Certificate::read(issued.chain.as_bytes(), CHAIN, issued.key.as_bytes(), KEY)?;
    Ok((Bundle::read(issued.authority.as_bytes()), certificate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::issue;

    fn issued() -> Issued {
        let until = Timestamp::from_second(4_000_000_000).expect("a date");
        issue(&["a.b.svc".to_owned()], until).expect("a certificate")
    }

    #[test]
    fn what_is_written_is_read() {
        let first = Stored::first(&issued()).expect("the first");
        let staged = first.staged(&issued(), Timestamp::UNIX_EPOCH).expect("staged");
        let promoted = staged.promoted();
        assert_eq!(promoted.current, staged.next.clone().expect("the next"));
        assert_eq!(promoted.bundle, staged.bundle, "the one before stays trusted");
        for stored in [first, staged, promoted] {
            assert_eq!(Stored::read(&stored.data()), Ok(stored));
        }
    }

    #[test]
    fn what_cannot_be_served_is_told() {
        let stored = Stored::first(&issued()).expect("the first");
        let stored = stored.staged(&issued(), Timestamp::UNIX_EPOCH).expect("staged");
        let other = Stored::first(&issued()).expect("another").data();
        let table = [
            (CHAIN, None, Fault::Missing(CHAIN)),
            (BUNDLE, None, Fault::Missing(BUNDLE)),
            (NEXT_KEY, None, Fault::Missing(NEXT_KEY)),
            (KEY, other.get(KEY), Fault::Pair),
            (BUNDLE, other.get(BUNDLE), Fault::Untrusted(CHAIN)),
            (CHAIN, other.get(KEY), Fault::Chain(CHAIN)),
        ];
        for (key, value, expected) in table {
            let mut data = stored.data();
            data.remove(key);
            data.extend(value.map(|value| (key.to_owned(), value.clone())));
            assert_eq!(Stored::read(&data), Err(expected), "{key}");
        }
    }
}
