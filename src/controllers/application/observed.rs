//! What a reconcile saw of the world: findings, failed writes, and how Flux's
//! objects fare.

use std::collections::BTreeMap;

use fleetgate_plan::FluxKind;
use fleetgate_webhooks::{Finding, Severity};
use kube::api::DynamicObject;

use crate::controllers::conditions::Summary;

/// What a reconcile saw.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// What the rules say of the Application today.
    pub(super) findings: Vec<Finding>,
    /// What could not be written.
    pub(super) failures: Vec<Summary>,
    /// How the planned objects fare, by kind and name.
    pub(super) states: BTreeMap<(FluxKind, String), State>,
}

impl Observed {
    /// Whether no rule denies the Application.
    pub(super) fn is_valid(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }

    /// How the object of that kind and name fares.
    pub(super) fn state(&self, kind: FluxKind, name: &str) -> State {
        self.states.get(&(kind, name.to_owned())).cloned().unwrap_or_else(State::absent)
    }
}

/// How a Flux object fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) message: String,
    /// The revision that a source fetched, or that a policy last applied.
    pub(super) revision: Option<String>,
    /// Whether its user has suspended it.
    pub(super) suspended: bool,
}

/// The three things that a Flux object can be, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Failed,
    Progressing,
    Ready,
}

impl State {
    /// Written, and nothing heard of yet.
    pub(super) fn absent() -> Self {
        Self {
            phase: Phase::Progressing,
            message: "waiting for Flux".to_owned(),
            revision: None,
            suspended: false,
        }
    }

    /// Not there, for that reason.
    pub(super) fn failed(message: String) -> Self {
        Self { phase: Phase::Failed, message, revision: None, suspended: false }
    }

    /// What is ready at another revision than the source has fetched is not
    /// ready yet, unless its user has suspended it.
    pub(super) fn expect_revision(&mut self, fetched: Option<&str>) {
        if let Some(fetched) = fetched
            && self.phase == Phase::Ready
            && !self.suspended
            && self.revision.as_deref() != Some(fetched)
        {
            self.phase = Phase::Progressing;
            self.message = format!("waiting for Flux to apply {fetched}");
        }
    }

    /// Reads Flux's conditions, which follow kstatus.
    pub(super) fn of(kind: FluxKind, object: &DynamicObject) -> Self {
        if is_static(kind, object) {
            return Self { phase: Phase::Ready, message: "a registry".to_owned(), ..Self::absent() };
        }
        let status = object.data.get("status");
        let text =
            |pointer: &str| status.and_then(|status| status.pointer(pointer)?.as_str()).map(str::to_owned);
        let revision = text("/artifact/revision").or_else(|| text("/lastAppliedRevision"));
        let observed = status.and_then(|status| status.get("observedGeneration")?.as_i64());
        let condition = |type_: &str| {
            let conditions =
                status.and_then(|status| status.get("conditions")?.as_array()).into_iter().flatten();
            conditions
                .into_iter()
                .find(|condition| condition.get("type").and_then(|found| found.as_str()) == Some(type_))
        };
        let is = |type_: &str, value: &str| {
            condition(type_).and_then(|found| found.get("status")?.as_str()) == Some(value)
        };
        let phase = if object.metadata.deletion_timestamp.is_some() || observed != object.metadata.generation
        {
            Phase::Progressing
        } else if is("Ready", "True") {
            Phase::Ready
        } else if is("Ready", "False") && !is("Reconciling", "True") {
            Phase::Failed
        } else {
            Phase::Progressing
        };
        let suspended =
            object.data.pointer("/spec/suspend").and_then(serde_json::Value::as_bool).unwrap_or_default();
        let message = condition("Ready").and_then(|ready| ready.get("message")?.as_str());
        Self { phase, message: message.unwrap_or("waiting for Flux").to_owned(), revision, suspended }
    }
}

/// A registry of charts is an address and no more to Flux: its HelmRepository
/// never gets a status, and the charts that are pulled from it say how it fares.
fn is_static(kind: FluxKind, object: &DynamicObject) -> bool {
    let type_ = object.data.pointer("/spec/type").and_then(serde_json::Value::as_str);
    kind == FluxKind::HelmRepository && type_ == Some("oci")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn state(kind: FluxKind, spec: Value, status: Value) -> State {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": kind.api_version(), "kind": kind.kind(),
            "metadata": {"name": "shop", "namespace": "default", "generation": 2},
            "spec": spec, "status": status,
        }))
        .expect("an object");
        State::of(kind, &object)
    }

    fn status(generation: i64, ready: &str, reconciling: &str) -> Value {
        json!({"observedGeneration": generation, "conditions": [
            {"type": "Ready", "status": ready, "message": "said"}, {"type": "Reconciling", "status": reconciling},
        ]})
    }

    #[test]
    fn conditions_are_read_as_kstatus_has_them() {
        use Phase::{Failed, Progressing, Ready};
        let table = [
            (status(2, "True", "False"), Ready),
            (status(1, "True", "False"), Progressing),
            (status(2, "False", "False"), Failed),
            (status(2, "False", "True"), Progressing),
            (status(2, "Unknown", "True"), Progressing),
            (json!({}), Progressing),
        ];
        for kind in FluxKind::ALL {
            for (status, expected) in &table {
                assert_eq!(state(kind, json!({}), status.clone()).phase, *expected, "{kind:?} {status}");
            }
        }
    }

    #[test]
    fn a_registry_of_charts_is_ready_as_it_is() {
        let oci = || json!({"type": "oci", "url": "oci://e.com/charts"});
        assert_eq!(state(FluxKind::HelmRepository, oci(), Value::Null).phase, Phase::Ready);
        let index = json!({"type": "default", "url": "https://e.com"});
        assert_eq!(state(FluxKind::HelmRepository, index, Value::Null).phase, Phase::Progressing);
        assert_eq!(state(FluxKind::Bucket, oci(), Value::Null).phase, Phase::Progressing);
    }
}
