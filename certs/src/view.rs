//! What one replica knows, all of it by watches: the Secret, and whom the webhook configurations trust.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::Instant;

use crate::certificate::{Certificate, Fault};
use crate::configuration::Configuration;
use crate::step::{Action, Sight, step};
use crate::stored::{KEYS, Stored};
use crate::timing::Timing;

/// Set on the Secret that Fleetgate made. Whatever else has its name is left alone.
pub(crate) const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "fleetgate");

/// Set on the Secret, too: how what it holds is to be read. Without it that is the first way.
pub(crate) const FORMAT: &str = "fleetgate.dev/format";

/// What is read and written here.
pub(crate) const OUR_FORMAT: u32 = 1;

/// The kinds of configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Mutating,
    Validating,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Mutating, Self::Validating];
}

/// What there is in the Secret's place.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// A Secret that somebody else made.
    Foreign,
    /// What a later version keeps: it is served if it can be, and never written.
    Later(Result<Stored, Fault>),
    /// Nothing that can be served, and the Secret around it.
    Faulty(Secret, Fault),
    /// What can be served, and the Secret around it.
    Stored(Secret, Stored),
}

impl Found {
    pub(crate) fn read(secret: Option<Secret>) -> Self {
        let Some(mut secret) = secret else { return Self::Nothing };
        if secret.labels().get(LABEL.0).map(String::as_str) != Some(LABEL.1) {
            return Self::Foreign;
        }
        let mut data = secret.data.take().unwrap_or_default();
        let stored = Stored::read(&data);
        data.retain(|key, _| !KEYS.contains(&key.as_str()));
        secret.data = Some(data);
        if is_later(&secret) {
            return Self::Later(stored);
        }
        match stored {
            Ok(stored) => Self::Stored(secret, stored),
            Err(fault) => Self::Faulty(secret, fault),
        }
    }

    /// What can be served.
    pub(crate) fn stored(&self) -> Option<&Stored> {
        match self {
            Self::Stored(_, stored) | Self::Later(Ok(stored)) => Some(stored),
            _ => None,
        }
    }
}

/// Whether a later version of Fleetgate wrote it, or whoever else writes a format that is not known here.
fn is_later(secret: &Secret) -> bool {
    let format = secret.annotations().get(FORMAT);
    format.is_some_and(|format| format.parse::<u32>().map_or(true, |format| format > OUR_FORMAT))
}

/// What is known of a configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It has not been listed yet.
    Nothing,
    /// There is none.
    Absent,
    /// There is one.
    Present(Configuration),
}

impl Known {
    /// Whether nobody asks whom it does not trust. One that is not there refuses nobody; one that is not
    /// known may.
    fn trusts(&self, stored: &Stored, certificate: &Certificate) -> bool {
        let Some(authority) = stored.bundle.authority_of(certificate) else { return false };
        match self {
            Self::Nothing => false,
            Self::Absent => true,
            Self::Present(configuration) => configuration.trusts(|bundle| bundle.contains(authority)),
        }
    }
}

/// What is known.
#[derive(Debug)]
pub(crate) struct View {
    /// The DNS names that the certificate has to be for.
    names: Vec<String>,
    /// Unknown until it was listed.
    found: Option<Found>,
    /// What was there when there was something.
    memory: Option<Stored>,
    /// Of each kind.
    configurations: [Known; Kind::ALL.len()],
    /// The chain of what is to follow, and since when every configuration has trusted it.
    trusted: Option<(String, Instant)>,
}

impl View {
    pub(crate) fn new(names: Vec<String>) -> Self {
        let configurations = [Known::Nothing, Known::Nothing];
        Self { names, found: None, memory: None, configurations, trusted: None }
    }

    /// What there is in the Secret's place, if that is known.
    pub(crate) fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// What the Secret holds, or did when it held something.
    pub(crate) fn known(&self) -> Option<&Stored> {
        self.found.as_ref().and_then(Found::stored).or(self.memory.as_ref())
    }

    /// The names that a certificate is made for: those that are asked for, and those that the one before it
    /// has. So replicas that are told others, while that is rolled out, come to agree.
    pub(crate) fn names(&self) -> Vec<String> {
        let before = self.known().map(|stored| stored.current.names.as_slice()).unwrap_or_default();
        let others = before.iter().filter(|name| !self.names.contains(name));
        self.names.iter().chain(others).cloned().collect()
    }

    /// The Secret is so; says whether that is news.
    pub(crate) fn note_secret(&mut self, found: Found, now: Instant) -> bool {
        if let Some(stored) = found.stored() {
            self.memory = Some(stored.clone());
        }
        let found = Some(found);
        let is_news = self.found != found;
        self.found = found;
        self.note_trust(now);
        is_news
    }

    /// A configuration is so, or is not there; says whether that is news.
    pub(crate) fn note_configuration(
        &mut self,
        kind: Kind,
        object: Option<Configuration>,
        now: Instant,
    ) -> bool {
        let [mutating, validating] = &mut self.configurations;
        let known = match kind {
            Kind::Mutating => mutating,
            Kind::Validating => validating,
        };
        let before = std::mem::replace(known, object.map_or(Known::Absent, Known::Present));
        let is_news = before != *known;
        self.note_trust(now);
        is_news
    }

    /// The configurations that do not trust what the Secret holds, and that somebody else does not tell.
    pub(crate) fn lacking(&self) -> Vec<(Kind, Configuration)> {
        let Some(stored) = self.found.as_ref().and_then(Found::stored) else { return Vec::new() };
        let known = Kind::ALL.into_iter().zip(&self.configurations);
        let lacking = known.filter_map(|(kind, known)| match known {
            Known::Present(it) if !it.is_left_alone() && !it.has(&stored.bundle) => Some((kind, it.clone())),
            _ => None,
        });
        lacking.collect()
    }

    /// Whether an API server would accept what is served.
    pub(crate) fn is_accepted(&self, wall: Timestamp) -> bool {
        self.found.as_ref().and_then(Found::stored).is_some_and(|stored| {
            stored.current.is_valid(wall)
                && self.configurations.iter().all(|known| known.trusts(stored, &stored.current))
        })
    }

    /// What is to be done about the Secret.
    pub(crate) fn step(&self, wall: Timestamp, now: Instant, timing: &Timing) -> Option<Action> {
        let stored = match self.found.as_ref()? {
            Found::Foreign | Found::Later(_) => return None,
            Found::Nothing | Found::Faulty(..) => None,
            Found::Stored(_, stored) => Some(stored),
        };
        let trusted = self.trusted.as_ref().map(|(_, since)| now.saturating_duration_since(*since));
        let sight = Sight { stored, memory: self.memory.as_ref(), trusted, names: &self.names };
        Some(step(wall, &sight, timing))
    }

    /// Takes note of whether every configuration trusts what is to follow.
    fn note_trust(&mut self, now: Instant) {
        let stored = self.found.as_ref().and_then(Found::stored);
        let next = stored.and_then(|stored| Some((stored, stored.next.as_ref()?)));
        let trusted =
            next.filter(|(stored, next)| self.configurations.iter().all(|known| known.trusts(stored, next)));
        let chain = trusted.map(|(_, next)| next.chain.clone());
        let before = self.trusted.take();
        self.trusted = chain.map(|chain| match before {
            Some((trusted, since)) if trusted == chain => (trusted, since),
            _ => (chain, now),
        });
    }
}

#[cfg(test)]
mod tests;
