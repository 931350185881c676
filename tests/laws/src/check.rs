//! The laws of `fleetgate check`, for any file at all.

use std::io::Write;
use std::path::{Path, PathBuf};

use fleetgate_check::{Format, Options, Outcome, objects, run};
use fleetgate_webhooks::{Severity, judge};
use serde_json::Value;
use serde_sarif::sarif::Sarif;
use tempfile::NamedTempFile;

use crate::catalog;

/// Whatever stands in a file, every format can be read by whom it is for, all
/// say the same, each finding has its place in the file, and what is not
/// refused is admitted.
pub fn check(content: &[u8]) {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(content).expect("it is written");
    let paths = vec![file.path().to_owned()];
    let (outcome, json) = checked(&paths, Format::Json);
    let document: Value = serde_json::from_str(&json).expect("the report is JSON");
    let count = |name: &str| document.pointer(&format!("/summary/{name}")).and_then(Value::as_u64);
    let expected = match (count("unreadable").expect("a number"), count("errors").expect("a number")) {
        (0, 0) => Outcome::Admitted,
        (0, _) => Outcome::Refused,
        _ => Outcome::Unreadable,
    };
    assert_eq!(outcome, expected, "{json}");
    let findings = document.get("findings").and_then(Value::as_array).expect("findings");
    for finding in findings {
        has_a_place(finding, content);
    }
    // One more format for each file: all of them would take most of the time.
    let other = match content.len() % 4 {
        0 => Format::Text,
        1 => Format::Sarif,
        2 => Format::Junit,
        _ => Format::Github,
    };
    let (again, text) = checked(&paths, other);
    assert_eq!(again, outcome);
    is_readable(&text, other, findings.len());
    if outcome == Outcome::Admitted {
        is_admitted(&paths);
    }
}

fn checked(paths: &[PathBuf], format: Format) -> (Outcome, String) {
    let options = Options {
        paths: paths.to_vec(),
        around: Vec::new(),
        catalog: catalog().clone(),
        is_complete: true,
        format,
        coloured: false,
        warnings_as_errors: false,
    };
    let mut text = Vec::new();
    let outcome = run(options, &mut text).expect("the report is written");
    (outcome, String::from_utf8(text).expect("the report is a text"))
}

/// Lines and columns count from 1, and are those of the file.
fn has_a_place(finding: &Value, content: &[u8]) {
    let number = |name: &str| {
        finding.get(name).and_then(Value::as_u64).map(|number| usize::try_from(number).expect("a place"))
    };
    let (Some(line), Some(column)) = (number("line"), number("column")) else { return };
    let text = String::from_utf8_lossy(content);
    // YAML ends a line with a line feed, a carriage return, or both.
    let lines = text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'));
    let width =
        line.checked_sub(1).and_then(|index| lines.clone().nth(index)).map(|line| line.chars().count());
    let is_there = width.is_some_and(|width| (1..=width + 1).contains(&column));
    assert!(is_there, "no such place: {finding}");
}

/// Each format is what it says, and nothing in it steers a terminal.
fn is_readable(text: &str, format: Format, findings: usize) {
    let is_plain = !text.contains(|c: char| c.is_control() && c != '\n');
    assert!(is_plain, "{format:?}: {text:?}");
    match format {
        Format::Json | Format::Text => {}
        Format::Sarif => drop(serde_json::from_str::<Sarif>(text).expect("the report is SARIF")),
        Format::Junit => {
            drop(quick_junit::Report::deserialize_from_str(text).expect("the report is JUnit's"));
        }
        Format::Github => {
            let commands = text.lines().filter(|line| line.starts_with("::")).count();
            assert_eq!((commands, text.lines().count()), (findings, findings + 1), "{text}");
        }
    }
}

/// What `check` has nothing against the judge has nothing against.
fn is_admitted(paths: &[impl AsRef<Path>]) {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.as_ref().to_owned()).collect();
    let objects = objects(&paths, "default");
    let catalog = objects.stored_in(catalog().clone());
    for object in objects.objects {
        let verdict = judge(object.kind, object.value, None, &catalog);
        let errors: Vec<String> = verdict.of_severity(Severity::Error).map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}
