//! A commit as the archive that Flux downloads: the same commit always gives the same bytes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::{files, git};

/// All archives, each written once.
#[derive(Debug)]
pub(super) struct Artifacts {
    folder: PathBuf,
    base_url: String,
    written: HashMap<String, Artifact>,
}

/// An archive that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Artifact {
    /// Below the folder of archives, and in the URL.
    pub(super) path: String,
    pub(super) url: String,
    /// `sha256:<hash>`.
    pub(super) digest: String,
    pub(super) size: u64,
}

impl Artifacts {
    pub(super) fn new(folder: PathBuf, base_url: String) -> Self {
        Self { folder, base_url, written: HashMap::new() }
    }

    /// The folder that is served.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The archive of a commit for one object; `owner` is `<kind>/<namespace>/<name>` in lower case.
    pub(super) fn of_commit(&mut self, mirror: &Path, owner: &str, commit: &str) -> anyhow::Result<Artifact> {
        // What the user wrote as a commit may be short or a name: only the hash makes a file name.
        let hash =
            git::run(mirror, &["rev-parse", "--verify", "--end-of-options", &format!("{commit}^{{commit}}")])
                .with_context(|| format!("the repository has no commit {commit}"))?;
        let path = format!("{owner}/{}.tar.gz", hash.trim());
        if let Some(artifact) = self.written.get(&path) {
            return Ok(artifact.clone());
        }
        let file = self.folder.join(&path);
        files::write(&file, "")?;
        let output = format!("--output={}", file.display());
        git::run(mirror, &["archive", "--format=tar.gz", &output, hash.trim()])?;
        let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let artifact = Artifact {
            url: format!("{}/{path}", self.base_url),
            digest: format!("sha256:{}", files::hex(&Sha256::digest(&bytes))),
            size: u64::try_from(bytes.len())?,
            path: path.clone(),
        };
        self.written.insert(path, artifact.clone());
        Ok(artifact)
    }
}
