//! Runs the sandbox's kubectl against the host, as a user would.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context as _;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// kubectl with the host's kubeconfig; `Sandbox::kubectl` makes one.
#[derive(Clone, Debug)]
pub struct Kubectl {
    pub(crate) program: PathBuf,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) home: PathBuf,
}

/// What kubectl said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its exit status; nothing when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// Warnings and errors.
    pub stderr: String,
}

impl Answer {
    /// Whether kubectl ended with 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

impl Kubectl {
    /// Runs `kubectl ARGUMENTS…`.
    ///
    /// # Errors
    /// When it cannot be run at all; what it refuses is an `Answer`.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<Answer> {
        self.run_with(arguments, "").await
    }

    /// Runs `kubectl ARGUMENTS…` with the text on standard input, for `-f -`.
    ///
    /// # Errors
    /// When it cannot be run at all; what it refuses is an `Answer`.
    pub async fn run_with(&self, arguments: &[&str], input: &str) -> anyhow::Result<Answer> {
        let what = || format!("cannot run kubectl ({})", self.program.display());
        let mut child = Command::new(&self.program)
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", &self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(what)?;
        let stdin = child.stdin.take();
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A kubectl that reads no input closes it, which is no error of ours.
                let _closed = stdin.write_all(input.as_bytes()).await;
            }
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        let output = output.with_context(what)?;
        Ok(Answer {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}
