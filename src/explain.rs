//! `fleetgate explain`: what a rule means, from the table that the rules
//! themselves are made of. `docs/rules.md` is the same text for all of them.

use std::fmt::Write as _;

use anyhow::bail;
use fleetgate_webhooks::names;
use fleetgate_webhooks::rules::{CATALOGUE, Rule, example};

/// What is printed for `code`; without one, every rule in a line.
///
/// # Errors
///
/// When there is no such rule; the nearest one is named.
pub(crate) fn explain(code: Option<&str>) -> anyhow::Result<String> {
    let Some(code) = code else {
        return Ok(overview());
    };
    match CATALOGUE.iter().find(|rule| rule.code == code) {
        Some(rule) => text(rule),
        None => match names::nearest(code, CATALOGUE.iter().map(|rule| rule.code)) {
            Some(near) => bail!("there is no rule {code:?}: did you mean {near}?"),
            None => bail!("there is no rule {code:?}: `fleetgate explain` lists them all"),
        },
    }
}

/// A rule's first sentence says what it is about; the rest is for who asks for the rule itself.
fn overview() -> String {
    let width = CATALOGUE.iter().map(|rule| rule.code.len()).max().unwrap_or_default();
    let line = |rule: &&Rule| {
        format!("{:width$}  {:14}  {}\n", rule.code, severities(rule), first_sentence(rule.what))
    };
    CATALOGUE.iter().map(line).collect()
}

fn first_sentence(text: &str) -> &str {
    text.find(". ").and_then(|end| text.get(..=end)).unwrap_or(text)
}

fn severities(rule: &Rule) -> String {
    let severities: Vec<String> = rule.severities.iter().map(ToString::to_string).collect();
    severities.join(", ")
}

fn text(rule: &Rule) -> anyhow::Result<String> {
    let mut text = format!("{} ({})\n\n{}\n\nWhy: {}\n", rule.code, severities(rule), rule.what, rule.why);
    for (title, yaml) in examples(rule)? {
        write!(text, "\n{title}:\n\n{}", indented(&yaml))?;
    }
    Ok(text)
}

fn indented(yaml: &str) -> String {
    yaml.lines().flat_map(|line| ["    ", line, "\n"]).collect()
}

/// The rule's examples as YAML, each with its title.
fn examples(rule: &Rule) -> anyhow::Result<Vec<(&'static str, String)>> {
    let example = rule.example;
    let shown = [("Stored", example.stored), ("Bad", example.bad), ("Good", example.good)];
    shown
        .into_iter()
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(title, lines)| Ok((title, serde_saphyr::to_string(&example::fragment(lines))?)))
        .collect()
}

/// Every rule, as `docs/rules.md` has it.
///
/// # Errors
///
/// When an example cannot be written as YAML.
#[cfg(test)]
fn markdown() -> anyhow::Result<String> {
    let mut page = String::from(
        "# Rules\n\nGenerated from the catalogue in the code; `fleetgate explain CODE` prints the same. An **error** \
         refuses the object, a\n**warning** is printed by kubectl. A code never changes once it is released. Examples \
         show the fields that matter.\n\n| code | | what |\n| --- | --- | --- |\n",
    );
    for rule in CATALOGUE {
        writeln!(
            page,
            "| [`{0}`](#{1}) | {2} | {3} |",
            rule.code,
            anchor(rule.code),
            severities(rule),
            rule.what
        )?;
    }
    for rule in CATALOGUE {
        write!(page, "\n## {}\n\n**{}**: {}\n\n{}\n", rule.code, severities(rule), rule.what, rule.why)?;
        for (title, yaml) in examples(rule)? {
            write!(page, "\n{title}:\n\n```yaml\n{}\n```\n", yaml.trim_end())?;
        }
    }
    Ok(page)
}

/// The fragment that a heading is reached by, as GitHub makes it.
#[cfg(test)]
fn anchor(heading: &str) -> String {
    heading.replace('/', "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_is_the_catalogue() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");
        let expected = markdown().expect("markdown");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &expected).expect("docs/rules.md is written");
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == expected,
            "docs/rules.md is out of date: run UPDATE_DOCS=1 cargo test --bin fleetgate"
        );
    }

    #[test]
    fn a_rule_is_explained_with_its_examples() {
        let text = explain(Some("source/helm-type")).expect("a rule");
        for part in [
            "source/helm-type (error)",
            "Why: ",
            "Bad:\n\n    spec:\n      source:\n",
            "type: default",
            "type: oci",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn every_rule_can_be_explained() {
        for rule in CATALOGUE {
            let text = explain(Some(rule.code)).expect("a rule");
            assert!(text.starts_with(rule.code) && overview().contains(rule.code));
        }
    }

    #[test]
    fn an_unknown_rule_gets_the_nearest() {
        let error = explain(Some("source/interva")).expect_err("no such rule").to_string();
        assert_eq!(error, "there is no rule \"source/interva\": did you mean source/interval?");
        assert!(explain(Some("x")).is_err());
    }
}
