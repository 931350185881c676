//! Has the webhook configurations trust what the Secret holds.

use std::time::Duration;

use tokio::time::Instant;

use super::{ECHO, Keeper};
use crate::cluster::Trouble;
use crate::configuration::INJECT;
use crate::view::Kind;

/// Who takes back what is written so often does it again.
const DUEL: u32 = 5;

impl Keeper {
    /// Has every configuration trust what the Secret holds; says how soon to look again.
    pub(super) async fn inject(&mut self) -> Duration {
        let lacking = self.view.lacking();
        if lacking.is_empty() {
            return self.timing.settle;
        }
        let wanted = self.view.known().map(|stored| stored.bundle.pem());
        if self.wanted != wanted {
            self.injections.forget();
            self.wanted = wanted;
        }
        let left = self.injections.left(Instant::now());
        if !left.is_zero() {
            return left;
        }
        let mut is_tried = false;
        for (kind, configuration) in lacking {
            let injected = self.cluster.inject(kind, &configuration).await;
            is_tried |= self.tell(kind, injected);
        }
        if is_tried && self.injections.note(Instant::now()) >= DUEL {
            tracing::warn!(
                "somebody takes back whom the webhook configurations trust, time and again: the annotation {INJECT}=false lets them"
            );
        }
        ECHO
    }

    /// Says what became of it, and whether anything was to be written.
    fn tell(&mut self, kind: Kind, injected: Result<bool, Trouble>) -> bool {
        let (kind, name) = (kind.as_str(), self.cluster.place().configuration.clone());
        match injected {
            Ok(true) => {
                self.shown.injected();
                tracing::info!("the {kind} {name} is told whom to trust");
            }
            Ok(false) => return false,
            Err(error) if error.is_overtaken() => {
                tracing::debug!(%error, "somebody else wrote the {kind} {name}");
            }
            Err(error) => self.complain(format!("the {kind} {name} cannot be told whom to trust: {error}")),
        }
        true
    }
}
