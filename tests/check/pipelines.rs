//! The action's script, run as a runner would run it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{GOOD, bad, fleet, folder, of_fleet, said};

/// Runs the action's last step with these inputs, and the others' defaults.
fn act(folder: &Path, inputs: &[(&str, &str)]) -> (Option<i32>, String) {
    let action: Value = serde_saphyr::from_str(include_str!("../../action.yml")).expect("YAML");
    let step = action["runs"]["steps"].as_array().and_then(|steps| steps.last()).expect("a step");
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"].as_str().expect("a script")]);
    for (name, expression) in step["env"].as_object().expect("variables") {
        let input =
            expression.as_str().and_then(|text| text.strip_prefix("${{ inputs.")?.strip_suffix(" }}"));
        let input = input.expect("an input");
        let given = inputs.iter().find(|(name, _)| *name == input).map(|(_, value)| *value);
        command.env(
            name,
            given.unwrap_or_else(|| action["inputs"][input]["default"].as_str().expect("a default")),
        );
    }
    let programs = Path::new(env!("CARGO_BIN_EXE_fleetgate")).parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").expect("a PATH");
    let path =
        std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&path))).expect("a PATH");
    said(command.env("PATH", path).current_dir(folder).output().expect("bash runs"))
}

/// What stands beside the manifests in a repository.
const REPOSITORY: [(&str, &str); 16] = [
    (".git/refs/broken.json", "{"),
    (".github/dependabot.yml", "version: 2\nupdates: []\n"),
    (".github/workflows/ci.yml", "name: CI\non: pull_request\njobs:\n  check: {runs-on: ubuntu-latest}\n"),
    (".pre-commit-config.yaml", "repos:\n- repo: https://github.com/o/r\n  rev: main\n"),
    (".vscode/settings.json", "{\n  // a comment\n  \"editor.tabSize\": 2,\n}\n"),
    ("README.md", "# Web\n"),
    ("docker-compose.yml", "services:\n  web: {image: web}\n"),
    ("package.json", "{\"name\": \"web\", \"private\": true}\n"),
    ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
    ("charts/web/values.yaml", "# Defaults.\nreplicas: 2\n"),
    (
        "charts/web/templates/web.yaml",
        "{{- if .Values.web }}\nkind: Service\nmetadata: {{ .Release.Name }}\n{{- end }}\n",
    ),
    ("deploy/base/kustomization.yaml", "resources: [service.yaml]\n"),
    ("deploy/base/service.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"),
    ("deploy/base/patch.yaml", "- op: add\n  path: /spec/replicas\n  value: 3\n"),
    ("apps/shop.yaml", GOOD),
    ("dashboards/web.json", "{\"panels\": [], \"title\": \"web\"}\n"),
];

#[test]
fn the_actions_defaults_are_for_a_repository_as_it_is() {
    let files: Vec<(&str, &[u8])> = REPOSITORY.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    let folder = folder(&files);
    let expected = "1 object checked in 9 files: 0 errors, 0 warnings; 8 of other kinds passed by; \
                    the templates of 1 Helm chart were not read: render them first; \
                    no Fleet among the files, so references to Fleets were not checked\n";
    assert_eq!(act(folder.path(), &[]), (Some(0), expected.to_owned()));
    std::fs::write(folder.path().join("apps/shop.yaml"), bad()).expect("a file");
    let (code, text) = act(folder.path(), &[]);
    assert_eq!(code, Some(1));
    assert!(text.starts_with("::error file=apps/shop.yaml,line=8,col=7,title="), "{text}");
}

#[test]
fn the_action_checks_what_it_is_told_to() {
    let folder = folder(&[
        ("apps/a b.yaml", of_fleet("quikstart").as_bytes()),
        ("clusters/fleet.yaml", fleet("quickstart").as_bytes()),
        ("bad.yaml", bad().as_bytes()),
        ("good.yaml", GOOD.replace("shop", "good").as_bytes()),
    ]);
    let act = |inputs: &[(&str, &str)]| act(folder.path(), inputs);
    let (code, text) = act(&[("paths", "apps/a b.yaml\n\ngood.yaml\n"), ("catalog", "clusters\n")]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("::warning file=apps/a b.yaml,line=6,col=17,"), "{text}");
    assert!(text.ends_with("\n2 objects checked in 2 files: 0 errors, 1 warning\n"), "{text}");
    let (code, _) = act(&[("paths", "apps"), ("catalog", "clusters"), ("warnings-as-errors", "true")]);
    assert_eq!(code, Some(1));
    let (code, text) = act(&[]);
    assert_eq!((code, text.starts_with("::")), (Some(1), true), "{text}");
    let (code, _) = act(&[("paths", "$(touch evil)\n-x; touch evil")]);
    assert_eq!((code, folder.path().join("evil").exists()), (Some(2), false));
    let (code, text) = act(&[("paths", "bad.yaml"), ("output", "sarif"), ("output-file", "out.sarif")]);
    assert_eq!((code, text.as_str()), (Some(1), ""));
    let written = std::fs::read_to_string(folder.path().join("out.sarif")).expect("the file");
    assert!(serde_json::from_str::<Value>(&written).expect("JSON")["runs"].is_array());
}
