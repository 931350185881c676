//! The text output: the lines of the files, and what is never printed of them.

use crate::support::{GOOD, bad, check, fleet, fleetgate, folder, of_fleet, said};

#[test]
fn the_line_is_shown_with_a_caret_and_the_way_out() {
    let text = GOOD
        .replace("      url:", "      urll:")
        .replace("interval: 5m\n      prune", "interval: often\n      prune");
    let folder = folder(&[("app.yaml", text.as_bytes())]);
    let (code, said) = check(folder.path(), &["app.yaml"]);
    assert_eq!(code, Some(1));
    let expected = "\
error[object/unknown-field]: spec.source.gitRepository.urll: Forbidden: is not a field of this object
 --> app.yaml:8:7
  |
8 |       urll: https://github.com/o/r
  |       ^^^^
  |
  = help: did you mean url?
";
    assert!(said.contains(expected), "{said}");
    let expected = "\
error[source/interval]: spec.syncPolicies[0].kustomization.interval: Invalid value: \"often\": must be a duration of ms, s, m, h such as 1m30s
  --> app.yaml:12:7
   |
12 |       interval: often
   |       ^^^^^^^^
";
    assert!(said.contains(expected), "{said}");
    assert!(
        said.ends_with("; no Fleet among the files, so references to Fleets were not checked\n"),
        "{said}"
    );
}

#[test]
fn a_warning_is_called_one() {
    let folder =
        folder(&[("a.yaml", of_fleet("quikstart").as_bytes()), ("b.yaml", fleet("quickstart").as_bytes())]);
    let (code, said) = check(folder.path(), &["."]);
    assert_eq!(code, Some(0));
    assert!(
        said.starts_with("warning[ref/fleet]: spec.destination.fleet: Not found: \"quikstart\""),
        "{said}"
    );
    assert!(said.contains("  = help: did you mean \"quickstart\"?\n"), "{said}");
    assert!(said.ends_with("\n2 objects checked in 2 files: 0 errors, 1 warning\n"), "{said}");
}

#[test]
fn no_password_is_printed() {
    let url = "https://me:hunter2@e.com/o/r";
    let texts = [
        GOOD.replace("https://github.com/o/r", url),
        GOOD.replace("url: https://github.com/o/r", &format!("urll: \"{url}\"")),
        GOOD.replace(
            "url: https://github.com/o/r\n      interval: 5m",
            &format!("{{url: '{url}', interval: often}}"),
        )
        .replace("gitRepository:\n      ", "gitRepository: "),
        GOOD.replace("      interval: 5m\n  sync", "      interval: 5m\n      password: hunter2\n  sync"),
        format!("{GOOD}    {url}: [\n"),
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\nstringData: {{key: hunter2, : ]}}\n---\n{}",
            bad()
        ),
        format!("data: hunter2\n---\n{}", bad()),
    ];
    let names: Vec<String> = (0..texts.len()).map(|index| format!("{index}.yaml")).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    let folder = folder(&files);
    for format in ["text", "json", "sarif", "junit", "github"] {
        let (_, said) = check(folder.path(), &[".", "--output", format]);
        assert!(names.iter().all(|name| said.contains(name)), "{format}:\n{said}");
        assert!(!said.contains("hunter2"), "{format}:\n{said}");
    }
}

#[test]
fn a_line_beside_a_secret_is_not_shown() {
    let json = |text: &str| {
        let value: serde_json::Value = serde_saphyr::from_str(text).expect("YAML");
        value
    };
    let secret = json("{apiVersion: v1, kind: Secret, metadata: {name: x}, stringData: {key: hunter2}}");
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [secret, json(&bad())]});
    let folder = folder(&[("list.json", list.to_string().as_bytes())]);
    let (code, said) = check(folder.path(), &["list.json"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("--> list.json:1:") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_file_cannot_speak_for_the_program() {
    let named = bad().replace("name: shop", "name: \"a\\n::error::b\"");
    let steering = bad().replace("interval", "\u{1b}[31mint");
    let folder = folder(&[("a\n::error::c.yaml", named.as_bytes()), ("b.yaml", steering.as_bytes())]);
    for format in ["text", "github"] {
        let (code, said) = check(folder.path(), &[".", "--output", format]);
        assert_eq!(code, Some(2));
        let commands: Vec<&str> = said.lines().filter(|line| line.starts_with("::error::")).collect();
        assert!(commands.is_empty() && !said.contains('\u{1b}') && said.contains("b.yaml"), "{said}");
    }
}

/// U+FFFE and U+FFFF are no characters of XML, however they are written.
#[test]
fn a_test_report_is_xml_whatever_a_file_says() {
    let named = bad().replace("name: shop", "name: \"a\\uFFFEb\"").replace("https://", "\"\\uFFFF\"");
    let labelled = GOOD.replace("name: shop", "name: shop\n  labels: {\"\\uFFFF\": \"\\uFFFE\"}");
    let twice = "\"\\uFFFE\": 1\n\"\\uFFFE\": 2\n";
    let files = [("a\u{fffe}.yaml", named), ("b.yaml", labelled), ("c\u{ffff}.yaml", twice.to_owned())];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_bytes()));
    let folder = folder(&files);
    let (_, said) = check(folder.path(), &[".", "--output", "junit"]);
    assert!(!said.contains(['\u{fffe}', '\u{ffff}']), "{said}");
    for expected in ["name=\"./a\\u{fffe}.yaml\"", "Application default/a\\u{fffe}b", "./c\\u{ffff}.yaml"] {
        assert!(said.contains(expected), "{expected} is not in {said}");
    }
}

#[test]
fn colours_are_for_terminals_alone() {
    let folder = folder(&[("app.yaml", bad().as_bytes())]);
    let run = |name: &str, value: &str| {
        let mut command = fleetgate();
        command.args(["check", "app.yaml"]).current_dir(folder.path()).env(name, value);
        said(command.output().expect("check runs")).1
    };
    assert!(!run("TERM", "xterm-256color").contains('\u{1b}'));
    assert!(run("CLICOLOR_FORCE", "1").contains('\u{1b}'));
    assert!(!run("NO_COLOR", "1").contains('\u{1b}'));
}
