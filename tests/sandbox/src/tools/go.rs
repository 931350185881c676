//! The questions that are put to `go`, and its answer in its own words when it fails.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow, bail};

/// The arguments of a build.
pub(super) fn arguments(ldflags: &str, import_path: &str, output: &Path) -> Vec<String> {
    let output = output.to_string_lossy();
    ["build", "-trimpath", "-ldflags", ldflags, "-o", &output, import_path].map(str::to_owned).to_vec()
}

/// `go` in a module's folder, whatever workspace the checkout may lie in.
pub(super) fn command(module: &Path) -> Command {
    let mut command = Command::new("go");
    command.current_dir(module).env("GOWORK", "off");
    command
}

/// The Go version that builds in this module.
pub(super) fn version(module: &Path) -> anyhow::Result<String> {
    ask(module, &["env", "GOVERSION"])
}

/// The folder of a dependency's source, downloaded when it is not there yet.
pub(crate) fn module_folder(tool: &str, dependency: &str) -> anyhow::Result<PathBuf> {
    let module = super::module(tool);
    let find = || ask(&module, &["list", "-m", "-f", "{{.Dir}}", dependency]);
    let mut folder = find()?;
    if folder.is_empty() {
        ask(&module, &["mod", "download", dependency])?;
        folder = find()?;
    }
    if folder.is_empty() {
        bail!("go mod download {dependency} in {} has not brought its source", module.display());
    }
    Ok(folder.into())
}

/// A sentence for a command that could not be started.
pub(crate) fn missing(program: &str, error: std::io::Error) -> anyhow::Error {
    if error.kind() == ErrorKind::NotFound {
        anyhow!(
            "`{program}` was not found: the sandbox needs Rust, Go 1.26 or later and git on PATH; install it and try again"
        )
    } else {
        anyhow!(error).context(format!("cannot run `{program}`"))
    }
}

fn ask(module: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = command(module).args(arguments).output().map_err(|error| missing("go", error))?;
    if !output.status.success() {
        bail!(
            "`go {}` failed in {} ({}):\n{}",
            arguments.join(" "),
            module.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    let text = String::from_utf8(output.stdout)
        .with_context(|| format!("`go {}` answered no text", arguments.join(" ")))?;
    Ok(text.trim().to_owned())
}
