//! Checking files: the verdict that the cluster would give, with no cluster at
//! hand.
//!
//! ```text
//!                ┌─▶ facts ──▶ Catalog, Secrets ──┐
//! files ─▶ scan ─┤   (or a cluster's)
//!                └─▶ objects ─────────────────────┴─▶ judge ─▶ remarks ─▶ report: text, JSON, …
//! ```
//!
//! Files may come in any order, so that nothing is judged before all are
//! scanned. In between a few hundred bytes of each object are kept, and no text
//! but of what can be read only once; what was found is then looked up in its
//! file once more.
//!
//! **Invariant**: the verdict is that of `fleetgate_webhooks::judge`. What is
//! added here is only what no webhook sees: unknown fields, of which the API
//! server speaks before, and that an object stands among the files twice. Files
//! are read, and nothing else is: no cluster is asked here.

#![forbid(unsafe_code)]

mod applications;
mod contents;
mod duplicates;
mod excerpt;
mod facts;
mod identity;
mod input;
mod judging;
mod kept;
mod object;
mod objects;
mod parallel;
mod reading;
mod report;
mod scan;
mod yaml;

use std::io::{self, Write};
use std::path::PathBuf;

use fleetgate_plan::Catalog;

pub use self::applications::{Applications, applications};
use self::facts::Learnt;
use self::input::{Found, Input, batches, find};
pub use self::judging::verdict;
use self::judging::{Known, judge_files};
pub use self::object::Object;
pub use self::objects::{Objects, objects};
use self::report::Report;
pub use self::report::{Format, UNREADABLE};
use self::scan::{Purpose, Scanned, scan};

/// What is checked, against what, and how that is told.
#[derive(Debug)]
pub struct Options {
    /// Files, folders, or `-` for standard input.
    pub paths: Vec<PathBuf>,
    /// More of them, whose Fleets and clusters count, and which are not checked themselves.
    pub around: Vec<PathBuf>,
    /// What is known without any file, and how far tenants may reach.
    pub catalog: Catalog,
    /// Whether that is a cluster's: a Fleet or a cluster that neither has nor
    /// stands in the files does not exist.
    pub is_complete: bool,
    /// How the findings are written.
    pub format: Format,
    /// Whether they may have colours.
    pub coloured: bool,
    /// Whether a warning is as bad as an error.
    pub warnings_as_errors: bool,
}

/// What a run of `check` found, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every object would be admitted.
    Admitted = 0,
    /// At least one would be refused.
    Refused = 1,
    /// Something could not be read, so that there is no verdict on it.
    Unreadable = 2,
}

/// Checks all objects that are asked for, and writes what is to be said about them.
///
/// # Errors
///
/// When `out` cannot be written to.
pub fn run(options: Options, out: &mut impl Write) -> io::Result<Outcome> {
    let mut learnt = Learnt { catalog: options.catalog, ..Learnt::default() };
    let mut report = Report { warnings_as_errors: options.warnings_as_errors, ..Report::default() };
    for mut scanned in scan_all(&find(&options.around).inputs, Purpose::Look) {
        tell(&mut scanned, &mut learnt, &mut report);
    }
    let Found { inputs, templates, others } = find(&options.paths);
    let mut scans = scan_all(&inputs, Purpose::Judge);
    for scanned in &mut scans {
        tell(scanned, &mut learnt, &mut report);
        report.others += scanned.others;
    }
    (report.files, report.templates) = (inputs.len(), templates);
    report.others += others;
    duplicates::mark(&inputs, &mut scans);
    let known = Known {
        fleets: options.is_complete || learnt.catalog.knows_fleets(),
        clusters: options.is_complete || learnt.catalog.knows_clusters(),
        names_wanted: options.format == Format::Junit,
        learnt,
    };
    judge_all(&inputs, scans, &known, &mut report);
    report.sort();
    report.write(options.format, options.coloured, out)?;
    Ok(report.outcome())
}

fn scan_all(inputs: &[Input], purpose: Purpose) -> Vec<Scanned> {
    let batches: Vec<_> = batches(inputs).collect();
    parallel::map(&batches, |files| scan(files, purpose))
}

/// Moves what was learnt from files to where it belongs.
fn tell(scanned: &mut Scanned, learnt: &mut Learnt, report: &mut Report) {
    for fact in std::mem::take(&mut scanned.facts) {
        fact.tell(learnt);
    }
    report.remarks.append(&mut scanned.unreadable);
}

fn judge_all(inputs: &[Input], scans: Vec<Scanned>, known: &Known, report: &mut Report) {
    let batches: Vec<_> = batches(inputs).zip(scans).collect();
    for judged in parallel::map(&batches, |(files, scanned)| judge_files(files, &scanned.objects, known)) {
        report.add(judged);
    }
    report.fleets_unknown = !known.fleets && report.objects > 0;
}
