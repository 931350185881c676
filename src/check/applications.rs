//! The Applications of some files as `check` reads and judges them, for whoever
//! goes on with those that would be admitted.

use std::path::PathBuf;
use std::slice;

use fleetgate_api::Application;
use fleetgate_plan::Catalog;
use fleetgate_webhooks::{Kind, Severity, judge};

use super::input::{Input, find};
use super::judging::{Known, judge_file};
use super::kept::Kept;
use super::reading::Reading;
use super::report::Report;
use super::scan::Purpose;
use super::{Outcome, scan_all, tell};
use crate::cli::OutputFormat;

/// The Applications of some files, and what they are planned on.
#[derive(Debug)]
pub(crate) struct Applications {
    /// Those that would be admitted, as they would be stored, in the order of the files.
    pub(crate) admitted: Vec<Application>,
    /// The Fleets and clusters of these files, and of those around them.
    pub(crate) catalog: Catalog,
    /// Whether there are others, and of which kind.
    pub(crate) outcome: Outcome,
    /// Why the others would be refused, or cannot be read, as `check` says it.
    pub(crate) notes: String,
}

/// Reads the Applications below `files`, with the Fleets and clusters that are
/// there or below `around`.
///
/// # Errors
///
/// When what is to be said cannot be written.
pub(crate) fn applications(files: &[PathBuf], around: &[PathBuf]) -> anyhow::Result<Applications> {
    let mut report = Report::default();
    let mut catalog = Catalog::default();
    for mut scanned in scan_all(&find(around), Purpose::Look) {
        tell(&mut scanned, &mut catalog, &mut report);
    }
    let inputs = find(files);
    let mut scans = scan_all(&inputs, Purpose::Judge);
    for scanned in &mut scans {
        tell(scanned, &mut catalog, &mut report);
    }
    let known = Known { fleets: catalog.knows_fleets(), names_wanted: false, catalog };
    let mut admitted = Vec::new();
    for (input, scanned) in inputs.iter().zip(&scans) {
        let mut reading = Reading::new(input);
        for kept in &scanned.objects {
            admitted.extend(stored(input, kept, &mut reading, &known, &mut report));
        }
    }
    report.sort();
    let mut notes = Vec::new();
    if !report.remarks.is_empty() {
        report.write(OutputFormat::Text, false, &mut notes)?;
    }
    let notes = String::from_utf8_lossy(&notes).into_owned();
    Ok(Applications { admitted, catalog: known.catalog, outcome: report.outcome(), notes })
}

/// The Application as it would be stored, if it is one and would be admitted.
fn stored(
    input: &Input,
    kept: &Kept,
    reading: &mut Reading<'_>,
    known: &Known,
    report: &mut Report,
) -> Option<Application> {
    let object = kept.object(reading).filter(|object| object.kind == Kind::Application)?;
    let mut judged = judge_file(input, slice::from_ref(kept), known);
    judged.remarks.retain(|remark| remark.severity == Severity::Error);
    let is_admitted = judged.remarks.is_empty();
    report.add(input, judged);
    let stored = is_admitted.then(|| judge(Kind::Application, &object.value, None, &known.catalog).object)?;
    // What is admitted has the types of the schema, which are these.
    serde_json::from_value(stored).ok()
}
