//! Has the webhook configurations trust what the Secret holds.

use std::time::Duration;

use tokio::time::Instant;

use super::{ECHO, Keeper};
use crate::cluster::{Event, Trouble};
use crate::configuration::{Configuration, INJECT};
use crate::rests::Rests;
use crate::view::Kind;

/// Who takes back what is written so often does it again.
const DUEL: u32 = 5;

/// Somebody may take back whatever is written into a configuration.
#[derive(Debug)]
pub(super) struct Injections([Rests; Kind::ALL.len()]);

impl Injections {
    pub(super) fn new() -> Self {
        Self(Kind::ALL.map(|_| Rests::new(Duration::from_millis(100), Duration::from_secs(30))))
    }

    fn of(&mut self, kind: Kind) -> &mut Rests {
        let [mutating, validating] = &mut self.0;
        match kind {
            Kind::Mutating => mutating,
            Kind::Validating => validating,
        }
    }
}

impl Keeper {
    /// Has every configuration trust what the Secret holds; says how soon to look again.
    pub(super) async fn inject(&mut self) -> Duration {
        let lacking = self.view.lacking();
        if lacking.is_empty() {
            return self.timing.settle;
        }
        let wanted = self.view.known().map(|stored| stored.bundle.pem());
        if self.wanted != wanted {
            self.injections = Injections::new();
            self.wanted = wanted;
        }
        let now = Instant::now();
        let (due, resting): (Vec<_>, Vec<_>) =
            lacking.into_iter().partition(|(kind, _)| self.injections.of(*kind).left(now).is_zero());
        if !due.is_empty() {
            self.tell_all(due).await;
        }
        let rests = resting.iter().map(|(kind, _)| self.injections.of(*kind).left(now));
        rests.fold(ECHO, Duration::min)
    }

    async fn tell_all(&mut self, due: Vec<(Kind, Configuration)>) {
        let kinds: Vec<Kind> = due.iter().map(|(kind, _)| *kind).collect();
        match self.cluster.inject(due).await {
            Ok(told) => told.into_iter().for_each(|(kind, told)| self.told(kind, told)),
            Err(error) => {
                for kind in kinds {
                    self.count(kind);
                }
                self.complain(format!("the webhook configurations cannot be told whom to trust: {error}"));
            }
        }
    }

    /// Takes up what became of telling one.
    fn told(&mut self, kind: Kind, told: Result<Event, Trouble>) {
        let (word, name) = (kind.as_str(), self.cluster.place().configuration.clone());
        match told {
            Ok(event) => {
                self.shown.injected();
                tracing::info!("the {word} {name} is told whom to trust");
                self.note(event);
            }
            Err(error) if error.is_overtaken() || error.is_gone() => {
                tracing::debug!(%error, "somebody else wrote or deleted the {word} {name}");
            }
            Err(error) => self.complain(format!("the {word} {name} cannot be told whom to trust: {error}")),
        }
        self.count(kind);
    }

    fn count(&mut self, kind: Kind) {
        if self.injections.of(kind).note(Instant::now()) >= DUEL {
            tracing::warn!(
                "somebody takes back whom the {} trusts, time and again: the annotation {INJECT}=false lets them",
                kind.as_str()
            );
        }
    }
}
