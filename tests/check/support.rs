//! What the tests share: files, the program, and what it said.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// An Application without a fault.
pub(crate) const GOOD: &str = "apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata:
  name: shop
spec:
  source:
    gitRepository:
      url: https://github.com/o/r
      interval: 5m
  syncPolicies:
  - kustomization:
      interval: 5m
      prune: true
";

/// One with an error in its eighth line.
pub(crate) fn bad() -> String {
    GOOD.replace("https://github.com/o/r", "https://")
}

/// One that names a Fleet.
pub(crate) fn of_fleet(fleet: &str) -> String {
    GOOD.replace("spec:\n", &format!("spec:\n  destination: {{fleet: {fleet}}}\n"))
}

pub(crate) fn fleet(name: &str) -> String {
    format!("apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: {name}}}\nspec: {{}}\n")
}

pub(crate) fn fleetgate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetgate"));
    // What the tests are run with is not what they test.
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("KUBECONFIG");
    command.env_remove("FLEETGATE_NO_CROSS_NAMESPACE_REFS").env_remove("FLEETGATE_NO_HOST_DESTINATION");
    command.env_remove("FLEETGATE_DEFAULT_SERVICE_ACCOUNT");
    command
}

/// The exit code, and what was printed anywhere.
pub(crate) fn check(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    said(fleetgate().arg("check").args(arguments).current_dir(folder).output().expect("check runs"))
}

pub(crate) fn said(output: Output) -> (Option<i32>, String) {
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat();
    (output.status.code(), text)
}

/// The exit code, and the document that `--output json` prints.
pub(crate) fn check_json(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let (code, text) = check(folder, &[arguments, &["--output", "json"]].concat());
    (code, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

/// Every finding in one line: `file:line:column code path`.
pub(crate) fn found(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let findings = document["findings"].as_array().expect("findings");
    let line = |finding: &Value| {
        let [file, line, column, code, path] =
            ["file", "line", "column", "code", "path"].map(|field| text(&finding[field]));
        format!("{file}:{line}:{column} {code} {path}")
    };
    findings.iter().map(line).collect()
}

/// The exit code, and every finding of a file with that text.
pub(crate) fn found_in(text: &str) -> (Option<i32>, Vec<String>) {
    let folder = folder(&[("app.yaml", text.as_bytes())]);
    let (code, document) = check_json(folder.path(), &["app.yaml"]);
    (code, found(&document))
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    folder
}

/// `check -` and more arguments, waiting for its input.
pub(crate) fn check_stdin(arguments: &[&str]) -> Child {
    waiting(&[&["check", "-"], arguments].concat())
}

/// The exit code, and what was printed anywhere, of what reads `text` from a pipe.
pub(crate) fn piped(arguments: &[&str], text: &str) -> (Option<i32>, String) {
    let mut child = waiting(arguments);
    feed(&mut child, text);
    said(child.wait_with_output().expect("it ends"))
}

fn waiting(arguments: &[&str]) -> Child {
    let mut command = fleetgate();
    command.args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it runs")
}

pub(crate) fn feed(child: &mut Child, text: &str) {
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
}
