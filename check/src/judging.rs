//! The second way through the files: the verdict on each of their objects.

use std::sync::Arc;

use fleetgate_plan::Catalog;
use fleetgate_webhooks::field_path::Segment;
use fleetgate_webhooks::finding::Fault;
use fleetgate_webhooks::normalise::early_path;
use fleetgate_webhooks::rules::{object as object_rules, reference};
use fleetgate_webhooks::schema::VERSION;
use fleetgate_webhooks::unknown::unknown_fields;
use fleetgate_webhooks::{FieldPath, Finding, Verdict, credentials, judge_asked};
use serde_json::Value;

use super::facts::Learnt;
use super::input::Input;
use super::kept::{Kept, Objects};
use super::object::Object;
use super::reading::Reading;
use super::report::Remark;

/// What objects are judged by.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) learnt: Learnt,
    /// Whether the Fleets that exist are known. Otherwise nobody can say what a
    /// reference to one is worth.
    pub(super) fleets: bool,
    /// The same of the clusters that exist.
    pub(super) clusters: bool,
    /// Whether the names of objects without findings are asked for, too.
    pub(super) names_wanted: bool,
}

/// What is to be said about the objects of some files.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// How many objects there is a verdict on.
    pub(super) objects: usize,
    /// What they are called, file by file, if that is asked for.
    pub(super) names: Vec<(Arc<str>, Vec<Arc<str>>)>,
    pub(super) remarks: Vec<Remark>,
}

/// Judges the objects that `files` were found to hold.
pub(super) fn judge_files(files: &[Input], objects: &Objects, known: &Known) -> Judged {
    let mut judged = Judged::default();
    objects.for_each(files, |object, kept, first, reading| {
        let Some(object) = object else {
            judged.remarks.push(changed(reading));
            return;
        };
        judged.objects += 1;
        let remarks = judge_object(&object, kept, first, reading, known);
        if known.names_wanted {
            // By the one name that its remarks have, objects of the same name are apart.
            let name = remarks.first().and_then(|remark| remark.object.clone());
            judged.name(reading.file(), name.unwrap_or_else(|| object.name().into()));
        }
        judged.remarks.extend(remarks);
    });
    judged
}

impl Judged {
    fn name(&mut self, file: &Arc<str>, name: Arc<str>) {
        match self.names.last_mut() {
            Some((last, names)) if Arc::ptr_eq(last, file) => names.push(name),
            _ => self.names.push((Arc::clone(file), vec![name])),
        }
    }
}

/// What is to be said of an object that is not in its file any more.
pub(super) fn changed(reading: &Reading<'_>) -> Remark {
    Remark::unreadable(reading.file(), None, "has changed while it was checked")
}

/// What is to be said about an object, and about where it stood `first`.
pub(super) fn judge_object(
    object: &Object,
    kept: &Kept,
    first: Option<&str>,
    reading: &mut Reading<'_>,
    known: &Known,
) -> Vec<Remark> {
    let mut findings = findings(object, known);
    if let (Some(first), Some(name)) = (first, object.value.pointer("/metadata/name")) {
        findings.push(object_rules::duplicate(name.clone(), first));
    }
    if findings.is_empty() {
        return Vec::new();
    }
    let name: Arc<str> = object.name().into();
    let remarks = findings.into_iter().map(|finding| {
        let path = kept.path().join(&written_path(&finding.path, &object.value));
        let (position, excerpt) = reading.place(kept.document, &path);
        Remark {
            position: Some(position),
            object: Some(Arc::clone(&name)),
            excerpt: excerpt.filter(|_| kept.may_be_shown),
            ..Remark::new(reading.file(), finding)
        }
    });
    remarks.collect()
}

/// What there is to say of an object that nobody has stored yet.
fn findings(object: &Object, known: &Known) -> Vec<Finding> {
    let Learnt { catalog, credentials } = &known.learnt;
    let Verdict { object: stored, mut findings } = verdict(object, None, catalog);
    if object.version == VERSION {
        findings.extend(credentials::check(object.kind, &stored, credentials));
    }
    findings.retain(|finding| match finding.code {
        code if code == reference::FLEET.code => known.fleets,
        code if code == reference::cluster::CLUSTER.code => known.clusters,
        _ => true,
    });
    findings
}

/// The verdict of admission, on an update beside the stored object, and what
/// the API server says before it.
#[must_use]
pub fn verdict(object: &Object, old: Option<&Value>, catalog: &Catalog) -> Verdict {
    if object.version != VERSION {
        return Verdict { object: object.value.clone(), findings: vec![wrong_version(object)] };
    }
    let mut findings = unknown_fields(object.kind, &object.value).into_vec();
    let verdict = judge_asked(object.kind, object.value.clone(), old, catalog);
    findings.extend(verdict.findings);
    Verdict { findings, ..verdict }
}

fn wrong_version(object: &Object) -> Finding {
    let group = object.kind.group();
    let path = FieldPath::root().field("apiVersion");
    let message = format!("must be {group}/{VERSION}, the version that is served");
    Finding::error(&object_rules::UNREADABLE, path, Fault::NotSupported, message)
        .value(format!("{group}/{}", object.version))
}

/// A finding names the field as it is stored; the file may use its early name.
fn written_path(path: &FieldPath, object: &Value) -> FieldPath {
    if path.get(object).is_some() {
        return path.clone();
    }
    early_path(path).filter(|early| is_begun(early, object)).unwrap_or_else(|| path.clone())
}

/// Whether the early name that a path leads through is in the object.
fn is_begun(early: &FieldPath, object: &Value) -> bool {
    let aliases = fleetgate_api::APPLICATION_ALIASES;
    let mut head = Some(early.clone());
    while let Some(path) = head {
        let is_alias = path.segments().last().is_some_and(
            |last| matches!(last, Segment::Field(name) if aliases.iter().any(|alias| alias.old == name)),
        );
        if is_alias {
            return path.get(object).is_some();
        }
        head = path.parent();
    }
    false
}
