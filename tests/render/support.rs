//! The program, the folder that it runs in, and its output as kubectl would read it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Two clusters, `m1` and `m2`, and the Fleet of them.
pub(super) const FLEET: &str = "apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: quickstart}
spec:
  clusters: [{kind: AttachedCluster, name: m1}, {kind: AttachedCluster, name: m2}]
---
apiVersion: cluster.kurator.dev/v1alpha1
kind: AttachedCluster
metadata: {name: m1, labels: {env: test}}
spec: {kubeconfig: {name: m1}}
---
apiVersion: cluster.kurator.dev/v1alpha1
kind: AttachedCluster
metadata: {name: m2, labels: {env: dev}}
spec: {kubeconfig: {name: m2, key: config}}
";

/// Exit code, output and what is said beside it.
pub(super) fn render(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetgate"));
    let output = command.arg("render").args(arguments).current_dir(folder).output().expect("render runs");
    let [out, notes] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    (output.status.code(), out, notes)
}

pub(super) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    folder
}

/// The documents as kubectl would read them, each with its comment.
pub(super) fn documents(text: &str) -> Vec<(String, Value)> {
    let documents = text.split("---\n").filter(|document| !document.is_empty());
    documents
        .map(|document| {
            let comment = document.lines().take_while(|line| line.starts_with('#')).collect::<Vec<_>>();
            let options = serde_saphyr::options! { legacy_octal_numbers: true };
            let value = serde_saphyr::from_str_with_options(document, options).expect("YAML");
            (comment.join("\n"), value)
        })
        .collect()
}
