//! The same status as Kurator has it, for tools that read that: each Flux
//! object's own status, under the names of Kurator's API.
//!
//! An object of which Flux has said nothing yet has no status to be shown.
//!
//! **Invariant**: nothing of Flux's that changes whenever Flux looks again is
//! in it: no history, no inventory, no times of requests. Of the conditions
//! there is `Ready` alone, with the time when it changed here.

use fleetgate_api::ApplicationStatus;
use fleetgate_plan::{FluxKind, Plan};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::size::{SYNCED, shortened};
use crate::controllers::application::observed::Observed;
use crate::flux_state::{Phase, State};

/// `status.sourceStatus`. Kurator has no buckets.
pub(super) fn source_status(
    before: Option<&ApplicationStatus>,
    plan: &Plan,
    observed: &Observed,
    now: Timestamp,
) -> Option<Value> {
    let kind = plan.source.as_ref()?.kind;
    let field = match kind {
        FluxKind::GitRepository => "gitRepoStatus",
        FluxKind::HelmRepository => "helmRepoStatus",
        FluxKind::OciRepository => "ociRepoStatus",
        FluxKind::Bucket | FluxKind::Kustomization | FluxKind::HelmRelease => return None,
    };
    let state = observed.state(kind, &plan.owner.name);
    if state.is_silent() {
        return None;
    }
    let before = before.and_then(|status| status.source_status.as_ref()?.get(field));
    let mut status = flux_status(&state, before, now);
    let artifact = state.revision.map(|revision| json!({ "revision": revision }));
    status.extend(artifact.map(|artifact| ("artifact".to_owned(), artifact)));
    Some(json!({ field: status }))
}

/// `status.syncStatus`: those in trouble first, and no more than are shown.
pub(super) fn sync_status(
    before: Option<&ApplicationStatus>,
    plan: &Plan,
    observed: &Observed,
    now: Timestamp,
) -> Vec<Value> {
    let before = before.map(|status| status.sync_status.list()).unwrap_or_default();
    let templates = plan.policies.iter().filter_map(|policy| policy.template.as_ref());
    let mut objects: Vec<(Phase, String, FluxKind)> = templates
        .flat_map(|template| template.bindings().map(|binding| (template.kind, binding.name)))
        .filter_map(|(kind, name)| {
            let state = observed.state(kind, &name);
            (!state.is_silent()).then_some((state.phase, name, kind))
        })
        .collect();
    objects.sort_unstable();
    let listed = objects.into_iter().take(SYNCED);
    listed.map(|(_, name, kind)| synced(kind, name, &before, observed, now)).collect()
}

/// One object of a policy.
fn synced(kind: FluxKind, name: String, before: &[Value], observed: &Observed, now: Timestamp) -> Value {
    let field = if kind == FluxKind::HelmRelease { "HelmReleaseStatus" } else { "kustomizationStatus" };
    let state = observed.state(kind, &name);
    let before = before.iter().find(|before| before.get("name").and_then(Value::as_str) == Some(&name));
    let mut status = flux_status(&state, before.and_then(|before| before.get(field)), now);
    let revisions = [("lastAppliedRevision", state.revision), ("lastAttemptedRevision", state.attempted)];
    let revisions = revisions.into_iter().filter_map(|(field, revision)| Some((field, revision?)));
    status.extend(revisions.map(|(field, revision)| (field.to_owned(), revision.into())));
    json!({ "name": name, field: status })
}

/// What every one of Flux's statuses has.
fn flux_status(state: &State, before: Option<&Value>, now: Timestamp) -> Map<String, Value> {
    let status = match state.phase {
        Phase::Ready => "True",
        Phase::Failed => "False",
        Phase::Progressing => "Unknown",
    };
    let condition = json!({
        "type": "Ready",
        "status": status,
        "reason": state.reason,
        "message": shortened(state.message.clone()),
        "lastTransitionTime": before.and_then(|before| changed(before, status)).unwrap_or_else(|| json!(Time(now))),
    });
    let observed = state.observed.map(|observed| ("observedGeneration".to_owned(), observed.into()));
    observed.into_iter().chain([("conditions".to_owned(), json!([condition]))]).collect()
}

/// When `Ready` became what it still is.
fn changed(before: &Value, status: &str) -> Option<Value> {
    let conditions = before.get("conditions")?.as_array()?;
    let ready =
        conditions.iter().find(|condition| condition["type"] == "Ready" && condition["status"] == status);
    ready?.get("lastTransitionTime").cloned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{application, catalog, observe};
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn the_fields_are_kurators() {
        let (plan, mut observed) = observe(&application("quickstart"), &catalog(1), &[]);
        for ((kind, _), state) in &mut observed.states {
            state.reason = "Succeeded".to_owned();
            state.observed = Some(1);
            state.revision = Some("main@sha1:1".to_owned());
            state.attempted = (!kind.is_source()).then(|| "main@sha1:2".to_owned());
        }
        let condition = json!({
            "type": "Ready", "status": "True", "reason": "Succeeded", "message": "Ready", "lastTransitionTime": "1970-01-01T00:00:07Z",
        });
        let source = source_status(None, &plan, &observed, at(7));
        let expected = json!({"gitRepoStatus": {
            "observedGeneration": 1, "conditions": [condition], "artifact": {"revision": "main@sha1:1"},
        }});
        assert_eq!(source, Some(expected));
        let synced = sync_status(None, &plan, &observed, at(7));
        let expected = |name: &str| {
            json!({"name": name, "kustomizationStatus": {
                "observedGeneration": 1, "conditions": [condition],
                "lastAppliedRevision": "main@sha1:1", "lastAttemptedRevision": "main@sha1:2",
            }})
        };
        assert_eq!(synced, [expected("one-attachedcluster-m000"), expected("two-attachedcluster-m000")]);
    }

    #[test]
    fn what_flux_has_said_nothing_of_has_no_status() {
        let (plan, _) = observe(&application("quickstart"), &catalog(1), &[]);
        let observed = Observed::default();
        assert_eq!(source_status(None, &plan, &observed, at(7)), None);
        assert_eq!(sync_status(None, &plan, &observed, at(7)), Vec::<Value>::new());
    }

    #[test]
    fn failures_come_first_and_the_list_is_capped() {
        let troubles = [
            ("one-attachedcluster-m900", Phase::Failed),
            ("two-attachedcluster-m100", Phase::Failed),
            ("one-attachedcluster-m800", Phase::Progressing),
        ];
        let (plan, observed) = observe(&application("quickstart"), &catalog(1_000), &troubles);
        let synced = sync_status(None, &plan, &observed, at(7));
        let names: Vec<&str> = synced.iter().filter_map(|synced| synced["name"].as_str()).collect();
        assert_eq!(names[..3], troubles.map(|(name, _)| name));
        assert_eq!((names[3], names.len()), ("one-attachedcluster-m000", 50));
    }

    #[test]
    fn the_time_of_a_change_stays_until_the_next() {
        let (mut application, catalog) = (application("quickstart"), catalog(1));
        let time = |second: i64, phase: Phase, application: &mut fleetgate_api::Application| {
            let (plan, observed) = observe(application, &catalog, &[("one-attachedcluster-m000", phase)]);
            let status = super::super::of(application, &plan, &observed, at(second));
            let synced = status.sync_status.list();
            let one = synced.iter().find(|synced| synced["name"] == "one-attachedcluster-m000");
            let time = one
                .and_then(|one| one.pointer("/kustomizationStatus/conditions/0/lastTransitionTime"))
                .cloned();
            application.status = Some(status);
            time.and_then(|time| time.as_str().map(str::to_owned)).expect("a time")
        };
        let table = [
            (1, Phase::Ready, "1970-01-01T00:00:01Z"),
            (2, Phase::Ready, "1970-01-01T00:00:01Z"),
            (3, Phase::Failed, "1970-01-01T00:00:03Z"),
            (4, Phase::Ready, "1970-01-01T00:00:04Z"),
        ];
        for (second, phase, expected) in table {
            assert_eq!(time(second, phase, &mut application), expected, "{second}");
        }
    }
}
