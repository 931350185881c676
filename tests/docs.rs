//! The documentation holds together: every link leads somewhere, and every
//! alert to what is to be done.

#![allow(clippy::expect_used, clippy::panic, reason = "a test says what it expects")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page, by its path.
fn pages() -> BTreeMap<PathBuf, String> {
    let docs = fs::read_dir(root().join("docs")).expect("docs/").map(|entry| entry.expect("a file").path());
    let others = ["README.md", "CONTRIBUTING.md", "benches/README.md"].map(|path| root().join(path));
    docs.chain(others).map(|path| (path.clone(), text(&path))).collect()
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

/// Where a page's links lead that stay in the repository.
fn links(page: &str) -> Vec<String> {
    let prose = prose(page);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '\n']).next());
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    for (path, page) in pages() {
        for link in links(&page) {
            let (file, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().expect("a folder").join(file),
            };
            let is_there =
                target.exists() && (fragment.is_empty() || sections(&text(&target)).contains_key(fragment));
            if !is_there {
                dead.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "links that lead nowhere:\n{}", dead.join("\n"));
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
