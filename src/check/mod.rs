//! `fleetgate check`: the verdict that the cluster would give, with no cluster
//! at hand.
//!
//! ```text
//!                ┌─▶ facts ──▶ Catalog, Secrets ──┐
//! files ─▶ scan ─┤   (--context: a cluster's)
//!                └─▶ objects ─────────────────────┴─▶ judge ─▶ remarks ─▶ report: text, JSON, …
//! ```
//!
//! Files may come in any order, so that nothing is judged before all are
//! scanned. In between a few hundred bytes of each object are kept, and no text;
//! what was found is then looked up in its file once more.
//!
//! **Invariant**: the verdict is that of `fleetgate_webhooks::judge`. What is
//! added here is only what the API server would have said before a webhook sees
//! the object: unknown fields.

mod applications;
mod cluster;
mod contents;
mod excerpt;
mod facts;
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

use std::io::Write;

pub(crate) use self::applications::{Applications, applications};
use self::facts::Learnt;
use self::input::{Input, batches, find};
pub(crate) use self::judging::verdict;
use self::judging::{Known, judge_files};
pub(crate) use self::object::Object;
pub(crate) use self::objects::{Objects, objects};
use self::report::Report;
use self::scan::{Purpose, Scanned, scan};
use crate::cli::{CheckOptions, OutputFormat};

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

/// Checks all objects that are asked for, and writes what is to be said about them.
///
/// # Errors
///
/// When the cluster of `--context` cannot be asked, or `out` not be written to.
pub(crate) fn run(options: CheckOptions, coloured: bool, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let catalog = options.context.as_deref().map(cluster::catalog).transpose()?.unwrap_or_default();
    let catalog = catalog.with_tenancy(options.tenancy.into());
    let mut learnt = Learnt { catalog, ..Learnt::default() };
    let mut report = Report { warnings_as_errors: options.warnings_as_errors, ..Report::default() };
    for mut scanned in scan_all(&find(&options.catalog), Purpose::Look) {
        tell(&mut scanned, &mut learnt, &mut report);
    }
    let inputs = find(&options.paths);
    let mut scans = scan_all(&inputs, Purpose::Judge);
    for scanned in &mut scans {
        tell(scanned, &mut learnt, &mut report);
        report.others += scanned.others;
    }
    report.files = inputs.len();
    let known = Known {
        fleets: options.context.is_some() || learnt.catalog.knows_fleets(),
        clusters: options.context.is_some() || learnt.catalog.knows_clusters(),
        names_wanted: options.output == OutputFormat::Junit,
        learnt,
    };
    judge_all(&inputs, scans, &known, &mut report);
    report.sort();
    report.write(options.output, coloured, out)?;
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
