//! `--output junit`: a test suite for every file, a test for every object.

use std::collections::BTreeMap;
use std::io::{self, Write};

use fleetgate_webhooks::Severity;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{Remark, Report};

/// The name of the test that a file can be read.
const READABLE: &str = "can be read";

/// A test's name, and what is to be said about it.
type Tests<'a> = BTreeMap<&'a str, Vec<&'a Remark>>;

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut document = quick_junit::Report::new("fleetgate check");
    for (file, tests) in tests(report) {
        let mut suite = TestSuite::new(file);
        suite.add_test_cases(tests.into_iter().map(|(name, remarks)| {
            let mut case = TestCase::new(name, status(report, &remarks));
            case.set_classname(file);
            let (_, warnings) = split(report, &remarks);
            if !warnings.is_empty() {
                case.set_system_out(lines(&warnings));
            }
            case
        }));
        document.add_test_suite(suite);
    }
    document.serialize(out).map_err(io::Error::other)?;
    Ok(())
}

fn tests(report: &Report) -> BTreeMap<&str, Tests<'_>> {
    let mut files: BTreeMap<&str, Tests<'_>> = BTreeMap::new();
    for (file, names) in &report.names {
        let tests = files.entry(file).or_default();
        tests.extend(names.iter().map(|name| (name.as_ref(), Vec::new())));
    }
    for remark in &report.remarks {
        let name = remark.object.as_deref().unwrap_or(READABLE);
        files.entry(&remark.file).or_default().entry(name).or_default().push(remark);
    }
    files
}

fn status(report: &Report, remarks: &[&Remark]) -> TestCaseStatus {
    let (failures, _) = split(report, remarks);
    let Some(first) = failures.first() else {
        return TestCaseStatus::success();
    };
    // What cannot be read was not tested: JUnit calls that an error.
    let kind = if first.is_unreadable() { NonSuccessKind::Error } else { NonSuccessKind::Failure };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(first.code).set_message(first.advice()).set_description(lines(&failures));
    status
}

/// What makes the test fail, and what does not.
fn split<'a>(report: &Report, remarks: &[&'a Remark]) -> (Vec<&'a Remark>, Vec<&'a Remark>) {
    remarks.iter().partition(|remark| report.fails(remark))
}

fn lines(remarks: &[&Remark]) -> String {
    let line = |remark: &&Remark| {
        let place = remark
            .position
            .map_or_else(String::new, |position| format!(":{}:{}", position.line, position.column));
        let severity: Severity = remark.severity;
        format!("{}{place}: {severity}: {} [{}]", remark.file, remark.advice(), remark.code)
    };
    remarks.iter().map(line).collect::<Vec<_>>().join("\n")
}
