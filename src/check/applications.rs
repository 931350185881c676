//! The Applications of some files as `check` reads and judges them, for whoever
//! goes on with those that would be admitted.

use std::path::PathBuf;

use fleetgate_api::Application;
use fleetgate_plan::Catalog;
use fleetgate_webhooks::{Kind, Severity, judge};

use super::report::Report;
use super::{Object, catalog_of, check, read, with_namespace};

/// The Applications of some files, and what they are planned on.
#[derive(Debug, Default)]
pub(crate) struct Applications {
    /// Those that would be admitted, as they would be stored, in the order of the files.
    pub(crate) admitted: Vec<Application>,
    /// Why the others would be refused: a line per finding, with file, line and column.
    pub(crate) refused: Vec<String>,
    /// What there is no verdict on, a line each.
    pub(crate) unreadable: Vec<String>,
    /// The Fleets and clusters of these files, and of those around them.
    pub(crate) catalog: Catalog,
}

/// Reads the Applications below `files`, with the Fleets and clusters that are
/// there or below `around`.
pub(crate) fn applications(files: &[PathBuf], around: &[PathBuf]) -> Applications {
    let mut report = Report::default();
    let mut objects = read(files, &mut report);
    let ours = objects.len();
    objects.extend(read(around, &mut report));
    let catalog = catalog_of(&objects);
    let mut applications = Applications::default();
    for object in objects.iter().take(ours).filter(|object| object.kind == Kind::Application) {
        add(object, &catalog, &mut applications, &mut report);
    }
    let lines = |report: &Report| report.lines().into_iter().map(|(_, line)| line).collect();
    applications.refused =
        lines(&Report { findings: std::mem::take(&mut report.findings), ..Report::default() });
    applications.unreadable = lines(&report);
    Applications { catalog, ..applications }
}

fn add(object: &Object, catalog: &Catalog, applications: &mut Applications, report: &mut Report) {
    let errors = check(object, catalog).into_iter().filter(|found| found.finding.severity == Severity::Error);
    let before = report.findings.len();
    report.findings.extend(errors);
    if report.findings.len() > before {
        return;
    }
    let stored = judge(Kind::Application, &with_namespace(object), None, catalog).object;
    // What is admitted has the types of the schema, which are these.
    applications.admitted.extend(serde_json::from_value::<Application>(stored));
}
