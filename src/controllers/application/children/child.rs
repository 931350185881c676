//! What is kept of one of Flux's objects: whose it is, what was last applied,
//! and how it fares. The object itself is not kept: of thousands that is ten
//! times as much.

use std::sync::{Arc, OnceLock};

use fleetgate_api::names::{
    ANNOTATION_APPLIED, ANNOTATION_DESTINATION, ANNOTATION_POLICY, LABEL_APPLICATION, LABEL_SHARD,
};
use fleetgate_plan::{FluxKind, KubeconfigRef, Purpose, owner_of};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::controllers::application::adopt;
use crate::controllers::version::Version;
use crate::flux_state::State;

/// The labels that Fleetgate writes.
const LABELS: [&str; 2] = [LABEL_APPLICATION, LABEL_SHARD];

/// One of Flux's objects.
#[derive(Debug)]
pub(in crate::controllers::application) struct Child {
    pub(in crate::controllers::application) kind: FluxKind,
    pub(in crate::controllers::application) namespace: Box<str>,
    pub(in crate::controllers::application) name: Box<str>,
    pub(in crate::controllers::application) uid: Box<str>,
    pub(super) version: Version,
    pub(in crate::controllers::application) facts: Facts,
    /// The digest of what the object was seen to have all of.
    same_as: OnceLock<Box<str>>,
}

/// What is read of an object: where none of it changes, nobody need look.
#[derive(Debug, PartialEq)]
pub(in crate::controllers::application) struct Facts {
    /// The uid of the Application that it belongs to.
    pub(in crate::controllers::application) owner: Option<Box<str>>,
    /// The policy that it was made for.
    policy: Option<Box<str>>,
    /// What tells the destination that it was made for from others.
    destination: Option<Box<str>>,
    /// The digest of what was last applied to it.
    applied: Option<Box<str>>,
    labels: [Option<Box<str>>; LABELS.len()],
    /// Compact JSON.
    spec: Arc<str>,
    /// The Secret with the kubeconfig that it names; none on the host.
    pub(in crate::controllers::application) secret: Option<Box<str>>,
    pub(in crate::controllers::application) state: State,
    pub(in crate::controllers::application) is_going: bool,
    /// Whether fields of it are Kurator's.
    pub(in crate::controllers::application) is_kurators: bool,
    /// Since when it is going.
    pub(in crate::controllers::application) going_since: Option<Timestamp>,
}

impl Child {
    pub(in crate::controllers::application) fn of(kind: FluxKind, object: &DynamicObject) -> Self {
        let annotation = |name: &str| object.annotations().get(name).map(|value| value.as_str().into());
        let facts = Facts {
            owner: owner_of(object).map(Into::into),
            policy: annotation(ANNOTATION_POLICY),
            destination: annotation(ANNOTATION_DESTINATION),
            applied: annotation(ANNOTATION_APPLIED),
            labels: labels(object),
            spec: object.data.get("spec").map(Value::to_string).unwrap_or_default().into(),
            secret: secret_of(object).map(Into::into),
            state: State::of(kind, object),
            is_going: object.metadata.deletion_timestamp.is_some(),
            is_kurators: adopt::is_kurators(object.managed_fields()),
            going_since: object.metadata.deletion_timestamp.as_ref().map(|since| since.0),
        };
        Self {
            kind,
            namespace: object.namespace().unwrap_or_default().into(),
            name: object.name_any().into(),
            uid: object.uid().unwrap_or_default().into(),
            version: Version::new(&object.resource_version().unwrap_or_default()),
            facts,
            same_as: OnceLock::new(),
        }
    }

    /// Namespace and name.
    pub(in crate::controllers::application) fn key(&self) -> (Box<str>, Box<str>) {
        (self.namespace.clone(), self.name.clone())
    }

    /// Its spec, as it was last told of.
    pub(in crate::controllers::application) fn spec(&self) -> Value {
        serde_json::from_str(&self.facts.spec).unwrap_or_default()
    }

    /// Namespace and name of the Secret with the kubeconfig that it names.
    pub(in crate::controllers::application) fn secret(&self) -> Option<(Box<str>, Box<str>)> {
        self.facts.secret.clone().map(|secret| (self.namespace.clone(), secret))
    }

    /// Whether it belongs to the Application of that uid.
    pub(in crate::controllers::application) fn is_owned_by(&self, uid: Option<&str>) -> bool {
        uid.is_some() && self.facts.owner.as_deref() == uid
    }

    /// The name of the Application that its label names.
    pub(in crate::controllers::application) fn application(&self) -> Option<&str> {
        let [application, _] = &self.facts.labels;
        application.as_deref()
    }

    /// What it was made for, by what it says of itself.
    pub(in crate::controllers::application) fn purpose(&self) -> Purpose<'_> {
        let Facts { policy, destination, applied, .. } = &self.facts;
        Purpose::new(self.kind, |name| match name {
            ANNOTATION_POLICY => policy.as_deref(),
            ANNOTATION_DESTINATION => destination.as_deref(),
            ANNOTATION_APPLIED => applied.as_deref(),
            _ => None,
        })
    }

    /// Whether these are the credentials that it is delivered with.
    pub(super) fn is_delivered_by(&self, kubeconfig: Option<&KubeconfigRef>) -> bool {
        KubeconfigRef::of(&self.spec()).as_ref() == kubeconfig
    }

    /// Whether `wanted`, of that digest, is what was last applied, and still there.
    pub(in crate::controllers::application) fn has(&self, wanted: &DynamicObject, digest: &str) -> bool {
        self.facts.applied.as_deref() == Some(digest)
            && self.has_labels(wanted)
            && (self.same_as.get().is_some_and(|same| **same == *digest) || self.has_spec(wanted, digest))
    }

    /// What the API server answered to the apply of what has that digest: however
    /// it looks now, to apply it again would change nothing.
    pub(in crate::controllers::application) fn answered(self, digest: &str) -> Self {
        Self { same_as: OnceLock::from(Box::from(digest)), ..self }
    }

    /// The same, sharing with its predecessor what did not change, and keeping
    /// Flux's verdict on it while Flux only looks again.
    pub(super) fn after(mut self, before: Option<&Self>) -> Self {
        self.facts.state.settle(before.map(|before| &before.facts.state));
        if let Some(before) = before.filter(|before| before.facts.spec == self.facts.spec) {
            self.facts.spec = Arc::clone(&before.facts.spec);
            if self.same_as.get().is_none() {
                self.same_as = before.same_as.clone();
            }
        }
        self
    }

    fn has_labels(&self, wanted: &DynamicObject) -> bool {
        let mut both = labels(wanted).into_iter().zip(&self.facts.labels);
        both.all(|(wanted, there)| wanted.is_none() || wanted == *there)
    }

    fn has_spec(&self, wanted: &DynamicObject, digest: &str) -> bool {
        let is_same = wanted.data.get("spec").is_some_and(|wanted| contains(&self.spec(), wanted));
        if is_same {
            // Another one may have seen the same meanwhile.
            drop(self.same_as.set(digest.into()));
        }
        is_same
    }
}

/// The Secret with the kubeconfig that a policy's object names.
pub(in crate::controllers::application) fn secret_of(object: &DynamicObject) -> Option<&str> {
    object.data.pointer("/spec/kubeConfig/secretRef/name").and_then(Value::as_str)
}

fn labels(object: &DynamicObject) -> [Option<Box<str>>; LABELS.len()] {
    LABELS.map(|name| object.labels().get(name).map(|value| value.as_str().into()))
}

/// Whether `actual` has everything that `wanted` asks for; the API server's
/// defaults come on top.
fn contains(actual: &Value, wanted: &Value) -> bool {
    match (actual, wanted) {
        (Value::Object(actual), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| actual.get(key).is_some_and(|actual| contains(actual, wanted)))
        }
        (Value::Array(actual), Value::Array(wanted)) => {
            actual.len() == wanted.len()
                && actual.iter().zip(wanted).all(|(actual, wanted)| contains(actual, wanted))
        }
        (actual, wanted) => actual == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kustomization(metadata: Value, spec: Value) -> DynamicObject {
        let mut object = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata, "spec": spec,
        });
        object["metadata"]["name"] = json!("web");
        serde_json::from_value(object).expect("an object")
    }

    #[test]
    fn defaults_on_top_are_no_difference() {
        let wanted = json!({"spec": {"interval": "5m", "patches": [{"patch": "x"}]}});
        let table = [
            (
                json!({"spec": {"interval": "5m", "force": false, "patches": [{"patch": "x"}]}, "status": {}}),
                true,
            ),
            (json!({"spec": {"interval": "6m", "patches": [{"patch": "x"}]}}), false),
            (json!({"spec": {"interval": "5m", "patches": []}}), false),
            (json!({"spec": {"interval": "5m"}}), false),
        ];
        for (actual, expected) in table {
            assert_eq!(contains(&actual, &wanted), expected, "{actual}");
        }
    }

    #[test]
    fn a_null_is_a_value_of_its_own() {
        let wanted = json!({"values": {"debug": null}});
        let table =
            [(json!({"debug": null}), true), (json!({}), false), (json!({"debug": {"on": true}}), false)];
        for (actual, expected) in table {
            assert_eq!(contains(&json!({ "values": actual }), &wanted), expected, "{actual}");
        }
    }

    #[test]
    fn what_was_applied_and_is_still_there_is_not_applied_again() {
        let metadata = |digest: &str, labels: Value| json!({"annotations": {ANNOTATION_APPLIED: digest}, "labels": labels});
        let ours = || json!({LABEL_APPLICATION: "shop", "more": "yes"});
        let wanted = kustomization(json!({"labels": {LABEL_APPLICATION: "shop"}}), json!({"path": "./a"}));
        let table = [
            (metadata("d1", ours()), json!({"path": "./a", "force": false}), true),
            (metadata("d0", ours()), json!({"path": "./a"}), false),
            (metadata("d1", ours()), json!({"path": "./b"}), false),
            (metadata("d1", json!({LABEL_APPLICATION: "other"})), json!({"path": "./a"}), false),
            (json!({"labels": ours()}), json!({"path": "./a"}), false),
        ];
        for (metadata, spec, expected) in table {
            let child = Child::of(FluxKind::Kustomization, &kustomization(metadata.clone(), spec.clone()));
            assert_eq!(child.has(&wanted, "d1"), expected, "{metadata} {spec}");
        }
    }

    /// Two clusters may have their kubeconfigs in one Secret.
    #[test]
    fn what_delivers_it_is_one_key_of_one_secret() {
        let child = |kubeconfig: Value| {
            let spec = json!({"path": "./a", "kubeConfig": kubeconfig});
            Child::of(FluxKind::Kustomization, &kustomization(json!({}), spec))
        };
        let of = |secret: &str, key: &str| KubeconfigRef { secret: secret.to_owned(), key: key.to_owned() };
        let named = |key: Value| json!({"secretRef": {"name": "members", "key": key}});
        let table = [
            (named(json!("m1")), Some(of("members", "m1")), true),
            (named(json!("m1")), Some(of("members", "m2")), false),
            (named(json!("m1")), Some(of("others", "m1")), false),
            (named(json!("m1")), None, false),
            (named(json!(null)), Some(of("members", "value")), true),
            (json!(null), None, true),
            (json!(null), Some(of("members", "m1")), false),
        ];
        for (kubeconfig, asked, expected) in table {
            let is_delivered = child(kubeconfig.clone()).is_delivered_by(asked.as_ref());
            assert_eq!(is_delivered, expected, "{kubeconfig} {asked:?}");
        }
    }

    /// An API server may make something else of what is applied, each time.
    #[test]
    fn what_the_api_server_made_of_it_stays_the_same_until_it_changes() {
        let wanted = kustomization(json!({}), json!({"path": "./a"}));
        let made = |path: &str| {
            let metadata = json!({"annotations": {ANNOTATION_APPLIED: "d1"}});
            Child::of(FluxKind::Kustomization, &kustomization(metadata, json!({ "path": path })))
        };
        let answer = made("./mutated").answered("d1");
        assert!(answer.has(&wanted, "d1"));
        assert!(made("./mutated").after(Some(&answer)).has(&wanted, "d1"), "an event with the same spec");
        assert!(!made("./drifted").after(Some(&answer)).has(&wanted, "d1"));
    }
}
