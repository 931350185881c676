//! The formats for programs, read back as those would read them.

use std::collections::BTreeSet;

use fleetgate_webhooks::rules::CATALOGUE;
use quick_junit::{NonSuccessKind, TestCaseStatus};
use serde_json::{Value, json};
use serde_sarif::sarif::Sarif;

use crate::support::{GOOD, bad, check, check_json, folder};

/// A good object, a bad one, one with a warning, and a broken document.
fn files() -> tempfile::TempDir {
    let named = |text: &str, name: &str| text.replace("name: shop", &format!("name: {name}"));
    folder(&[
        ("apps/a.yaml", format!("{}---\n{}", named(GOOD, "good"), named(&bad(), "bad")).as_bytes()),
        ("apps/b c.yaml", format!("{}---\na: [\n", GOOD.replace("https://", "https://me:x@")).as_bytes()),
    ])
}

#[test]
fn json_is_what_the_documentation_says() {
    let folder = files();
    let (code, document) = check_json(folder.path(), &["apps"]);
    assert_eq!(code, Some(2));
    assert_eq!(
        document["findings"][0],
        json!({
            "code": "source/url", "severity": "error", "file": "apps/a.yaml", "line": 22, "column": 7,
            "object": "Application default/bad", "path": "spec.source.gitRepository.url",
            "message": "Invalid value: \"https://\": must have a host", "hint": null,
        })
    );
    assert_eq!(
        document["findings"][2],
        json!({
            "code": "input/unreadable", "severity": "error", "file": "apps/b c.yaml", "line": 15, "column": 4,
            "object": null, "path": null, "message": "cannot be read as YAML: unclosed bracket '['", "hint": null,
        })
    );
    assert_eq!(
        document["summary"],
        json!({"files": 2, "objects": 3, "errors": 1, "warnings": 1, "others": 0, "charts": 0, "unreadable": 1, "unknown": ["Fleet"]})
    );
    let fields: Vec<&String> = document.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["findings", "summary"]);
    let documentation = include_str!("../../docs/check.md");
    for field in ["findings", "summary"].iter().flat_map(|part| names(&document[*part])) {
        assert!(documentation.contains(&format!("| `{field}` |")), "docs/check.md says nothing of {field}");
    }
}

fn names(value: &Value) -> Vec<String> {
    let object = value.as_array().map_or(value, |items| &items[0]);
    object.as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn sarif_has_the_rules_and_relative_places() {
    let folder = files();
    let absolute = folder.path().join("apps");
    let (code, text) = check(folder.path(), &[absolute.to_str().expect("UTF-8"), "--output", "sarif"]);
    assert_eq!(code, Some(2));
    let sarif: Sarif = serde_json::from_str(&text).expect("SARIF");
    assert_eq!(sarif.version, "2.1.0");
    let [run] = sarif.runs.as_slice() else { panic!("one run") };
    let rules: BTreeSet<&str> = run.tool.driver.rules.iter().flatten().map(|rule| rule.id.as_str()).collect();
    let expected = CATALOGUE.iter().map(|rule| rule.code).chain(["input/unreadable"]).collect();
    assert_eq!(rules, expected);
    let results = run.results.as_ref().expect("results");
    let places: Vec<Value> = results
        .iter()
        .map(|result| {
            let location = &result.locations.as_ref().expect("locations")[0];
            let place = location.physical_location.as_ref().expect("a place");
            let region = place.region.as_ref().expect("a region");
            let uri = &place.artifact_location.as_ref().expect("a file").uri;
            json!([
                result.rule_id,
                serde_json::to_value(result.level).expect("a level"),
                uri,
                region.start_line,
                region.start_column
            ])
        })
        .collect();
    assert_eq!(
        places,
        [
            json!(["source/url", "error", "apps/a.yaml", 22, 7]),
            json!(["source/url", "warning", "apps/b%20c.yaml", 8, 7]),
            json!(["input/unreadable", "error", "apps/b%20c.yaml", 15, 4]),
        ]
    );
    assert!(results.iter().all(|result| rules.contains(result.rule_id.as_deref().expect("a rule"))));
    let rule = run.tool.driver.rules.iter().flatten().find(|rule| rule.id == "ref/fleet").expect("the rule");
    assert_eq!(rule.default_configuration.as_ref().and_then(|how| how.level.clone()), Some("warning".into()));
    assert!(
        rule.short_description.as_ref().is_some_and(|text| text.text.starts_with("The Fleet does not exist"))
    );
}

#[test]
fn junit_has_a_test_for_every_object() {
    let folder = files();
    let tests = |arguments: &[&str]| {
        let (_, text) = check(folder.path(), &[&["apps", "--output", "junit"], arguments].concat());
        let report = quick_junit::Report::deserialize_from_str(&text).expect("JUnit");
        let cases = report.test_suites.iter().flat_map(|suite| {
            suite.test_cases.iter().map(|case| {
                let status = match &case.status {
                    TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. } => "error",
                    TestCaseStatus::NonSuccess { .. } => "failure",
                    _ => "success",
                };
                format!("{}: {}: {status}", suite.name.as_str(), case.name.as_str())
            })
        });
        cases.collect::<Vec<_>>()
    };
    let mut expected = [
        "apps/a.yaml: Application default/bad: failure",
        "apps/a.yaml: Application default/good: success",
        "apps/b c.yaml: Application default/shop: success",
        "apps/b c.yaml: can be read: error",
    ];
    assert_eq!(tests(&[]), expected);
    expected[2] = "apps/b c.yaml: Application default/shop: failure";
    assert_eq!(tests(&["--warnings-as-errors"]), expected);
}

#[test]
fn github_gets_a_command_for_every_finding() {
    let folder = files();
    let (code, text) = check(folder.path(), &["./apps", "-o", "github"]);
    assert_eq!(code, Some(2));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "::error file=apps/a.yaml,line=22,col=7,title=Application default/bad [source/url]::spec.source.gitRepository.url: Invalid value: \"https://\": must have a host",
            "::warning file=apps/b c.yaml,line=8,col=7,title=Application default/shop [source/url]::spec.source.gitRepository.url: holds a password, which everyone who may read the Application reads; put it into a Secret and name that in secretRef",
            "::error file=apps/b c.yaml,line=15,col=4,title=[input/unreadable]::cannot be read as YAML: unclosed bracket '['",
            "3 objects checked in 2 files: 1 error, 1 warning; 1 input could not be read; no Fleet among the files, so references to Fleets were not checked",
        ]
    );
}

#[test]
fn nothing_found_is_a_document_too() {
    let folder = folder(&[("app.yaml", GOOD.as_bytes())]);
    for format in ["json", "sarif", "junit"] {
        let (code, text) = check(folder.path(), &["app.yaml", "-o", format]);
        assert_eq!(code, Some(0));
        match format {
            "junit" => assert_eq!(quick_junit::Report::deserialize_from_str(&text).expect("JUnit").tests, 1),
            _ => assert!(serde_json::from_str::<Value>(&text).expect("JSON").is_object()),
        }
    }
}
