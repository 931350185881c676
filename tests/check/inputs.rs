//! What is read, and what is said of that which cannot be.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::support::{GOOD, bad, check, check_json, check_stdin, feed, folder, found, said};

/// A user and group with no rights beyond those of others.
const NOBODY: u32 = 65_534;

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_checked() {
    let folder = folder(&[
        ("binary.yaml", b"\x7fELF\xff\xfe\x00"),
        ("broken.yaml", format!("a: [\n---\n{GOOD}").as_bytes()),
        ("list.yaml", b"- just\n- a list\n"),
        ("other.yaml", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"),
        ("notes.txt", b"not looked at"),
    ]);
    let paths = [".", "list.yaml", "missing.yaml"];
    let (code, document) = check_json(folder.path(), &paths);
    assert_eq!(code, Some(2));
    assert_eq!(
        found(&document),
        [
            "./binary.yaml:null:null input/unreadable null",
            "./broken.yaml:1:4 input/unreadable null",
            "list.yaml:1:1 input/unreadable null",
            "missing.yaml:null:null input/unreadable null",
        ]
    );
    let (_, text) = check(folder.path(), &paths);
    for expected in [
        "error[input/unreadable]: is no text: it is not UTF-8\n",
        "error[input/unreadable]: cannot be read as YAML: unclosed bracket '['\n",
        "error[input/unreadable]: is no Kubernetes object: it has no apiVersion and kind\n",
        "error[input/unreadable]: cannot be read: No such file or directory",
        "1 object checked in 6 files: 0 errors, 0 warnings; 2 of other kinds passed by; 4 inputs could not be read",
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
    assert!(text.contains("cannot be read: Permission denied") && text.contains("--> closed\n"), "{text}");
    assert!(text.contains("1 object checked"), "{text}");
}

#[test]
fn a_path_that_is_not_there_is_said() {
    let folder = folder(&[("app.yaml", GOOD.as_bytes())]);
    let (code, text) = check(folder.path(), &["gone/", "app.yaml"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("--> gone/\n") && text.contains("1 object checked"), "{text}");
}

#[test]
fn no_argument_is_a_mistake_in_usage() {
    let (code, text) = check(Path::new("."), &[]);
    assert_eq!(code, Some(2));
    assert!(text.contains("Usage: fleetgate check"), "{text}");
}

#[test]
fn links_to_files_are_followed_and_an_empty_folder_is_no_success() {
    let folder =
        folder(&[("real/app.yaml", GOOD.as_bytes()), ("links/notes.txt", b""), ("empty/notes.txt", b"")]);
    symlink("../real/app.yaml", folder.path().join("links/app.yaml")).expect("a link");
    symlink("nowhere", folder.path().join("links/dangling.yaml")).expect("a link");
    let (code, document) = check_json(folder.path(), &["links"]);
    assert_eq!(code, Some(2));
    assert_eq!(found(&document), ["links/dangling.yaml:null:null input/unreadable null"]);
    assert_eq!(document["summary"]["objects"], 1);
    let (code, text) = check(folder.path(), &["empty"]);
    let is_said = text.contains("holds no .yaml, .yml or .json file");
    assert_eq!((code, is_said), (Some(2), true), "{text}");
}

/// Nobody writes into the pipe: who reads it never ends.
#[test]
fn what_is_no_file_in_a_folder_passes_by() {
    let folder = folder(&[("app.yaml", GOOD.as_bytes())]);
    let path = |name: &str| folder.path().join(name);
    let made = Command::new("mkfifo").arg(path("pipe.yaml")).status().expect("mkfifo runs");
    assert!(made.success());
    let _socket = UnixListener::bind(path("socket.json")).expect("a socket");
    symlink("pipe.yaml", path("link.yml")).expect("a link");
    symlink("/dev/zero", path("device.yaml")).expect("a link");
    for arguments in [&["."][..], &["app.yaml", "--catalog", "."]] {
        let mut command = Command::new("timeout");
        command.args(["60", env!("CARGO_BIN_EXE_fleetgate"), "check"]).args(arguments);
        let (code, text) = said(command.current_dir(folder.path()).output().expect("check runs"));
        assert!(
            code == Some(0) && text.starts_with("1 object checked in 1 file: 0 errors, 0 warnings;"),
            "{text}"
        );
        assert_eq!(text.contains("; 4 of other kinds passed by;"), arguments == ["."], "{text}");
    }
}

/// A kubelet keeps the files in a hidden folder, and links to them beside it.
#[test]
fn a_mounted_config_map_is_read_once() {
    let folder = folder(&[("..2026_01_01/app.yaml", GOOD.as_bytes())]);
    symlink("..2026_01_01", folder.path().join("..data")).expect("a link");
    symlink("..data/app.yaml", folder.path().join("app.yaml")).expect("a link");
    let (code, text) = check(folder.path(), &["."]);
    assert!(
        code == Some(0) && text.starts_with("1 object checked in 1 file: 0 errors, 0 warnings;"),
        "{text}"
    );
}

#[test]
fn what_is_no_manifest_in_a_folder_passes_by_and_what_is_named_does_not() {
    let folder = folder(&[
        ("app.yaml", GOOD.as_bytes()),
        (".github/workflows/ci.yml", b"on: push\njobs: {}\n"),
        (".hidden.yaml", b"a: [\n"),
        ("package.json", b"{\"name\": \"web\"}"),
        ("patch.yaml", b"- {op: remove, path: /spec/x}\n---\n{name: x}\n"),
    ]);
    let (code, text) = check(folder.path(), &["."]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 object checked in 3 files: 0 errors, 0 warnings; 3 of other kinds passed by;"));
    let (code, _) = check(folder.path(), &["app.yaml", "--catalog", "."]);
    assert_eq!(code, Some(0));
    for named in [".github/workflows/ci.yml", ".hidden.yaml", "package.json", "patch.yaml"] {
        assert_eq!(check(folder.path(), &[named]).0, Some(2), "{named}");
    }
    // A hidden folder that is named is looked into.
    let (code, text) = check(folder.path(), &[".github"]);
    assert!(code == Some(0) && text.starts_with("0 objects checked in 1 file:"), "{text}");
    // What is meant to be ours is told, wherever it is.
    fs::write(folder.path().join("typo.yaml"), GOOD.replace("kind:", "knd:")).expect("a file");
    assert_eq!(check(folder.path(), &["."]).0, Some(2));
}

#[test]
fn a_charts_templates_are_not_read_unless_they_are_named() {
    let template = "kind: Application\nmetadata:\n  name: {{ .Release.Name }}\n";
    let folder = folder(&[
        ("web/Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("web/values.yaml", b"replicas: 1\n"),
        ("web/templates/app.yaml", template.as_bytes()),
        ("web/templates/tests/app.yaml", template.as_bytes()),
        ("web/charts/part/Chart.yaml", b"apiVersion: v2\nname: part\nversion: 1.0.0\n"),
        ("web/charts/part/templates/app.yaml", template.as_bytes()),
        ("plain/templates/app.yaml", GOOD.as_bytes()),
    ]);
    let said = "the templates of 2 Helm charts were not read: render them first";
    for root in [".", "web"] {
        let (code, text) = check(folder.path(), &[root]);
        assert!(code == Some(0) && text.contains(said), "{text}");
    }
    assert!(check(folder.path(), &["."]).1.starts_with("1 object checked in 4 files:"));
    assert_eq!(check_json(folder.path(), &["web"]).1["summary"]["charts"], 2);
    let (code, text) = check(folder.path(), &["web/templates"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("= help: if it is a template, render it first"), "{text}");
}

#[test]
fn what_is_found_is_told_in_the_order_of_the_files() {
    let bad = bad();
    let folder = folder(&[
        ("a.yaml", format!("{bad}---\na: [\n").as_bytes()),
        ("b.yaml", b"kind: Application\n"),
        ("c.yaml", bad.replace("shop", "shop-c").as_bytes()),
    ]);
    let (_, document) = check_json(folder.path(), &["c.yaml", "."]);
    let places: Vec<String> = found(&document)
        .into_iter()
        .map(|line| line.split(' ').next().expect("a place").to_owned())
        .collect();
    assert_eq!(places, ["./a.yaml:8:7", "./a.yaml:15:4", "./b.yaml:1:1", "./c.yaml:8:7", "c.yaml:8:7"]);
}

#[test]
fn many_files_are_told_the_same_way_every_time() {
    let bad = bad();
    let names: Vec<String> = (0..200).map(|index| format!("{index:03}.yaml")).collect();
    let texts: Vec<String> = names.iter().map(|name| bad.replace("shop", &format!("shop-{name}"))).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    let folder = folder(&files);
    let (_, first) = check(folder.path(), &["."]);
    let (_, again) = check(folder.path(), &["."]);
    assert_eq!(first, again);
    let places: Vec<&str> = first.lines().filter_map(|line| line.trim().strip_prefix("--> ./")).collect();
    let expected: Vec<String> = names.iter().map(|name| format!("{name}:8:7")).collect();
    assert_eq!(places, expected);
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let mut child = check_stdin(&[]);
    drop(child.stdout.take());
    feed(&mut child, &bad());
    assert_eq!(said(child.wait_with_output().expect("check ends")), (Some(1), String::new()));
}
