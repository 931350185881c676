//! The documentation holds together: every alert leads to what is to be done.

#![allow(clippy::expect_used, clippy::panic, reason = "a test says what it expects")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A page without what stands in fences: commands have brackets and hashes of their own.
fn prose(page: &str) -> String {
    let mut is_fenced = false;
    let lines = page.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What stands below each heading up to the next one, by the fragment that leads there.
fn sections(page: &str) -> BTreeMap<String, String> {
    let prose = format!("\n{}", prose(page));
    let sections = prose.split("\n#").skip(1).map(|section| section.trim_start_matches('#'));
    sections
        .map(|section| (fragment(section.lines().next().unwrap_or_default()), section.to_owned()))
        .collect()
}

/// What leads to a heading, as GitHub makes it.
fn fragment(heading: &str) -> String {
    let heading = heading.trim().to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: String,
    annotations: BTreeMap<String, String>,
}

#[test]
fn every_alert_leads_to_what_is_to_be_done() {
    let rules: Rules =
        serde_saphyr::from_str(&text(&root().join("manifests/monitoring/rules.yaml"))).expect("rules");
    let page = text(&root().join("docs/operations.md"));
    let sections = sections(&page);
    let mut names = BTreeSet::new();
    for Rule { alert, annotations } in rules.groups.into_iter().flat_map(|group| group.rules) {
        let runbook = annotations.get("runbook_url").unwrap_or_else(|| panic!("{alert} has no runbook"));
        let (_, fragment) = runbook.split_once("docs/operations.md#").expect("a place in docs/operations.md");
        let section = sections.get(fragment).unwrap_or_else(|| panic!("{alert}: there is no #{fragment}"));
        assert!(section.contains(&format!("`{alert}`")), "{alert} is not named in #{fragment}");
        assert!(names.insert(alert.clone()), "{alert} is there twice");
    }
    for name in page.split('`').filter(|word| word.starts_with("Fleetgate") && !word.contains(' ')) {
        assert!(names.contains(name), "docs/operations.md names an alert that there is not: {name}");
    }
}
