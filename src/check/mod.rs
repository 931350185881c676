//! `fleetgate check`: the verdict that the cluster would give, with no cluster
//! at hand.
//!
//! ```text
//! files ─▶ documents ─┬─▶ Catalog (Fleets, clusters) ─┐
//!                     └─▶ objects ────────────────────┴─▶ judge ─▶ findings with file, line, column
//! ```
//!
//! **Invariant**: the verdict is that of `fleetgate_webhooks::judge`. What is
//! added here is only what the API server would have said before a webhook sees
//! the object: unknown fields.

mod applications;
mod documents;
mod input;
mod report;

use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;

use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster};
use fleetgate_webhooks::field_path::Segment;
use fleetgate_webhooks::names;
use fleetgate_webhooks::normalise::early_path;
use fleetgate_webhooks::rules::{object, reference};
use fleetgate_webhooks::schema::VERSION;
use fleetgate_webhooks::unknown::unknown_fields;
use fleetgate_webhooks::{FieldPath, Finding, Kind, judge};
use serde_json::{Value, json};

pub(crate) use self::applications::{Applications, applications};
use self::documents::{Document, Position};
use self::input::{Unreadable, read_all};
use self::report::Report;

/// What a run of `check` found, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every object would be admitted.
    Admitted = 0,
    /// At least one would be refused.
    Refused = 1,
    /// Something could not be read, so that there is no verdict on it.
    Unreadable = 2,
}

/// An object of a kind that Fleetgate serves, and where it stands.
#[derive(Debug)]
struct Object {
    file: String,
    kind: Kind,
    version: String,
    value: Value,
    document: Rc<Document>,
    /// The path of the object in its document: the root, or an item of a List.
    base: FieldPath,
}

/// A finding and where it stands.
#[derive(Debug)]
struct Located {
    file: String,
    position: Position,
    finding: Finding,
}

/// Checks all objects below `paths` and prints what is to be said about them.
pub(crate) fn run(paths: &[PathBuf], out: &mut impl Write) -> std::io::Result<Outcome> {
    let mut report = Report::default();
    let objects = read(paths, &mut report);
    let catalog = catalog_of(&objects);
    for object in &objects {
        report.checked += 1;
        report.findings.extend(check(object, &catalog));
    }
    report.fleets_unknown = !catalog.knows_fleets() && report.checked > 0;
    report.print(out)?;
    Ok(report.outcome())
}

/// The objects of ours in all files below `paths`.
fn read(paths: &[PathBuf], report: &mut Report) -> Vec<Object> {
    let mut objects = Vec::new();
    for (file, content) in read_all(paths) {
        report.files += 1;
        match content {
            Ok(text) => collect(&file, &text, &mut objects, report),
            Err(unreadable) => report.unreadable.push(unreadable),
        }
    }
    objects
}

/// Sorts a file's documents into objects of ours, others, and what is neither.
fn collect(file: &str, text: &str, objects: &mut Vec<Object>, report: &mut Report) {
    for document in documents::parse(text) {
        match document {
            Ok(document) if document.value.is_null() => {}
            Ok(document) => {
                let document = Rc::new(document);
                let value = document.value.clone();
                collect_object(file, &document, &FieldPath::root(), value, objects, report);
            }
            Err(error) => {
                let message = format!("cannot be read as YAML: {}", error.message);
                report.unreadable.push(Unreadable::at(file, error.position, message));
            }
        }
    }
}

fn collect_object(
    file: &str,
    document: &Rc<Document>,
    base: &FieldPath,
    value: Value,
    objects: &mut Vec<Object>,
    report: &mut Report,
) {
    match identify(&value) {
        Ok(Identity::Ours(kind, version)) => objects.push(Object {
            file: file.to_owned(),
            kind,
            version,
            value,
            document: Rc::clone(document),
            base: base.clone(),
        }),
        Ok(Identity::List(items)) => {
            for (index, item) in items.into_iter().enumerate() {
                collect_object(file, document, &base.field("items").index(index), item, objects, report);
            }
        }
        Ok(Identity::Other) => report.others += 1,
        Err(message) => report.unreadable.push(Unreadable::at(file, document.position(base), message)),
    }
}

/// What an object is to us.
enum Identity {
    /// One of our kinds, in that version.
    Ours(Kind, String),
    /// A `v1` List, as `kubectl get -o yaml` writes it.
    List(Vec<Value>),
    /// Somebody else's.
    Other,
}

fn identify(value: &Value) -> Result<Identity, String> {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else {
        return Err("is no Kubernetes object: it has no apiVersion and kind".to_owned());
    };
    if (api_version, kind) == ("v1", "List") {
        let items = value.get("items").and_then(Value::as_array).cloned();
        return Ok(Identity::List(items.unwrap_or_default()));
    }
    let Some((group, version)) = api_version.split_once('/') else {
        return Ok(Identity::Other);
    };
    if let Some(kind) = Kind::of(group, kind) {
        return Ok(Identity::Ours(kind, version.to_owned()));
    }
    let mut known = Kind::ALL.into_iter().filter(|known| known.group() == group).map(Kind::as_str);
    let hint = if is_all_ours(group) { names::suggest(kind, known) } else { near(kind, &mut known) };
    match hint {
        Some(hint) => Err(format!("is no kind of {api_version}: {kind:?}; {hint}")),
        None => Ok(Identity::Other),
    }
}

/// The group of the clusters has kinds of other controllers, too.
fn is_all_ours(group: &str) -> bool {
    [Kind::Application, Kind::Fleet].iter().any(|kind| kind.group() == group)
}

fn near<'a>(kind: &str, known: &mut impl Iterator<Item = &'a str>) -> Option<String> {
    names::nearest(kind, known).map(|near| format!("did you mean {near:?}?"))
}

/// The Fleets and clusters among the objects. One that cannot be read is
/// reported for itself, and missing here.
fn catalog_of(objects: &[Object]) -> Catalog {
    let mut catalog = Catalog::default();
    for object in objects {
        let mut value = with_namespace(object);
        object.kind.schema().prepare(&mut value);
        match object.kind {
            Kind::Fleet => {
                if let Ok(fleet) = serde_json::from_value::<Fleet>(value) {
                    catalog.insert_fleet(&fleet);
                }
            }
            Kind::AttachedCluster => {
                if let Ok(cluster) = serde_json::from_value::<AttachedCluster>(value) {
                    catalog.insert_cluster(Cluster::from(&cluster));
                }
            }
            Kind::Application => {}
        }
    }
    catalog
}

/// The object in the namespace that kubectl would put it into.
fn with_namespace(object: &Object) -> Value {
    let mut value = object.value.clone();
    if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
        metadata.entry("namespace").or_insert_with(|| json!("default"));
    }
    value
}

fn check(object: &Object, catalog: &Catalog) -> Vec<Located> {
    let value = with_namespace(object);
    if object.version != VERSION {
        return vec![located(object, wrong_version(object))];
    }
    let mut findings = unknown_fields(object.kind, &value);
    let said = judge(object.kind, &value, None, catalog).findings;
    // Without a Fleet at hand nobody can say what a reference to one is worth.
    findings.extend(
        said.into_iter()
            .filter(|finding| catalog.knows_fleets() || !finding.code.starts_with(reference::PREFIX)),
    );
    findings.into_iter().map(|finding| located(object, finding)).collect()
}

fn wrong_version(object: &Object) -> Finding {
    let path = FieldPath::root().field("apiVersion");
    let message = format!("must be {}/{VERSION}, the version that is served", object.kind.group());
    let value = format!("{}/{}", object.kind.group(), object.version);
    Finding::error(&object::UNREADABLE, path, fleetgate_webhooks::finding::Fault::NotSupported, message)
        .value(value)
}

fn located(object: &Object, finding: Finding) -> Located {
    // The finding names the field as it is stored; the file may use its early name.
    let is_written = finding.path.get(&object.value).is_some();
    let early = early_path(&finding.path).filter(|early| !is_written && is_begun(early, &object.value));
    let path = early.as_ref().unwrap_or(&finding.path);
    let position = object.document.position(&object.base.join(path));
    Located { file: object.file.clone(), position, finding }
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
