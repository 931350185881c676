//! Helm's command line, cut off from the user's configuration and from the network.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// The built `helm`, with a home of its own.
#[derive(Clone, Debug)]
pub(crate) struct Helm {
    program: PathBuf,
    home: PathBuf,
}

impl Helm {
    pub(crate) fn new(program: PathBuf, home: &Path) -> Self {
        Self { program, home: home.to_owned() }
    }

    /// Runs helm; the error is helm's own words, so that they can be shown as they are.
    pub(crate) fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = Command::new(&self.program)
            .args(arguments)
            // Neither a proxy nor a repository of the user's is seen.
            .env_clear()
            .env("HOME", &self.home)
            .output()
            .with_context(|| format!("cannot run helm ({})", self.program.display()))?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }
}
