//! What was last said of a Flux object that is looked at again right after a start.
//!
//! Flux takes its verdict back while it looks again, and whoever has just started
//! has not heard it: it is assumed to have been success. That it was not stands in
//! the Application's own status, as Kurator has it.

use std::collections::BTreeMap;

use fleetgate_api::Application;
use fleetgate_plan::FluxKind;
use serde_json::Value;

use crate::flux_state::{Phase, State};

/// Has each state that is only assumed be the failure that was last said of it, if one was.
pub(in crate::controllers::application) fn remember(
    application: &Application,
    states: &mut BTreeMap<(FluxKind, String), State>,
) {
    let assumed: Vec<(&str, &mut State)> = states
        .iter_mut()
        .filter(|(_, state)| state.is_assumed)
        .map(|((_, name), state)| (name.as_str(), state))
        .collect();
    let before = application.status.as_ref().filter(|_| !assumed.is_empty());
    let told = before.map(|before| before.sync_status.list()).unwrap_or_default();
    for (name, state) in assumed {
        let of_it = told.iter().find(|told| told.get("name").and_then(Value::as_str) == Some(name));
        if let Some(told) = of_it.and_then(|told| told.get("kustomizationStatus")) {
            recall(state, told);
        }
    }
}

/// What was said of another revision, or another generation, says nothing of this one.
fn recall(state: &mut State, told: &Value) {
    let text = |field: &str| told.get(field).and_then(Value::as_str);
    let is_same = text("lastAttemptedRevision") == state.attempted.as_deref()
        && told.get("observedGeneration").and_then(Value::as_i64) == state.observed;
    let conditions = told.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let mut failed = conditions.filter(|said| said["type"] == "Ready" && said["status"] == "False");
    if let Some(failed) = failed.next().filter(|_| is_same) {
        let said = |field: &str| failed.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        (state.phase, state.reason, state.message) = (Phase::Failed, said("reason"), said("message"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{application, catalog, observe};
    use super::*;
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;

    const WEB: &str = "one-attachedcluster-m000";

    fn state(phase: Phase, message: &str) -> State {
        let (attempted, observed) = (Some("v1".to_owned()), Some(1));
        State { phase, message: message.to_owned(), attempted, observed, ..State::absent() }
    }

    fn assumed() -> State {
        State { is_assumed: true, ..state(Phase::Ready, "Applied revision: v1") }
    }

    #[test]
    fn only_a_failure_at_the_same_revision_and_generation_is_remembered() {
        let told = |status: &str, revision: &str, generation: i64| {
            let condition =
                json!({"type": "Ready", "status": status, "reason": "R", "message": "No such path"});
            json!({"conditions": [condition], "lastAttemptedRevision": revision, "observedGeneration": generation})
        };
        let of = |name: &str, field: &str, told: Value| json!({"name": name, field: told});
        let kustomization = "kustomizationStatus";
        let failed = || of(WEB, kustomization, told("False", "v1", 1));
        let (ready, remembered) = ((Phase::Ready, "Applied revision: v1"), (Phase::Failed, "No such path"));
        let table = [
            ("it failed", assumed(), failed(), remembered),
            ("it was ready", assumed(), of(WEB, kustomization, told("True", "v1", 1)), ready),
            ("nobody knew", assumed(), of(WEB, kustomization, told("Unknown", "v1", 1)), ready),
            ("another revision failed", assumed(), of(WEB, kustomization, told("False", "v0", 1)), ready),
            ("another generation failed", assumed(), of(WEB, kustomization, told("False", "v1", 0)), ready),
            ("another object failed", assumed(), of("other", kustomization, told("False", "v1", 1)), ready),
            ("a release failed", assumed(), of(WEB, "HelmReleaseStatus", told("False", "v1", 1)), ready),
            ("what is no status", assumed(), json!({"name": WEB, kustomization: "?"}), ready),
            ("it is known by now", state(Phase::Ready, ready.1), failed(), ready),
        ];
        for (what, state, told, (phase, message)) in table {
            let mut application = application("quickstart");
            let before = json!({"syncStatus": [told]});
            application.status = Some(serde_json::from_value(before).expect("a status"));
            let key = (FluxKind::Kustomization, WEB.to_owned());
            let mut states = BTreeMap::from([(key.clone(), state)]);
            remember(&application, &mut states);
            let seen = &states[&key];
            assert_eq!((seen.phase, seen.message.as_str()), (phase, message), "{what}");
        }
    }

    #[test]
    fn a_restart_changes_nothing_of_what_is_said() {
        let (mut application, catalog) = (application("quickstart"), catalog(1));
        let mut said = |web: State| {
            let (plan, mut observed) = observe(&application, &catalog, &[]);
            observed.states.insert((FluxKind::Kustomization, WEB.to_owned()), web);
            remember(&application, &mut observed.states);
            let status = super::super::of(&application, &plan, &observed, Timestamp::UNIX_EPOCH);
            application.status = Some(status.clone());
            status
        };
        let before = said(state(Phase::Failed, "No such path"));
        assert_eq!(said(assumed()), before);
        assert_eq!(said(assumed()), before, "and again");
        assert_eq!(said(state(Phase::Ready, "Applied revision: v1")).ready.as_deref(), Some("1/1"));
    }
}
