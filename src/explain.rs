//! `fleetgate explain`: what a rule means, from the table that the rules
//! themselves are made of. `docs/rules.md` is the same text for all of them.

use std::fmt::Write as _;

use anyhow::bail;
use fleetgate_check::UNREADABLE;
use fleetgate_webhooks::names;
use fleetgate_webhooks::rules::{CATALOGUE, Rule, example};

/// What is printed for `code`, in lines of that width; without a code, every
/// rule in a line.
///
/// # Errors
///
/// When there is no such rule; the nearest ones are named.
pub(crate) fn explain(code: Option<&str>, width: Option<usize>) -> anyhow::Result<String> {
    let Some(code) = code else {
        return Ok(overview(width));
    };
    match rules().find(|rule| rule.code == code) {
        Some(rule) => text(rule, width),
        None => bail!("there is no rule {code:?}: {}", way_out(code)),
    }
}

/// The rules, and what `check` says of that which none of them can judge.
fn rules() -> impl Iterator<Item = &'static Rule> {
    CATALOGUE.iter().copied().chain([&UNREADABLE])
}

/// The nearest code, or those of which `code` is a part: `interval`, `source`.
fn way_out(code: &str) -> String {
    /// More are listed better by themselves.
    const MOST: usize = 5;
    let codes = || rules().map(|rule| rule.code);
    if let Some(near) = names::nearest(code, codes()) {
        return format!("did you mean {near}?");
    }
    let has_part = |rule: &&str| rule.split('/').any(|part| part.eq_ignore_ascii_case(code));
    let alike: Vec<&str> = codes().filter(has_part).collect();
    match alike.len() {
        0 => "`fleetgate explain` lists them all".to_owned(),
        1..=MOST => format!("did you mean {}?", alike.join(" or ")),
        _ => format!("`fleetgate explain | grep {}` lists those of that name", code.to_lowercase()),
    }
}

/// A rule's first sentence says what it is about; the rest is for who asks for the rule itself.
fn overview(width: Option<usize>) -> String {
    let longest = CATALOGUE.iter().map(|rule| rule.code.len()).max().unwrap_or_default();
    let line = |rule: &&Rule| {
        let head = format!("{:longest$}  {:14}  ", rule.code, severities(rule));
        // In a narrow terminal a column of few words is worse than long lines.
        let width = width.filter(|width| *width >= 2 * head.len());
        wrapped(&head, first_sentence(rule.what), width)
    };
    CATALOGUE.iter().map(line).collect()
}

/// `text` behind `head`, in lines of that width; those after the first stand below the text.
fn wrapped(head: &str, text: &str, width: Option<usize>) -> String {
    let Some(width) = width else {
        return format!("{head}{text}\n");
    };
    let indent = " ".repeat(head.chars().count());
    let (mut lines, mut line, mut length) = (String::new(), head.to_owned(), indent.len());
    for word in text.split(' ') {
        let longer = length + usize::from(length > indent.len()) + word.chars().count();
        if longer > width && length > indent.len() {
            lines.extend([line.as_str(), "\n"]);
            (line, length) = (indent.clone(), indent.len());
        }
        if length > indent.len() {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += word.chars().count();
    }
    lines.extend([line.as_str(), "\n"]);
    lines
}

fn first_sentence(text: &str) -> &str {
    text.find(". ").and_then(|end| text.get(..=end)).unwrap_or(text)
}

fn severities(rule: &Rule) -> String {
    let severities: Vec<String> = rule.severities.iter().map(ToString::to_string).collect();
    severities.join(", ")
}

fn text(rule: &Rule, width: Option<usize>) -> anyhow::Result<String> {
    let paragraph = |text: &str| wrapped("", text, width);
    let (what, why) = (paragraph(rule.what), paragraph(&format!("Why: {}", rule.why)));
    let mut text = format!("{} ({})\n\n{what}\n{why}", rule.code, severities(rule));
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
    let shown = [
        ("Stored", example.stored),
        ("In the same files", example.beside),
        ("Bad", example.bad),
        ("Good", example.good),
    ];
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
        let text = explain(Some("source/helm-type"), None).expect("a rule");
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
    fn what_cannot_be_read_is_explained() {
        let text = explain(Some("input/unreadable"), None).expect("a code of check's");
        let expected =
            format!("input/unreadable (error)\n\n{}\n\nWhy: {}\n", UNREADABLE.what, UNREADABLE.why);
        assert_eq!(text, expected);
    }

    #[test]
    fn every_rule_can_be_explained() {
        for rule in CATALOGUE {
            let text = explain(Some(rule.code), None).expect("a rule");
            assert!(text.starts_with(rule.code) && overview(None).contains(rule.code));
        }
    }

    #[test]
    fn lines_are_as_wide_as_the_terminal() {
        for rule in CATALOGUE {
            let text = explain(Some(rule.code), Some(60)).expect("a rule");
            let (prose, _) = text.split_once("\n    ").expect("an example");
            assert!(prose.lines().all(|line| line.chars().count() <= 60 || !line.contains(' ')), "{text}");
            assert_eq!(
                prose.split_whitespace().collect::<Vec<_>>(),
                explain(Some(rule.code), None)
                    .expect("a rule")
                    .split_once("\n    ")
                    .expect("an example")
                    .0
                    .split_whitespace()
                    .collect::<Vec<_>>()
            );
        }
        assert!(overview(Some(100)).lines().all(|line| line.chars().count() <= 100));
        assert_eq!(overview(Some(60)), overview(None));
        assert_eq!(wrapped("a  ", "bc de fghijklmno p", Some(8)), "a  bc de\n   fghijklmno\n   p\n");
    }

    #[test]
    fn an_unknown_rule_gets_the_nearest() {
        let table = [
            ("source/interva", "did you mean source/interval?"),
            ("SOURCE/URL", "did you mean source/url?"),
            ("interval", "did you mean source/interval or rollout/interval?"),
            ("rollout", "`fleetgate explain | grep rollout` lists those of that name"),
            ("input/unreadble", "did you mean input/unreadable?"),
            ("x", "`fleetgate explain` lists them all"),
            ("", "`fleetgate explain` lists them all"),
        ];
        for (asked, expected) in table {
            let error = explain(Some(asked), None).expect_err("no such rule").to_string();
            assert_eq!(error, format!("there is no rule {asked:?}: {expected}"));
        }
    }
}
