//! Deprecated field names, moved to the names that are stored.
//!
//! After a first admission only the new name is stored, so the next apply of
//! the old file brings both. Then the one that differs from the stored object
//! is what the user changed.

use std::borrow::Cow;

use fleetgate_api::{APPLICATION_ALIASES, Alias, Application};
use serde_json::{Value, json};

use crate::defaults;
use crate::field_path::{FieldPath, Segment};
use crate::finding::{Fault, Finding, Findings};
use crate::rules::object::DEPRECATED_FIELD;
use crate::schema::Kind;
use crate::unknown::unknown_fields;

/// The path of the object that holds an alias.
fn parent_path(alias: &Alias) -> FieldPath {
    alias.parent.iter().fold(FieldPath::root(), |path, name| path.field(*name))
}

/// `path` with every early name in it replaced by the one that is stored, and
/// the other way round: where a finding about a stored field stands in a file
/// that uses the early name.
#[must_use]
pub fn early_path(path: &FieldPath) -> Option<FieldPath> {
    let mut segments = path.segments().to_vec();
    for alias in &APPLICATION_ALIASES {
        let stored = parent_path(alias).field(alias.new);
        let position = stored.segments().len() - 1;
        if path.is_within(&stored)
            && let Some(segment) = segments.get_mut(position)
        {
            *segment = Segment::Field(alias.old.into());
            return Some(FieldPath::from(segments));
        }
    }
    None
}

/// A stored Application as admission would store it today: one that no gate saw
/// may have early names. What cannot be moved stays as it is.
#[must_use]
pub fn of_stored(application: &Application) -> Cow<'_, Application> {
    if !application.spec.has_early_names() {
        return Cow::Borrowed(application);
    }
    let moved = serde_json::to_value(application).and_then(|mut object| {
        drop(normalise(&mut object, None));
        serde_json::from_value(object)
    });
    moved.map_or(Cow::Borrowed(application), Cow::Owned)
}

/// Whether there is an early name in an Application.
pub(crate) fn has_early_name(object: &Value) -> bool {
    APPLICATION_ALIASES.iter().any(|alias| {
        let holder = alias.parent.iter().try_fold(object, |value, name| value.get(name));
        holder.is_some_and(|fields| fields.get(alias.old).is_some())
    })
}

/// Moves early names in an Application to the names that are stored. One that contradicts the name that is stored
/// stays where it is.
#[must_use]
pub fn normalise(object: &mut Value, old: Option<&Value>) -> Findings {
    let mut findings = Findings::default();
    let mut moved = Vec::new();
    for alias in &APPLICATION_ALIASES {
        let holder = alias.parent.iter().try_fold(&mut *object, |value, name| value.get_mut(name));
        if let Some(Value::Object(fields)) = holder
            && let Some(early) = fields.remove(alias.old).filter(|early| !early.is_null())
        {
            let parent = parent_path(alias);
            let stored = |name| old.and_then(|old| parent.field(name).get(old));
            let asked = Both { early: Some(&early), new: fields.get(alias.new) };
            let stored = Both { early: stored(alias.old), new: stored(alias.new) };
            match choose(&parent.field(alias.new), asked, stored) {
                Choice::Early => {
                    fields.insert(alias.new.to_owned(), early);
                    findings.push(deprecated(&parent, alias));
                    moved.push(parent.field(alias.new));
                }
                Choice::Current => findings.push(deprecated(&parent, alias)),
                // It stays, to be told from another one by which the stored object contradicts itself.
                Choice::Neither => {
                    fields.insert(alias.old.to_owned(), early);
                    findings.push(contradiction(&parent, alias));
                }
            }
        }
    }
    // An early name has no schema, so that kubectl's strict validation finds
    // no slip below it, and the API server would drop it without a word.
    if !moved.is_empty() {
        let mut unknown = unknown_fields(Kind::Application, object);
        unknown.retain(|finding| moved.iter().any(|path| finding.path.is_within(path)));
        findings.append(unknown);
    }
    findings
}

/// Whether a field is there for form's sake: clients that know only the new
/// name of a list write it empty.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

enum Choice {
    Early,
    Current,
    Neither,
}

/// What an object has under both names of a field.
#[derive(Clone, Copy)]
struct Both<'a> {
    early: Option<&'a Value>,
    new: Option<&'a Value>,
}

impl Both<'_> {
    /// As both would be stored: the early name has no schema to be prepared by.
    fn prepared(self, path: &FieldPath) -> [Option<Value>; 2] {
        let early = self.early.filter(|early| !early.is_null());
        let new = self.new.filter(|new| !is_nothing(new));
        [early, new].map(|value| value.map(|value| prepared(path, value)))
    }
}

fn choose(path: &FieldPath, asked: Both<'_>, stored: Both<'_>) -> Choice {
    if asked.new.is_none_or(is_nothing) {
        return Choice::Early;
    }
    let [early, new] = asked.prepared(path);
    let [stored_early, stored_new] = stored.prepared(path);
    // Who left it as it was did not mean it, whatever else is stored.
    let is_left = early == stored_early;
    let stored = stored_new.or(stored_early);
    if early == new || is_left || early == stored {
        Choice::Current
    } else if new == stored {
        Choice::Early
    } else {
        Choice::Neither
    }
}

/// `value` as it would be stored at `path`.
fn prepared(path: &FieldPath, value: &Value) -> Value {
    let mut value = value.clone();
    Kind::Application.schema().prepare_at(path, &mut value);
    let mut object = path.segments().iter().rev().fold(value, |inner, segment| match segment {
        Segment::Field(name) => json!({ &**name: inner }),
        Segment::Index(_) => json!([inner]),
    });
    defaults::fill(&mut object);
    path.get(&object).cloned().unwrap_or_default()
}

fn deprecated(parent: &FieldPath, alias: &Alias) -> Finding {
    let message = format!("is the early name of {}, and is stored under that name", alias.new);
    Finding::warning(&DEPRECATED_FIELD, parent.field(alias.old), Fault::Invalid, message)
        .hint(format!("rename it to {}", alias.new))
}

fn contradiction(parent: &FieldPath, alias: &Alias) -> Finding {
    let message = format!(
        "may not be set together with {}, of which it is the early name, to another value",
        alias.new
    );
    Finding::error(&DEPRECATED_FIELD, parent.field(alias.old), Fault::Forbidden, message)
        .hint(format!("keep {}", alias.new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn git(branch: &str) -> Value {
        json!({"url": "https://e.com", "interval": "5m", "ref": {"branch": branch}})
    }

    fn defaulted(branch: &str) -> Value {
        let mut git = git(branch);
        git["timeout"] = json!("60s");
        git
    }

    #[test]
    fn early_names_move() {
        let mut object =
            json!({"spec": {"source": {"gitRepo": git("main")}, "syncPolicy": [{"name": "web"}]}});
        let findings = normalise(&mut object, None);
        assert_eq!(
            object,
            json!({"spec": {"source": {"gitRepository": git("main")}, "syncPolicies": [{"name": "web"}]}})
        );
        assert_eq!(findings.count(), 2);
    }

    #[test]
    fn what_was_stored_under_early_names_is_read_by_the_new_ones() {
        let policies = json!([{"name": "web"}]);
        let new = json!({"source": {"gitRepository": git("main")}, "syncPolicies": policies});
        let table = [
            ("early names", json!({"source": {"gitRepo": git("main")}, "syncPolicy": policies}), true),
            (
                "beside an empty list",
                json!({"source": {"gitRepo": git("main")}, "syncPolicy": policies, "syncPolicies": []}),
                true,
            ),
            ("new names", new.clone(), false),
        ];
        let of = |spec: &Value| {
            let object = json!({
                "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "metadata": {"name": "shop"}, "spec": spec,
            });
            serde_json::from_value::<Application>(object).expect("an Application")
        };
        for (what, spec, is_moved) in table {
            let stored = of(&spec);
            let read = of_stored(&stored);
            assert_eq!(matches!(read, Cow::Owned(_)), is_moved, "{what}");
            assert_eq!(read.spec, of(&new).spec, "{what}");
        }
        for alias in &APPLICATION_ALIASES {
            let mut object = json!({"spec": {"source": {}}});
            let parent = parent_path(alias).get_mut(&mut object).expect("its parent");
            parent[alias.old] = json!({});
            assert!(of(&object["spec"]).spec.has_early_names(), "{}", alias.old);
        }
        let unreadable = of(&json!({"source": {"gitRepo": 5}, "syncPolicies": []}));
        assert_eq!(of_stored(&unreadable).spec, unreadable.spec);
    }

    #[test]
    fn slips_below_an_early_name_are_found() {
        let mut object = json!({"spec": {"source": {"gitRepo": {"ulr": "https://e.com"}}, "ohter": 1}});
        let findings = normalise(&mut object, None);
        let codes: Vec<String> =
            findings.iter().map(|finding| format!("{} {}", finding.code, finding.path)).collect();
        assert_eq!(
            codes,
            [
                "object/deprecated-field spec.source.gitRepo",
                "object/unknown-field spec.source.gitRepository.ulr"
            ]
        );
    }

    #[test]
    fn with_both_names_the_changed_one_wins() {
        let null = |branch: &str| {
            let mut git = git(branch);
            git["verify"] = Value::Null;
            git
        };
        let (early, new) = (|branch| (Some(git(branch)), None), |branch| (None, Some(defaulted(branch))));
        let both = |early, new| (Some(git(early)), Some(defaulted(new)));
        // (early name, new name, stored under the early name and under the new one, what is stored next; nothing when it is
        // an error)
        let table = [
            (git("a"), git("a"), (None, None), Some(git("a"))),
            (git("a"), git("b"), (None, None), None),
            (null("a"), git("a"), (None, None), Some(git("a"))),
            (git("a"), defaulted("a"), new("a"), Some(defaulted("a"))),
            (git("b"), defaulted("a"), new("a"), Some(git("b"))),
            (git("a"), defaulted("b"), new("a"), Some(defaulted("b"))),
            (git("b"), defaulted("c"), new("a"), None),
            (git("a"), defaulted("b"), early("a"), Some(defaulted("b"))),
            (git("b"), defaulted("a"), early("a"), Some(git("b"))),
            (git("b"), defaulted("c"), early("a"), None),
            (git("a"), defaulted("b"), both("a", "b"), Some(defaulted("b"))),
            (git("a"), defaulted("c"), both("a", "b"), Some(defaulted("c"))),
            (git("c"), defaulted("b"), both("a", "b"), Some(git("c"))),
            (git("c"), defaulted("d"), both("a", "b"), None),
        ];
        for (early, new, (stored_early, stored_new), expected) in table {
            let of = |early: &Option<Value>, new: &Option<Value>| json!({"spec": {"source": {"gitRepo": early, "gitRepository": new}}});
            let what = format!("{early} {new}");
            let mut object = of(&Some(early), &Some(new));
            let old = of(&stored_early, &stored_new);
            let asked = object.clone();
            let findings = normalise(&mut object, Some(&old));
            let is_error = findings.iter().any(|finding| finding.severity == crate::finding::Severity::Error);
            assert_eq!(is_error, expected.is_none(), "{what} {old}");
            // What is an error is left for all to see.
            let source = expected.map(|expected| json!({"gitRepository": expected}));
            assert_eq!(
                object["spec"]["source"],
                source.unwrap_or(asked["spec"]["source"].clone()),
                "{what} {old}"
            );
        }
    }

    #[test]
    fn an_empty_list_under_an_early_name_empties_what_is_stored() {
        let policies = json!([{"name": "web"}]);
        let old = json!({"spec": {"syncPolicies": policies}});
        let mut object = json!({"spec": {"syncPolicy": [], "syncPolicies": policies}});
        drop(normalise(&mut object, Some(&old)));
        assert_eq!(object["spec"], json!({"syncPolicies": []}));
    }

    #[test]
    fn an_early_name_is_the_stored_one_without_its_defaults() {
        let policies = |kind: Value, prune: bool| {
            let rollout =
                json!({"trafficRoutingProvider": "istio", "workload": {"name": "web", "kind": kind}});
            json!([{"rollout": rollout, "kustomization": {"interval": "5m", "prune": prune}}])
        };
        let path = FieldPath::spec().field("syncPolicies");
        let stored = prepared(&path, &policies(Value::Null, true));
        assert_eq!(stored[0]["rollout"]["workload"]["kind"], "Deployment");
        let current = prepared(&path, &policies(Value::Null, false));
        let mut object =
            json!({"spec": {"syncPolicy": policies(Value::Null, true), "syncPolicies": current}});
        let findings = normalise(&mut object, Some(&json!({"spec": {"syncPolicies": stored}})));
        assert!(
            findings.iter().all(|finding| finding.severity == crate::finding::Severity::Warning),
            "{findings:?}"
        );
        assert_eq!(object["spec"], json!({"syncPolicies": current}));
    }

    #[test]
    fn paths_lead_back_to_the_early_name() {
        let path = FieldPath::policy(1).field("name");
        assert_eq!(early_path(&path).expect("a path").to_string(), "spec.syncPolicy[1].name");
        assert_eq!(early_path(&FieldPath::spec()), None);
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(early in any::<bool>(), new in any::<bool>(), same in any::<bool>()) {
            let mut object = json!({"spec": {"source": {}}});
            if early { object["spec"]["source"]["gitRepo"] = git("a"); }
            if new { object["spec"]["source"]["gitRepository"] = git(if same { "a" } else { "b" }); }
            drop(normalise(&mut object, None));
            let once = object.clone();
            // Nothing is left but what cannot be moved.
            let contradicts = early && new && !same;
            prop_assert_eq!(normalise(&mut object, None).count(), usize::from(contradicts));
            prop_assert_eq!(once, object);
        }
    }
}
