//! What one replica knows, all of it by watches: the Secret, and whom the webhook configurations trust.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::Instant;

use crate::certificate::Fault;
use crate::configuration::Configuration;
use crate::step::{Action, Sight, step};
use crate::stored::Stored;
use crate::timing::Timing;

/// Set on the Secret that Fleetgate made. Whatever else has its name is left alone.
pub(crate) const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "fleetgate");

/// The kinds of configurations. A mutating one is told first: it is asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Mutating,
    Validating,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Mutating, Self::Validating];
}

/// What there is in the Secret's place.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// A Secret that somebody else made.
    Foreign,
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
        match Stored::read(&secret.data.take().unwrap_or_default()) {
            Ok(stored) => Self::Stored(secret, stored),
            Err(fault) => Self::Faulty(secret, fault),
        }
    }

    fn stored(&self) -> Option<&Stored> {
        match self {
            Self::Stored(_, stored) => Some(stored),
            _ => None,
        }
    }
}

/// What is known of a configuration.
#[derive(Debug)]
enum Known {
    /// It has not been listed yet.
    Nothing,
    /// There is none.
    Absent,
    /// There is one.
    Present(Configuration),
}

/// Since when something has been the same.
#[derive(Debug)]
struct Since<T> {
    what: Option<T>,
    start: Instant,
}

impl<T: PartialEq> Since<T> {
    fn new(start: Instant) -> Self {
        Self { what: None, start }
    }

    fn note(&mut self, what: Option<T>, now: Instant) {
        if self.what != what {
            *self = Self { what, start: now };
        }
    }

    fn elapsed(&self, now: Instant) -> Option<Duration> {
        self.what.as_ref().map(|_| now.saturating_duration_since(self.start))
    }
}

/// What is known.
#[derive(Debug)]
pub(crate) struct View {
    /// The DNS names that the certificate has to be for. Asked until one was: replicas that are told
    /// other names, while one is rolled out for instance, would write against each other for ever.
    names: Vec<String>,
    has_names: bool,
    /// Unknown until it was listed.
    found: Option<Found>,
    /// What was there when there was something.
    memory: Option<Stored>,
    /// Of each kind.
    configurations: [Known; Kind::ALL.len()],
    /// The chain of what is to follow, while every configuration trusts it.
    trusted: Since<String>,
    /// The chain of what is served.
    served: Since<String>,
}

impl View {
    pub(crate) fn new(names: Vec<String>, now: Instant) -> Self {
        Self {
            names,
            has_names: false,
            found: None,
            memory: None,
            configurations: [Known::Nothing, Known::Nothing],
            trusted: Since::new(now),
            served: Since::new(now),
        }
    }

    /// What there is in the Secret's place, if that is known.
    pub(crate) fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// What the Secret holds, or did when it held something.
    pub(crate) fn known(&self) -> Option<&Stored> {
        self.found.as_ref().and_then(Found::stored).or(self.memory.as_ref())
    }

    /// The Secret is so.
    pub(crate) fn note_secret(&mut self, found: Found, now: Instant) {
        if let Some(stored) = found.stored() {
            self.memory = Some(stored.clone());
            self.served.note(Some(stored.current.chain.clone()), now);
            self.has_names |= [Some(&stored.current), stored.next.as_ref()]
                .into_iter()
                .flatten()
                .any(|certificate| certificate.is_for(&self.names));
        }
        self.found = Some(found);
        self.note_trust(now);
    }

    /// A configuration is so, or is not there.
    pub(crate) fn note_configuration(&mut self, kind: Kind, object: Option<Configuration>, now: Instant) {
        let [mutating, validating] = &mut self.configurations;
        *match kind {
            Kind::Mutating => mutating,
            Kind::Validating => validating,
        } = object.map_or(Known::Absent, Known::Present);
        self.note_trust(now);
    }

    /// The configurations that do not trust what the Secret holds.
    pub(crate) fn lacking(&self) -> Vec<(Kind, Configuration)> {
        let Some(stored) = self.found.as_ref().and_then(Found::stored) else { return Vec::new() };
        let known = Kind::ALL.into_iter().zip(&self.configurations);
        let lacking = known.filter_map(|(kind, known)| match known {
            Known::Present(it) if !it.has(&stored.bundle) => Some((kind, it.clone())),
            _ => None,
        });
        lacking.collect()
    }

    /// What is to be done about the Secret.
    pub(crate) fn step(&self, wall: Timestamp, now: Instant, timing: &Timing) -> Option<Action> {
        let stored = match self.found.as_ref()? {
            Found::Foreign => return None,
            Found::Nothing | Found::Faulty(..) => None,
            Found::Stored(_, stored) => Some(stored),
        };
        let sight = Sight {
            stored,
            memory: self.memory.as_ref(),
            trusted: self.trusted.elapsed(now),
            served: self.served.elapsed(now).unwrap_or_default(),
            names: (!self.has_names).then_some(self.names.as_slice()),
        };
        Some(step(wall, &sight, timing))
    }

    /// A configuration that is not there refuses nobody; one that is not known may.
    fn note_trust(&mut self, now: Instant) {
        let next = self.found.as_ref().and_then(Found::stored).and_then(|stored| {
            let next = stored.next.as_ref()?;
            Some((next.chain.clone(), stored.bundle.authority_of(next)?))
        });
        let trusted = next.filter(|(_, authority)| {
            self.configurations.iter().all(|known| match known {
                Known::Nothing => false,
                Known::Absent => true,
                Known::Present(configuration) => configuration.trusts(|bundle| bundle.contains(authority)),
            })
        });
        let chain = trusted.map(|(chain, _)| chain);
        self.trusted.note(chain, now);
    }
}

#[cfg(test)]
mod tests;
