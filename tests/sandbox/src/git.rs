//! The git command line, cut off from the user's configuration and from the network.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, bail};

use crate::tools;

/// Runs git in a folder and gives back what it printed.
///
/// The error is git's own words, so that they can be shown as they are.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = output(folder, arguments)?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("git {} printed no text", arguments.join(" ")))
}

fn output(folder: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    Command::new("git")
        .args(["-c", "init.defaultBranch=master", "-c", "core.autocrlf=false", "-c", "gc.auto=0"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        // Whatever an address says, git talks to files only.
        .env("GIT_ALLOW_PROTOCOL", "file")
        .env("GIT_AUTHOR_NAME", "Fleetgate sandbox")
        .env("GIT_AUTHOR_EMAIL", "sandbox@localhost")
        .env("GIT_COMMITTER_NAME", "Fleetgate sandbox")
        .env("GIT_COMMITTER_EMAIL", "sandbox@localhost")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .env("LC_ALL", "C")
        .output()
        .map_err(|error| tools::missing_program("git", error))
}
