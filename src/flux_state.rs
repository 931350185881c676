//! How one of Flux's objects fares, by what it says of itself. Pure.

mod settle;

use fleetgate_plan::FluxKind;
use kube::api::DynamicObject;
use serde_json::Value;

/// How a Flux object fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    /// Why, in one of Flux's words.
    pub(crate) reason: String,
    pub(crate) message: String,
    /// The revision that a source fetched, or that a policy last applied.
    pub(crate) revision: Option<String>,
    /// The revision that a policy last tried to apply.
    pub(crate) attempted: Option<String>,
    /// The generation that Flux's status speaks of.
    pub(crate) observed: Option<i64>,
    /// The generation that there is.
    pub(crate) generation: Option<i64>,
    /// Whether Flux only looks again at what it has judged before, if it has.
    pub(crate) is_looked_at: bool,
    /// Whether that it is ready is only assumed: nobody has heard what was judged before.
    pub(crate) is_assumed: bool,
    /// Whether its user has suspended it.
    pub(crate) suspended: bool,
}

/// The three things that a Flux object can be, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Failed,
    Progressing,
    Ready,
}

impl State {
    /// Written, and nothing heard of yet.
    pub(crate) fn absent() -> Self {
        Self {
            phase: Phase::Progressing,
            reason: PROGRESSING.to_owned(),
            message: SILENT.to_owned(),
            revision: None,
            attempted: None,
            observed: None,
            generation: None,
            is_looked_at: false,
            is_assumed: false,
            suspended: false,
        }
    }

    /// Not there, for that reason.
    pub(crate) fn failed(message: String) -> Self {
        Self { phase: Phase::Failed, reason: "Failed".to_owned(), message, ..Self::absent() }
    }

    /// Whether Flux has said nothing yet.
    pub(crate) fn is_silent(&self) -> bool {
        self.phase == Phase::Progressing && self.message == SILENT
    }

    /// What is ready at another revision than the source has fetched is not
    /// ready yet, unless its user has suspended it.
    pub(crate) fn expect_revision(&mut self, fetched: Option<&str>) {
        if let Some(fetched) = fetched
            && self.phase == Phase::Ready
            && !self.suspended
            && self.revision.as_deref() != Some(fetched)
        {
            self.phase = Phase::Progressing;
            PROGRESSING.clone_into(&mut self.reason);
            self.message = format!("waiting for Flux to apply {fetched}");
        }
    }

    /// Reads Flux's conditions, which follow kstatus.
    pub(crate) fn of(kind: FluxKind, object: &DynamicObject) -> Self {
        if is_static(kind, object) {
            let (reason, message) = ("Succeeded".to_owned(), "a registry".to_owned());
            return Self { phase: Phase::Ready, reason, message, ..Self::absent() };
        }
        let status = object.data.get("status");
        let text =
            |pointer: &str| status.and_then(|status| status.pointer(pointer)?.as_str()).map(str::to_owned);
        let revision = text("/artifact/revision").or_else(|| text("/lastAppliedRevision"));
        let conditions = Conditions::of(object);
        let is_going = object.metadata.deletion_timestamp.is_some();
        let phase = if is_going { Phase::Progressing } else { conditions.phase() };
        let suspended = object.data.pointer("/spec/suspend").and_then(Value::as_bool).unwrap_or_default();
        let absent = Self::absent();
        let ready = |field: &str| conditions.text("Ready", field).map(str::to_owned);
        Self {
            phase,
            reason: ready("reason").unwrap_or(absent.reason),
            message: ready("message").unwrap_or(absent.message),
            revision,
            attempted: text("/lastAttemptedRevision"),
            observed: conditions.observed,
            generation: conditions.generation,
            is_looked_at: kind == FluxKind::Kustomization && conditions.is_looked_at() && !is_going,
            is_assumed: false,
            suspended,
        }
    }
}

/// What is said in Flux's place while it says nothing.
const SILENT: &str = "waiting for Flux";

/// What Flux says while it works.
const PROGRESSING: &str = "Progressing";

/// What Flux says while it tries again what has failed.
const TRIES_AGAIN: &str = "ProgressingWithRetry";

/// How Flux speaks of a source that has not been fetched yet, or is not there
/// yet. The same reasons stand for what is wrong with its content.
const NOT_YET: [&str; 4] = [
    "artifact not found",
    "\" not found",
    "does not have an artifact",
    "latest generation of object has not been reconciled",
];

/// The conditions of a Flux object.
struct Conditions<'a> {
    list: &'a [Value],
    /// The generation that the status speaks of, where a condition does not say.
    observed: Option<i64>,
    /// The generation that there is.
    generation: Option<i64>,
}

impl<'a> Conditions<'a> {
    fn of(object: &'a DynamicObject) -> Self {
        let status = object.data.get("status");
        let conditions = status.and_then(|status| status.get("conditions")?.as_array());
        Self {
            list: conditions.map(Vec::as_slice).unwrap_or_default(),
            observed: status.and_then(|status| status.get("observedGeneration")?.as_i64()),
            generation: object.metadata.generation,
        }
    }

    fn get(&self, type_: &str) -> Option<&'a Value> {
        self.list.iter().find(|condition| condition.get("type").and_then(Value::as_str) == Some(type_))
    }

    fn text(&self, type_: &str, field: &str) -> Option<&'a str> {
        self.get(type_)?.get(field)?.as_str()
    }

    fn is(&self, type_: &str, status: &str) -> bool {
        self.text(type_, "status") == Some(status)
    }

    fn phase(&self) -> Phase {
        if self.observed == self.generation && self.is("Ready", "True") {
            Phase::Ready
        } else if self.has_failed() && !self.waits_for_others() {
            Phase::Failed
        } else {
            Phase::Progressing
        }
    }

    /// Whether the last attempt at this generation failed. Flux moves the
    /// status' own `observedGeneration` only once it succeeds or gives up, and
    /// says that it goes on trying meanwhile.
    fn has_failed(&self) -> bool {
        let goes_on =
            self.is("Reconciling", "True") && self.text("Reconciling", "reason") != Some(TRIES_AGAIN);
        self.is_current() && self.is("Ready", "False") && !goes_on
    }

    /// Whether Flux is at work, at this generation.
    fn is_looked_at(&self) -> bool {
        self.is_current() && self.is("Ready", "Unknown") && self.text("Ready", "reason") == Some(PROGRESSING)
    }

    fn is_current(&self) -> bool {
        let of_condition = self.get("Ready").and_then(|ready| ready.get("observedGeneration")?.as_i64());
        of_condition.or(self.observed) == self.generation
    }

    /// Whether what is missing is somebody else's, who says so for itself: an
    /// object that this one depends on, or the source.
    fn waits_for_others(&self) -> bool {
        let message = self.text("Ready", "message").unwrap_or_default();
        match self.text("Ready", "reason") {
            Some("DependencyNotReady") => true,
            Some("ArtifactFailed" | "SourceNotReady") => {
                NOT_YET.iter().any(|not_yet| message.contains(not_yet))
            }
            _ => false,
        }
    }
}

/// A registry of charts is an address and no more to Flux: its HelmRepository
/// never gets a status, and the charts that are pulled from it say how it fares.
fn is_static(kind: FluxKind, object: &DynamicObject) -> bool {
    let type_ = object.data.pointer("/spec/type").and_then(Value::as_str);
    kind == FluxKind::HelmRepository && type_ == Some("oci")
}

#[cfg(test)]
mod tests;
