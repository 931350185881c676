//! `fleetgate check` as a user and a pipeline meet it: what is printed, and
//! the exit code.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test says what it expects")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const GOOD: &str = "apiVersion: apps.kurator.dev/v1alpha1
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

/// A user and group with no rights beyond those of others.
const NOBODY: u32 = 65_534;

fn fleetgate() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fleetgate"))
}

fn check(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = fleetgate().arg("check").args(arguments).current_dir(folder).output().expect("check runs");
    said(output)
}

fn said(output: Output) -> (Option<i32>, String) {
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat();
    (output.status.code(), text)
}

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    folder
}

#[test]
fn a_good_file_is_admitted() {
    let folder = folder(&[("app.yaml", GOOD.as_bytes())]);
    let (code, text) = check(folder.path(), &["app.yaml"]);
    assert_eq!(code, Some(0));
    assert_eq!(
        text,
        "1 object checked in 1 file: 0 errors, 0 warnings; no Fleet among the files, so references to Fleets were not checked\n"
    );
}

#[test]
fn every_fault_has_its_place() {
    let bad = GOOD
        .replace("      url:", "      urll: x\n      url:")
        .replace("interval: 5m\n      prune: true", "interval: often\n      prune: 'yes'");
    let folder = folder(&[("apps/app.yaml", format!("# a comment\n---\n{bad}").as_bytes())]);
    let (code, text) = check(folder.path(), &["apps"]);
    assert_eq!(code, Some(1));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "apps/app.yaml:10:7: error: spec.source.gitRepository.urll: Forbidden: is not a field of this object; did you mean url? [object/unknown-field]",
            "apps/app.yaml:15:7: error: spec.syncPolicies[0].kustomization.interval: Invalid value: \"often\": must be a duration of ms, s, m, h such as 1m30s [source/interval]",
            "apps/app.yaml:16:7: error: spec.syncPolicies[0].kustomization.prune: Invalid value: \"yes\": must be a boolean, is a string [object/unreadable]",
            "1 object checked in 1 file: 3 errors, 0 warnings; no Fleet among the files, so references to Fleets were not checked",
        ]
    );
}

#[test]
fn fleets_among_the_files_are_what_applications_are_checked_against() {
    let app = GOOD.replace("spec:\n", "spec:\n  destination: {fleet: quikstart}\n");
    let fleet =
        "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: quickstart}\nspec: {}\n";
    let folder = folder(&[("a-app.yaml", app.as_bytes()), ("b-fleet.yml", fleet.as_bytes())]);
    let (code, text) = check(folder.path(), &["."]);
    assert_eq!(code, Some(0));
    assert!(
        text.starts_with("./a-app.yaml:6:17: warning: spec.destination.fleet: Not found: \"quikstart\""),
        "{text}"
    );
    assert!(text.contains("did you mean \"quickstart\"? [ref/fleet]"), "{text}");
}

#[test]
fn early_names_have_their_place_in_the_file() {
    let app = GOOD
        .replace("gitRepository", "gitRepo")
        .replace("syncPolicies", "syncPolicy")
        .replace("https://", "ftp://");
    let folder = folder(&[("app.yaml", app.as_bytes())]);
    let (code, text) = check(folder.path(), &["app.yaml"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("app.yaml:8:7: error: spec.source.gitRepository.url:"), "{text}");
    assert!(
        text.contains("app.yaml:7:5: warning: spec.source.gitRepo: is the early name of gitRepository"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_checked() {
    let folder = folder(&[
        ("binary.yaml", b"\x7fELF\xff\xfe\x00"),
        ("broken.yaml", format!("a: [\n---\n{GOOD}").as_bytes()),
        ("list.yaml", b"- just\n- a list\n"),
        ("other.yaml", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"),
        ("notes.txt", b"not looked at"),
    ]);
    let (code, text) = check(folder.path(), &[".", "missing.yaml"]);
    assert_eq!(code, Some(2));
    for expected in [
        "./binary.yaml: error: is no text: it is not UTF-8\n",
        "./broken.yaml:1:4: error: cannot be read as YAML: unclosed bracket '['\n",
        "./list.yaml:1:1: error: is no Kubernetes object: it has no apiVersion and kind\n",
        "missing.yaml: error: cannot be read: No such file or directory",
        "1 object checked in 5 files: 0 errors, 0 warnings; 1 object of other kinds passed by; 4 inputs could not be read",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
}

/// Root may read every folder, so that the program runs as nobody in particular:
/// from a copy, since the folder that it was built in may be closed to others.
#[test]
fn a_folder_that_cannot_be_read_is_said() {
    let folder = folder(&[("app.yaml", GOOD.as_bytes()), ("closed/app.yaml", GOOD.as_bytes())]);
    let program = folder.path().join("fleetgate");
    fs::copy(env!("CARGO_BIN_EXE_fleetgate"), &program).expect("a copy");
    let allow =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    allow(folder.path(), 0o755);
    allow(&folder.path().join("closed"), 0o000);
    let mut command = Command::new(program);
    command.args(["check", "closed", "app.yaml"]).current_dir(folder.path());
    if fs::metadata(folder.path()).is_ok_and(|metadata| metadata.uid() == 0) {
        command.uid(NOBODY).gid(NOBODY);
    }
    let (code, text) = said(command.output().expect("check runs"));
    allow(&folder.path().join("closed"), 0o755);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("closed: error: cannot be read: Permission denied"), "{text}");
    assert!(text.contains("1 object checked"), "{text}");
}

#[test]
fn a_path_that_is_not_there_is_said() {
    let folder = folder(&[("app.yaml", GOOD.as_bytes())]);
    let (code, text) = check(folder.path(), &["gone/", "app.yaml"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("gone/: error: cannot be read: ") && text.contains("1 object checked"), "{text}");
}

/// `check -`, waiting for its input.
fn check_stdin() -> Child {
    let mut command = fleetgate();
    command.args(["check", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("check runs")
}

fn feed(child: &mut Child, text: &str) {
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
}

#[test]
fn standard_input_is_a_file() {
    let mut child = check_stdin();
    feed(&mut child, &GOOD.replace("https://github.com/o/r", "https://"));
    let (code, text) = said(child.wait_with_output().expect("check ends"));
    assert_eq!(code, Some(1));
    let expected =
        "<stdin>:8:7: error: spec.source.gitRepository.url: Invalid value: \"https://\": must have a host";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn no_argument_is_a_mistake_in_usage() {
    let (code, text) = check(Path::new("."), &[]);
    assert_eq!(code, Some(2));
    assert!(text.contains("Usage: fleetgate check"), "{text}");
}

#[test]
fn the_items_of_a_list_are_objects() {
    let item = GOOD.replace("https://github.com/o/r", "https://").replace('\n', "\n  ");
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {item}");
    let folder = folder(&[("list.yaml", list.as_bytes())]);
    let (code, text) = check(folder.path(), &["list.yaml"]);
    assert_eq!(code, Some(1));
    assert!(text.starts_with("list.yaml:11:9: error: spec.source.gitRepository.url: Invalid value: \"https://\": must have a host"), "{text}");
}

#[test]
fn what_kubectl_would_not_know_is_said() {
    let table = [
        (
            GOOD.replace("kind: Application", "kind: Aplication"),
            "is no kind of apps.kurator.dev/v1alpha1: \"Aplication\"; did you mean \"Application\"?",
            2,
        ),
        (
            GOOD.replace("kind: Application", "kind: Rollout"),
            "is no kind of apps.kurator.dev/v1alpha1: \"Rollout\"; there is only \"Application\"",
            2,
        ),
        (
            GOOD.replace("apps.kurator", "cluster.kurator")
                .replace("kind: Application", "kind: CustomCluster"),
            "1 object of other kinds passed by",
            0,
        ),
        (
            GOOD.replace("apps.kurator", "cluster.kurator")
                .replace("kind: Application", "kind: AttachedClustr"),
            "did you mean \"AttachedCluster\"?",
            2,
        ),
        (
            GOOD.replace("  name: shop", "  labls: {a: b}"),
            "metadata.name: Required value: must be set, or generateName [object/name]",
            1,
        ),
        (
            GOOD.replace("  name: shop", "  name: shop\n  labls: {a: b}"),
            "did you mean labels? [object/unknown-field]",
            1,
        ),
        (
            GOOD.replace("  name: shop", "  name: shop\n  labels: {a: 1}"),
            "metadata.labels.a: Invalid value: 1: must be a string, is an integer",
            1,
        ),
        (GOOD.replace("v1alpha1", "v1"), "must be apps.kurator.dev/v1alpha1, the version that is served", 1),
        (
            format!("kind: Application\n{GOOD}"),
            "cannot be read as YAML: the key kind stands twice in one mapping\n",
            2,
        ),
    ];
    for (text, expected, expected_code) in table {
        let folder = folder(&[("app.yaml", text.as_bytes())]);
        let (code, said) = check(folder.path(), &["app.yaml"]);
        assert!(said.contains(expected), "{expected:?} is not in:\n{said}");
        assert_eq!(code, Some(expected_code), "{said}");
    }
}

#[test]
fn links_to_files_are_followed_and_an_empty_folder_is_no_success() {
    let folder =
        folder(&[("real/app.yaml", GOOD.as_bytes()), ("links/notes.txt", b""), ("empty/notes.txt", b"")]);
    std::os::unix::fs::symlink("../real/app.yaml", folder.path().join("links/app.yaml")).expect("a link");
    std::os::unix::fs::symlink("nowhere", folder.path().join("links/dangling.yaml")).expect("a link");
    let (code, text) = check(folder.path(), &["links"]);
    assert_eq!(code, Some(2));
    assert!(
        text.contains("links/dangling.yaml: error: cannot be read") && text.contains("1 object checked"),
        "{text}"
    );
    let (code, text) = check(folder.path(), &["empty"]);
    assert_eq!(
        (code, text.contains("empty: error: holds no .yaml, .yml or .json file")),
        (Some(2), true),
        "{text}"
    );
}

#[test]
fn what_is_found_is_told_in_the_order_of_the_files() {
    let bad = GOOD.replace("https://github.com/o/r", "https://");
    let folder = folder(&[
        ("a.yaml", format!("{bad}---\na: [\n").as_bytes()),
        ("b.yaml", b"- a list\n"),
        ("c.yaml", bad.as_bytes()),
    ]);
    let (_, text) = check(folder.path(), &["c.yaml", "."]);
    let places: Vec<&str> =
        text.lines().filter_map(|line| line.split_once(": error").map(|(place, _)| place)).collect();
    assert_eq!(places, ["./a.yaml:8:7", "./a.yaml:15:4", "./b.yaml:1:1", "./c.yaml:8:7", "c.yaml:8:7"]);
}

#[test]
fn an_exported_list_is_as_good_as_what_was_applied() {
    let exported = GOOD
        .replace(
            "  name: shop\n",
            "  name: shop\n  creationTimestamp: \"2026-01-01T00:00:00Z\"\n  generation: 2\n  managedFields: [{manager: kubectl, fieldsV1: {any: {}}}]\n  resourceVersion: \"7\"\n  uid: x\n",
        )
        .replace('\n', "\n  ");
    let list = format!(
        "apiVersion: v1\nitems:\n- {exported}status: {{observedGeneration: 2, conditions: []}}\nkind: List\nmetadata: {{resourceVersion: ''}}\n"
    );
    let folder = folder(&[("list.yaml", list.as_bytes())]);
    let (code, text) = check(folder.path(), &["list.yaml"]);
    assert_eq!((code, text.starts_with("1 object checked in 1 file: 0 errors")), (Some(0), true), "{text}");
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let mut child = check_stdin();
    drop(child.stdout.take());
    feed(&mut child, &GOOD.replace("https://github.com/o/r", "https://"));
    assert_eq!(said(child.wait_with_output().expect("check ends")), (Some(1), String::new()));
}
