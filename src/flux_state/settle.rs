//! What counts while Flux looks again.
//!
//! At every interval kustomize-controller says of a Kustomization that it does
//! not know whether it is ready, and a moment later what it knew before. Other
//! controllers say so only when there is something to do.

use super::{Phase, State};

impl State {
    /// While Flux looks again at the same generation and revision, its last
    /// verdict counts. Without one, as after a restart, that is assumed to be
    /// success if it is said to have been the end of the last attempt at some time.
    pub(crate) fn settle(&mut self, before: Option<&Self>) {
        if !std::mem::take(&mut self.is_looked_at) {
            return;
        }
        match before {
            Some(before) if before.generation == self.generation && before.attempted == self.attempted => {
                self.phase = before.phase;
                before.reason.clone_into(&mut self.reason);
                before.message.clone_into(&mut self.message);
                self.is_assumed = before.is_assumed;
            }
            None if self.observed == self.generation && self.attempted == self.revision => {
                self.phase = Phase::Ready;
                self.is_assumed = true;
                // In the words of kustomize-controller itself.
                "ReconciliationSucceeded".clone_into(&mut self.reason);
                let revision = self.revision.as_deref().unwrap_or_default();
                self.message = format!("Applied revision: {revision}");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_plan::FluxKind;
    use serde_json::{Value, json};

    /// A Kustomization of that generation that last tried to apply `attempted`,
    /// and applied `v1` at generation 1.
    fn state(generation: i64, attempted: &str, ready: (&str, &str)) -> State {
        let (status, message) = ready;
        let reason = if status == "Unknown" { "Progressing" } else { "Done" };
        let object = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "web", "namespace": "default", "generation": generation},
            "status": {
                "observedGeneration": 1, "lastAppliedRevision": "v1", "lastAttemptedRevision": attempted,
                "conditions": [{
                    "type": "Ready", "status": status, "reason": reason, "message": message, "observedGeneration": generation,
                }],
            },
        });
        State::of(FluxKind::Kustomization, &serde_json::from_value(object).expect("an object"))
    }

    const AGAIN: (&str, &str) = ("Unknown", "Reconciliation in progress");
    const READY: (&str, &str) = ("True", "Applied");
    const FAILED: (&str, &str) = ("False", "No such path");

    fn settled(states: &[State]) -> State {
        let mut before: Option<State> = None;
        for state in states {
            let mut state = state.clone();
            state.settle(before.as_ref());
            before = Some(state);
        }
        before.expect("a state")
    }

    #[test]
    fn a_recheck_keeps_the_verdict() {
        let table = [
            (vec![state(1, "v1", READY), state(1, "v1", AGAIN)], Phase::Ready, "Applied"),
            (
                vec![state(1, "v1", READY), state(1, "v1", AGAIN), state(1, "v1", AGAIN)],
                Phase::Ready,
                "Applied",
            ),
            (vec![state(1, "v2", FAILED), state(1, "v2", AGAIN)], Phase::Failed, "No such path"),
            (vec![state(2, "v1", FAILED), state(2, "v1", AGAIN)], Phase::Failed, "No such path"),
            // What comes of it counts.
            (
                vec![state(1, "v1", READY), state(1, "v1", AGAIN), state(1, "v1", FAILED)],
                Phase::Failed,
                "No such path",
            ),
            (
                vec![state(1, "v1", FAILED), state(1, "v1", AGAIN), state(1, "v1", READY)],
                Phase::Ready,
                "Applied",
            ),
            // After a restart.
            (vec![state(1, "v1", AGAIN)], Phase::Ready, "Applied revision: v1"),
        ];
        for (states, phase, message) in table {
            let state = settled(&states);
            assert_eq!((state.phase, state.message.as_str()), (phase, message), "{states:?}");
        }
    }

    #[test]
    fn something_new_does_not() {
        let table = [
            vec![state(1, "v1", READY), state(1, "v2", AGAIN)],
            vec![state(1, "v1", READY), state(2, "v1", AGAIN)],
            vec![state(2, "v1", AGAIN), state(2, "v1", AGAIN)],
            // After a restart.
            vec![state(1, "v2", AGAIN)],
            vec![state(2, "v1", AGAIN)],
        ];
        for states in table {
            assert_eq!(settled(&states).phase, Phase::Progressing, "{states:?}");
        }
    }

    #[test]
    fn what_is_assumed_is_so_until_flux_says_what_came_of_it() {
        let table = [
            (vec![state(1, "v1", AGAIN)], true),
            (vec![state(1, "v1", AGAIN), state(1, "v1", AGAIN)], true),
            (vec![state(1, "v1", AGAIN), state(1, "v1", READY)], false),
            (vec![state(1, "v1", AGAIN), state(1, "v1", FAILED), state(1, "v1", AGAIN)], false),
            (vec![state(1, "v1", AGAIN), state(1, "v2", AGAIN)], false),
            (vec![state(1, "v1", READY), state(1, "v1", AGAIN)], false),
        ];
        for (states, expected) in table {
            assert_eq!(settled(&states).is_assumed, expected, "{states:?}");
        }
    }

    #[test]
    fn a_recheck_is_no_news() {
        let ready = state(1, "v1", READY);
        assert_eq!(settled(&[ready.clone(), state(1, "v1", AGAIN)]), ready);
    }

    #[test]
    fn a_new_attempt_at_a_release_is_one() {
        let release = |status: &str| {
            let object: Value = json!({
                "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
                "metadata": {"name": "web", "namespace": "default", "generation": 1},
                "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": status, "reason": "Progressing"}]},
            });
            State::of(FluxKind::HelmRelease, &serde_json::from_value(object).expect("an object"))
        };
        assert_eq!(settled(&[release("True"), release("Unknown")]).phase, Phase::Progressing);
    }
}
