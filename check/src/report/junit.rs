//! `--output junit`: a test suite for every file, a test for every object.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::Arc;

use fleetgate_webhooks::Severity;
use fleetgate_webhooks::line::one_line;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{Remark, Report};

/// The name of the test that a file can be read.
const READABLE: &str = "can be read";

/// A test's name, how many tests of that name come before it, and what is to be said about it.
type Tests<'a> = BTreeMap<(&'a str, usize), Vec<&'a Remark>>;

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut document = quick_junit::Report::new("fleetgate check");
    for (file, tests) in tests(report) {
        let file = one_line(file);
        let mut suite = TestSuite::new(&file);
        suite.add_test_cases(tests.into_iter().map(|((name, before), remarks)| {
            let mut case = TestCase::new(unique(name, before), status(report, &remarks));
            case.set_classname(&file);
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

/// Who reads a report takes tests of one name in one suite for the same.
fn unique(name: &str, before: usize) -> Cow<'_, str> {
    if before == 0 { name.into() } else { format!("{name} ({})", before + 1).into() }
}

fn tests(report: &Report) -> BTreeMap<&str, Tests<'_>> {
    let mut files: BTreeMap<&str, Tests<'_>> = BTreeMap::new();
    // An object and its remarks share one name, which no other one has, as long as they are there.
    let mut befores: HashMap<*const u8, usize> = HashMap::new();
    for (file, names) in &report.names {
        let tests = files.entry(file).or_default();
        for name in names {
            let known = tests.range((&**name, 0)..=(&**name, usize::MAX)).next_back();
            let before = known.map_or(0, |((_, before), _)| before + 1);
            befores.insert(address(name), before);
            tests.insert((&**name, before), Vec::new());
        }
    }
    for remark in &report.remarks {
        let test = match &remark.object {
            Some(name) => (&**name, befores.get(&address(name)).copied().unwrap_or_default()),
            None => (READABLE, 0),
        };
        files.entry(&remark.file).or_default().entry(test).or_default().push(remark);
    }
    files
}

fn address(name: &Arc<str>) -> *const u8 {
    Arc::as_ptr(name).cast()
}

fn status(report: &Report, remarks: &[&Remark]) -> TestCaseStatus {
    let (failures, _) = split(report, remarks);
    let Some(first) = failures.first() else {
        return TestCaseStatus::success();
    };
    // What cannot be read was not tested: JUnit calls that an error.
    let kind = if first.is_unreadable() { NonSuccessKind::Error } else { NonSuccessKind::Failure };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(first.code).set_message(one_line(&first.advice())).set_description(lines(&failures));
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
        let line = format!("{}{place}: {severity}: {} [{}]", remark.file, remark.advice(), remark.code);
        one_line(&line).into_owned()
    };
    remarks.iter().map(line).collect::<Vec<_>>().join("\n")
}
