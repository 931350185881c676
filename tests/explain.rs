//! `fleetgate explain` as a user meets it: what is printed where, and the exit code.

#![allow(clippy::expect_used, reason = "a test says what it expects")]

use std::process::Command;

/// Exit code, output and what is said beside it.
fn explain(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetgate"));
    let output = command.arg("explain").args(arguments).output().expect("explain runs");
    let [out, notes] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    (output.status.code(), out, notes)
}

#[test]
fn without_a_code_every_rule_has_its_line() {
    let (code, text, notes) = explain(&[]);
    assert_eq!((code, notes.as_str()), (Some(0), ""));
    let documented = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md"));
    let documented = documented.expect("docs/rules.md");
    let codes: Vec<&str> = documented.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let listed: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(listed, codes, "a line each, in the order of the documentation");
    let line = text.lines().find(|line| line.starts_with("source/url ")).expect("a line");
    assert!(
        line.contains("  error, warning  A URL without host, ")
            && line.ends_with(" that no registry can have."),
        "{line}"
    );
    assert!(text.contains("  `syncPolicies` is empty.\n"), "a rule of one sentence is whole");
}

#[test]
fn a_code_is_explained_with_its_examples() {
    let (code, text, notes) = explain(&["selector/preview"]);
    assert_eq!((code, notes.as_str()), (Some(0), ""));
    assert!(text.starts_with("selector/preview (warning)\n\nOn an update, "), "{text}");
    let places = ["\nWhy: ", "\nStored:\n\n    spec:\n", "\nBad:\n\n    spec:\n"].map(|part| text.find(part));
    assert!(places.is_sorted() && !places.contains(&None), "{text}");
}

#[test]
fn an_unknown_code_is_told_the_nearest() {
    let table = [
        ("rollout/mach", "fleetgate: there is no rule \"rollout/mach\": did you mean rollout/match?\n"),
        ("weather", "fleetgate: there is no rule \"weather\": `fleetgate explain` lists them all\n"),
    ];
    for (asked, expected) in table {
        assert_eq!(explain(&[asked]), (Some(2), String::new(), expected.to_owned()));
    }
}
