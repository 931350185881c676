//! The Applications of some files as `check` reads and judges them, for whoever
//! goes on with those that would be admitted.

use std::path::PathBuf;

use fleetgate_api::Application;
use fleetgate_plan::{Catalog, Tenancy};
use fleetgate_webhooks::{Kind, Severity, judge};

use super::facts::Learnt;
use super::input::{Input, batches, find};
use super::judging::{Known, changed, judge_object};
use super::kept::Objects;
use super::object::Object;
use super::report::{Remark, Report};
use super::scan::Purpose;
use super::{scan_all, tell};

/// The Applications of some files, and what they are planned on.
#[derive(Debug, Default)]
pub struct Applications {
    /// Those that would be admitted, as they would be stored, in the order of the files.
    pub admitted: Vec<Application>,
    /// Why the others would be refused: a line per finding, with file, line and column.
    pub refused: Vec<String>,
    /// What there is no verdict on, a line each.
    pub unreadable: Vec<String>,
    /// The Fleets and clusters of these files, and of those around them.
    pub catalog: Catalog,
}

/// Reads the Applications below `files`, with the Fleets and clusters that are
/// there or below `around`, where tenants may reach as far as that.
#[must_use]
pub fn applications(files: &[PathBuf], around: &[PathBuf], tenancy: Tenancy) -> Applications {
    let catalog = Catalog::default().with_tenancy(tenancy);
    let (mut learnt, mut report) = (Learnt { catalog, ..Learnt::default() }, Report::default());
    for mut scanned in scan_all(&find(around).inputs, Purpose::Look) {
        tell(&mut scanned, &mut learnt, &mut report);
    }
    let inputs = find(files).inputs;
    let mut scans = scan_all(&inputs, Purpose::Judge);
    for scanned in &mut scans {
        tell(scanned, &mut learnt, &mut report);
    }
    let known = Known {
        fleets: learnt.catalog.knows_fleets(),
        clusters: learnt.catalog.knows_clusters(),
        names_wanted: false,
        learnt,
    };
    let mut applications = Applications::default();
    for (files, scanned) in batches(&inputs).zip(&scans) {
        report.remarks.extend(add_all(files, &scanned.objects, &known, &mut applications));
    }
    report.sort();
    let (unreadable, refused): (Vec<_>, Vec<_>) =
        report.remarks.iter().partition(|said| said.is_unreadable());
    let lines = |remarks: Vec<&Remark>| remarks.into_iter().map(Remark::line).collect();
    Applications {
        refused: lines(refused),
        unreadable: lines(unreadable),
        catalog: known.learnt.catalog,
        ..applications
    }
}

/// Adds those of the Applications that `files` were found to hold; of the others, why not.
fn add_all(
    files: &[Input],
    objects: &Objects,
    known: &Known,
    applications: &mut Applications,
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    objects.for_each(files, |object, kept, first, reading| match object {
        Some(object) if object.kind == Kind::Application => {
            let said = judge_object(&object, kept, first, reading, known);
            remarks.extend(add(&object, said, known, applications));
        }
        Some(_) => {}
        // Nobody knows any more what it was.
        None => remarks.push(changed(reading)),
    });
    remarks
}

/// Adds an Application that would be admitted; of any other one, why not.
fn add(
    object: &Object,
    mut remarks: Vec<Remark>,
    known: &Known,
    applications: &mut Applications,
) -> Vec<Remark> {
    remarks.retain(|remark| remark.severity == Severity::Error);
    if remarks.is_empty() {
        let stored = judge(object.kind, object.value.clone(), None, &known.learnt.catalog).object;
        // What is admitted has the types of the schema, which are these.
        applications.admitted.extend(serde_json::from_value::<Application>(stored));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan;

    #[test]
    fn an_application_that_changes_meanwhile_is_no_success() {
        let noise: Vec<String> = (0_u32..1_500).map(|number| format!("v{}", number.pow(3))).collect();
        let text = include_str!("../../tests/cases/admission/example-canaryNginx.yaml");
        let long = format!("{text}  unknown: {noise:?}\n");
        let scanned = scan(&[Input::stdin(long)], Purpose::Judge);
        let known = Known { learnt: Learnt::default(), fleets: false, clusters: false, names_wanted: false };
        let mut applications = Applications::default();
        let changed = [Input::stdin("changed".to_owned())];
        let remarks = add_all(&changed, &scanned.objects, &known, &mut applications);
        let lines: Vec<String> = remarks.iter().map(Remark::line).collect();
        assert_eq!(lines, ["<stdin>: error: has changed while it was checked"]);
        assert!(applications.admitted.is_empty() && remarks.iter().all(Remark::is_unreadable));
    }
}
