//! What a person meets when the sandbox cannot build, or is given up while it does.

#![allow(clippy::expect_used, reason = "a test says what it expects")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fleetgate_sandbox::wait::{Probe, until};

/// The sandbox with nothing built yet: everything goes below `folder`.
fn sandbox(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetgate-sandbox"));
    command.args(["--admission-only", "--without-fleetgate", "--work-dir"]).arg(folder.join("run"));
    command.env("CARGO_TARGET_DIR", folder.join("target")).env("GOCACHE", folder.join("cache"));
    // The compilers that go starts name this folder, too.
    std::fs::create_dir_all(folder.join("go")).expect("a folder");
    command.env("GOTMPDIR", folder.join("go"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The processes whose command line names the folder.
fn left_in(folder: &Path) -> String {
    let found = Command::new("pgrep").args(["-a", "-f"]).arg(folder).output().expect("pgrep runs");
    String::from_utf8_lossy(&found.stdout).into_owned()
}

#[test]
fn a_build_that_fails_is_told_in_the_tools_own_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = sandbox(folder.path()).env("GOFLAGS", "-mod=vendor").output().expect("the sandbox runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("go: inconsistent vendoring"), "{text}");
}

#[test]
fn without_go_it_says_what_to_install() {
    let folder = tempfile::tempdir().expect("a folder");
    let output =
        sandbox(folder.path()).env("PATH", folder.path().join("nothing")).output().expect("the sandbox runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("`go` was not found: the sandbox needs Rust, Go"), "{text}");
}

#[tokio::test]
async fn an_interrupted_build_leaves_no_process_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = sandbox(folder.path()).spawn().expect("the sandbox runs");
    let mut lines = BufReader::new(child.stderr.take().expect("its messages"));
    let mut line = String::new();
    while !line.contains("building etcd") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).expect("a line"), 0, "it ended before it built anything");
    }
    // Only now is there something that could be left.
    let at_work = until("go to compile", Duration::from_mins(2), async || {
        let processes = left_in(folder.path());
        Ok(if processes.contains("/compile ") { Probe::Done(()) } else { Probe::NotYet(processes) })
    });
    at_work.await.expect("go is at work");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("the rest");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{rest}");
    // What was killed may take a moment to go where all cores are busy.
    let gone = until("no process to be left", Duration::from_secs(30), async || {
        let left = left_in(folder.path());
        Ok(if left.is_empty() { Probe::Done(()) } else { Probe::NotYet(left) })
    });
    gone.await.expect("nothing is left");
}
