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

mod documents;
mod input;
mod report;

use std::io::Write;
use std::path::PathBuf;

use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster};
use fleetgate_webhooks::normalise::early_path;
use fleetgate_webhooks::rules::{object, reference};
use fleetgate_webhooks::schema::VERSION;
use fleetgate_webhooks::unknown::unknown_fields;
use fleetgate_webhooks::{Finding, Kind, judge};
use serde_json::{Value, json};

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
    document: Document,
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
    let mut objects = Vec::new();
    for (file, content) in read_all(paths) {
        report.files += 1;
        match content {
            Ok(text) => collect(&file, &text, &mut objects, &mut report),
            Err(unreadable) => report.unreadable.push(unreadable),
        }
    }
    let catalog = catalog_of(&objects);
    for object in &objects {
        report.checked += 1;
        report.findings.extend(check(object, &catalog));
    }
    report.fleets_unknown = !catalog.knows_fleets() && report.checked > 0;
    report.print(out)?;
    Ok(report.outcome())
}

/// Sorts a file's documents into objects of ours, others, and what is neither.
fn collect(file: &str, text: &str, objects: &mut Vec<Object>, report: &mut Report) {
    for document in documents::parse(text) {
        match document {
            Ok(document) if document.value.is_null() => {}
            Ok(document) => match identify(&document.value) {
                Ok(Some((kind, version))) => {
                    objects.push(Object { file: file.to_owned(), kind, version, document });
                }
                Ok(None) => report.others += 1,
                Err(message) => {
                    let position = document.position(&fleetgate_webhooks::FieldPath::root());
                    report.unreadable.push(Unreadable::at(file, position, message));
                }
            },
            Err(error) => report.unreadable.push(Unreadable::at(
                file,
                error.position,
                format!("is no YAML: {}", error.message),
            )),
        }
    }
}

/// The kind of an object if it is one of ours.
fn identify(value: &Value) -> Result<Option<(Kind, String)>, String> {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else {
        return Err("is no Kubernetes object: it has no apiVersion and kind".to_owned());
    };
    let Some((group, version)) = api_version.split_once('/') else {
        return Ok(None);
    };
    Ok(Kind::of(group, kind).map(|kind| (kind, version.to_owned())))
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
    let mut value = object.document.value.clone();
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
    let path = fleetgate_webhooks::FieldPath::root().field("apiVersion");
    let message = format!("must be {}/{VERSION}, the version that is served", object.kind.group());
    let value = format!("{}/{}", object.kind.group(), object.version);
    Finding::error(&object::UNREADABLE, path, fleetgate_webhooks::finding::Fault::NotSupported, message)
        .value(value)
}

fn located(object: &Object, finding: Finding) -> Located {
    let document = &object.document;
    // The finding names the field as it is stored; the file may use its early name.
    let early =
        early_path(&finding.path).filter(|early| !document.has(&finding.path) && early.segments().len() > 1);
    let position = match early {
        Some(early)
            if document.position(&early) != document.position(&fleetgate_webhooks::FieldPath::spec()) =>
        {
            document.position(&early)
        }
        _ => document.position(&finding.path),
    };
    Located { file: object.file.clone(), position, finding }
}
