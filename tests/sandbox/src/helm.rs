//! Helm's command line, cut off from the user's configuration and from the network.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// The built `helm`, with a home of its own; `Sandbox::helm` makes one.
#[derive(Clone, Debug)]
pub struct Helm {
    program: PathBuf,
    home: PathBuf,
    kubeconfig: Option<PathBuf>,
}

impl Helm {
    pub(crate) fn new(program: PathBuf, home: &Path) -> Self {
        Self { program, home: home.to_owned(), kubeconfig: None }
    }

    /// The same, with a cluster that it may install into.
    pub(crate) fn with_cluster(self, kubeconfig: &Path) -> Self {
        Self { kubeconfig: Some(kubeconfig.to_owned()), ..self }
    }

    /// Runs helm, and returns what it prints.
    ///
    /// # Errors
    /// In helm's own words, so that they can be shown as they are.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(&self.program)
            .args(arguments)
            // Neither a proxy nor a repository of the user's is seen.
            .env_clear()
            .env("HOME", &self.home)
            .envs(self.kubeconfig.iter().map(|path| ("KUBECONFIG", path)))
            .output()
            .with_context(|| format!("cannot run helm ({})", self.program.display()))?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
