//! The status that a source's object should have. Pure: what was there goes in, what is to be written comes out.

use serde_json::{Map, Value, json};

use super::artifact::Artifact;

/// What came of looking at a source.
pub(super) type Outcome = Result<Stored, Failed>;

/// The archive is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// As Flux writes it for this kind of source.
    pub(super) revision: String,
    pub(super) artifact: Artifact,
    /// For a person, in Flux's words.
    pub(super) message: String,
    /// What only this kind of source has in its status.
    pub(super) also: Vec<(&'static str, String)>,
}

/// It could not be had; the reason is Flux's, the message is for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Failed {
    /// For `map_err`.
    pub(super) fn because(reason: &'static str) -> impl Fn(String) -> Self {
        move |message| Self { reason, message }
    }
}

/// The object as far as its status depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observed<'a> {
    pub(super) generation: i64,
    /// The annotation by which people ask for a look at once.
    pub(super) requested_at: Option<&'a str>,
    pub(super) status: &'a Value,
}

/// The status to write, or nothing when it is there already: a write per look would never end.
pub(super) fn next(observed: Observed<'_>, outcome: &Outcome, now: &str) -> Option<Value> {
    let mut status = Map::new();
    status.insert("observedGeneration".to_owned(), json!(observed.generation));
    if let Some(requested_at) = observed.requested_at {
        status.insert("lastHandledReconcileAt".to_owned(), json!(requested_at));
    }
    if let Ok(stored) = outcome {
        status.insert("artifact".to_owned(), artifact_value(observed.status, stored, now));
        status.extend(stored.also.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
    }
    status.insert("conditions".to_owned(), Value::Array(conditions(observed, outcome, now)));
    let unchanged = status.iter().all(|(key, value)| observed.status.get(key) == Some(value));
    (!unchanged).then_some(Value::Object(status))
}

fn artifact_value(old: &Value, Stored { revision, artifact, .. }: &Stored, now: &str) -> Value {
    let mut value = json!({
        "revision": revision,
        "path": artifact.path,
        "url": artifact.url,
        "digest": artifact.digest,
        "size": artifact.size,
        "lastUpdateTime": now,
    });
    if let Some(written) = old.get("artifact")
        && ["revision", "url", "digest"].iter().all(|key| written.get(key) == value.get(key))
    {
        keep(&mut value, written, "lastUpdateTime");
    }
    value
}

fn conditions(observed: Observed<'_>, outcome: &Outcome, now: &str) -> Vec<Value> {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        let mut value = json!({
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "observedGeneration": observed.generation,
            "lastTransitionTime": now,
        });
        if let Some(old) =
            condition_of(observed.status, kind).filter(|old| old.get("status") == Some(&json!(status)))
        {
            keep(&mut value, old, "lastTransitionTime");
        }
        value
    };
    match outcome {
        Ok(Stored { message, .. }) => vec![
            condition("Ready", "True", "Succeeded", message),
            condition("ArtifactInStorage", "True", "Succeeded", message),
        ],
        Err(Failed { reason, message }) => {
            let mut conditions = vec![condition("Ready", "False", reason, message)];
            conditions.extend(condition_of(observed.status, "ArtifactInStorage").cloned());
            conditions
        }
    }
}

fn condition_of<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = status.get("conditions").and_then(Value::as_array)?;
    conditions.iter().find(|condition| condition.get("type").and_then(Value::as_str) == Some(kind))
}

fn keep(value: &mut Value, old: &Value, key: &str) {
    if let (Some(new), Some(old)) = (value.get_mut(key), old.get(key)) {
        *new = old.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(revision: &str) -> Stored {
        let artifact = Artifact { path: "p".into(), url: "u".into(), digest: "sha256:d".into(), size: 1 };
        let also = vec![("observedChartName", "podinfo".to_owned())];
        Stored { revision: revision.to_owned(), artifact, message: format!("stored {revision}"), also }
    }

    fn observed(status: &Value) -> Observed<'_> {
        Observed { generation: 1, requested_at: None, status }
    }

    #[test]
    fn is_written_once() {
        let first = next(observed(&Value::Null), &Ok(stored("a")), "2026-01-01T00:00:00Z").unwrap();
        assert_eq!(first.pointer("/conditions/0/status"), Some(&json!("True")));
        assert_eq!(first.get("observedChartName"), Some(&json!("podinfo")));
        assert_eq!(next(observed(&first), &Ok(stored("a")), "2026-01-02T00:00:00Z"), None);
    }

    #[test]
    fn a_failure_keeps_the_last_archive_and_its_time() {
        let first = next(observed(&Value::Null), &Ok(stored("a")), "1").unwrap();
        let failed = Err(Failed { reason: "GitOperationFailed", message: "no".to_owned() });
        let second = next(observed(&first), &failed, "2").unwrap();
        assert_eq!(second.get("artifact"), None, "a merge patch without the key leaves it alone");
        assert_eq!(second.pointer("/conditions/0/lastTransitionTime"), Some(&json!("2")));
        assert_eq!(second.pointer("/conditions/1/lastTransitionTime"), Some(&json!("1")));
    }

    #[test]
    fn a_new_revision_or_request_is_written() {
        let first = next(observed(&Value::Null), &Ok(stored("a")), "1").unwrap();
        let second = next(observed(&first), &Ok(stored("b")), "2").unwrap();
        assert_eq!(second.pointer("/artifact/lastUpdateTime"), Some(&json!("2")));
        let asked = Observed { requested_at: Some("now"), ..observed(&first) };
        let third = next(asked, &Ok(stored("a")), "3").unwrap();
        assert_eq!(third.get("lastHandledReconcileAt"), Some(&json!("now")));
        assert_eq!(third.pointer("/artifact/lastUpdateTime"), Some(&json!("1")));
    }
}
