//! What pipelines call by name is there: the action, the hook, and the command
//! lines of `docs/pipelines.md`.

use clap::{CommandFactory, Parser};
use serde_json::Value;

use crate::cli::{Cli, Command};

fn file(name: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The arguments of every call of fleetgate in a shell's lines, up to what the
/// shell itself does with its output.
fn calls(script: &str) -> Vec<Vec<&str>> {
    let lines = script.lines().filter_map(|line| line.split_once("fleetgate check"));
    let is_shell = |word: &&str| !matches!(*word, ">" | "|" | "||" | "&&");
    lines.map(|(_, rest)| rest.split_whitespace().take_while(is_shell).collect()).collect()
}

fn assert_is_check(arguments: &[&str]) {
    let line = ["fleetgate", "check"].iter().chain(arguments);
    let parsed = Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    assert!(matches!(parsed.command, Command::Check(_)), "{arguments:?}");
}

#[test]
fn the_action_uses_flags_that_there_are() {
    let action = yaml("action.yml");
    let steps = action["runs"]["steps"].as_array().expect("steps");
    let check = steps.last().expect("a step")["run"].as_str().expect("a script");
    let command = Cli::command();
    let known = command.find_subcommand("check").expect("the command").get_arguments();
    let known: Vec<&str> = known.filter_map(clap::Arg::get_long).collect();
    let flags: Vec<&str> = check
        .split(|c: char| c.is_whitespace() || "()\"".contains(c))
        .filter_map(|word| word.strip_prefix("--"))
        .filter(|flag| !flag.is_empty())
        .collect();
    assert_eq!(flags, ["output", "warnings-as-errors", "catalog"]);
    assert!(flags.iter().all(|flag| known.contains(flag)), "{flags:?} of {known:?}");
    assert_eq!(calls(check).len(), 2);
    // What a user hands over is data to the shell, never a part of its script.
    for step in steps {
        assert!(!step["run"].as_str().expect("a script").contains("${{"), "{step}");
    }
    let inputs = action["inputs"].as_object().expect("inputs");
    let used = steps.last().expect("a step")["env"].as_object().expect("variables");
    let used: Vec<String> = used.values().map(ToString::to_string).collect();
    for name in inputs.keys() {
        assert!(used.iter().any(|value| value.contains(&format!("inputs.{name} "))), "{name} is not used");
    }
}

#[test]
fn the_hook_calls_check_with_files() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let [hook] = hooks.as_array().expect("hooks").as_slice() else { panic!("one hook") };
    assert_eq!((&hook["language"], &hook["pass_filenames"]), (&"rust".into(), &true.into()));
    let [arguments] = calls(hook["entry"].as_str().expect("an entry")).try_into().expect("one call");
    assert_is_check(&[&arguments[..], &["a.yaml", "b.yaml"]].concat());
}

#[test]
fn the_documented_command_lines_are_right() {
    let text = file("docs/pipelines.md");
    // What stands between fences is every second part.
    let blocks = text.split("```").skip(1).step_by(2);
    let found: Vec<Vec<&str>> = blocks.flat_map(calls).collect();
    assert!(found.len() > 5, "{found:?}");
    for arguments in &found {
        assert_is_check(arguments);
    }
    let hooks: Value = text
        .split("```yaml")
        .filter_map(|block| serde_saphyr::from_str(block.split("```").next()?).ok())
        .find(|block: &Value| block["repos"].is_array())
        .expect("the hook's configuration");
    let hook = &hooks["repos"][0]["hooks"][0];
    assert_eq!(hook["id"], yaml(".pre-commit-hooks.yaml")[0]["id"]);
    let arguments: Vec<&str> =
        hook["args"].as_array().expect("arguments").iter().filter_map(Value::as_str).collect();
    assert_is_check(&[&arguments[..], &["a.yaml"]].concat());
    let inputs = yaml("action.yml")["inputs"].as_object().expect("inputs").clone();
    for (_, after) in text.match_indices("uses: fleetgate/fleetgate@").map(|(start, _)| text.split_at(start))
    {
        let with = after
            .lines()
            .skip(1)
            .take_while(|line| !line.trim().starts_with('-') && !line.starts_with("```"));
        for name in with.filter_map(|line| line.trim().split_once(':')).map(|(name, _)| name) {
            assert!(name == "with" || inputs.contains_key(name), "the action has no input {name}");
        }
    }
}
