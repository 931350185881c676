//! Builds the `fleetgate` binary of this workspace, for the person who runs `cargo sandbox`.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::build::{self, Cancel};
use super::go;
use crate::{Progress, files, process, workdir};

/// Builds `fleetgate` as `cargo build --bin fleetgate` does; the path of the binary.
///
/// # Errors
/// In cargo's words when it fails. Dropping the future stops the build.
pub async fn fleetgate(progress: &Progress) -> anyhow::Result<PathBuf> {
    let cancel = Cancel::default();
    let _given_up_with_this_future = cancel.on_drop();
    let (progress, cancel) = (progress.clone(), cancel.clone());
    tokio::task::spawn_blocking(move || build(&progress, &cancel))
        .await
        .context("the build of fleetgate was broken off")?
}

fn build(progress: &Progress, cancel: &Cancel) -> anyhow::Result<PathBuf> {
    progress.say("building fleetgate");
    let base = workdir::base();
    files::private_folder(&base)?;
    let (messages, log) = (base.join("cargo.json"), base.join("cargo.log"));
    let create = |path| File::create(path).with_context(|| format!("cannot write to {}", base.display()));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--package", "fleetgate", "--bin", "fleetgate"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(workdir::repository_root())
        .stdin(Stdio::null())
        .stdout(create(&messages)?)
        .stderr(create(&log)?);
    process::tie_to_this_process(&mut command);
    let child = command.spawn().map_err(|error| go::missing("cargo", error))?;
    let status = build::finish(child, "fleetgate", progress, cancel)?;
    if !status.success() {
        bail!("cannot build fleetgate: `cargo build` failed ({status}):\n{}", files::read(&log)?.trim_end());
    }
    executable(&files::read(&messages)?).context("cargo has built no binary named fleetgate")
}

/// The binary that cargo's messages name.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message.pointer("/target/name").and_then(Value::as_str) == Some("fleetgate"))
        .find_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_binary_among_the_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"fleetgate-api"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"fleetgate"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"fleetgate"},"executable":"/target/debug/fleetgate"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages), Some("/target/debug/fleetgate".into()));
        assert_eq!(executable(""), None);
    }
}
