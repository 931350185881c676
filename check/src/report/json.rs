//! `--output json`. `docs/check.md` says what programs may rely on.

use std::io::{self, Write};

use serde::Serialize;

use super::{Remark, Report};

#[derive(Serialize)]
struct Document<'a> {
    findings: Vec<Finding<'a>>,
    summary: Summary,
}

/// A finding; what there is none of is `null`.
#[derive(Serialize)]
struct Finding<'a> {
    code: &'a str,
    severity: String,
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    object: Option<&'a str>,
    path: Option<&'a str>,
    message: &'a str,
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct Summary {
    files: usize,
    objects: usize,
    errors: usize,
    warnings: usize,
    /// Objects of other kinds, and what else was found in folders.
    others: usize,
    /// Helm charts whose templates were not read.
    charts: usize,
    /// Findings of the code `input/unreadable`.
    unreadable: usize,
    /// The kinds of which no object was known, so that references to one were
    /// not checked.
    unknown: Vec<&'static str>,
}

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let document = Document {
        findings: report.remarks.iter().map(finding).collect(),
        summary: Summary {
            files: report.files,
            objects: report.objects,
            errors: report.errors(),
            warnings: report.warnings(),
            others: report.others,
            charts: report.templates,
            unreadable: report.count(Remark::is_unreadable),
            unknown: report.fleets_unknown.then_some("Fleet").into_iter().collect(),
        },
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)?;
    Ok(())
}

fn finding(remark: &Remark) -> Finding<'_> {
    Finding {
        code: remark.code,
        severity: remark.severity.to_string(),
        file: &remark.file,
        line: remark.position.map(|position| position.line),
        column: remark.position.map(|position| position.column),
        object: remark.object.as_deref(),
        path: Some(remark.path.as_str()).filter(|path| !path.is_empty()),
        message: &remark.message,
        hint: remark.hint.as_deref(),
    }
}
