//! What Flux downloads: each archive is written once, and served from then on.

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
    written: HashMap<String, (Artifact, Option<Origin>)>,
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

/// The commit that an archive was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) mirror: PathBuf,
    pub(super) commit: String,
}

impl Artifacts {
    pub(super) fn new(folder: PathBuf, base_url: String) -> Self {
        Self { folder, base_url, written: HashMap::new() }
    }

    /// The folder that is served.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The archive of a commit, or of one folder of it, for one object; `owner` is
    /// `<kind>/<namespace>/<name>` in lower case. The same commit always gives the same bytes.
    pub(super) fn of_commit(
        &mut self,
        mirror: &Path,
        owner: &str,
        commit: &str,
        folder: Option<&str>,
    ) -> anyhow::Result<Artifact> {
        // What the user wrote as a commit may be short or a name: only the hash makes a file name.
        let wanted =
            folder.map_or_else(|| format!("{commit}^{{commit}}"), |folder| format!("{commit}:{folder}"));
        let hash = git::run(mirror, &["rev-parse", "--verify", "--end-of-options", &wanted])
            .with_context(|| format!("the repository has no {wanted}"))?;
        let hash = hash.trim();
        let path = format!("{owner}/{hash}.tar.gz");
        if let Some((artifact, _)) = self.written.get(&path) {
            return Ok(artifact.clone());
        }
        let file = self.folder.join(&path);
        files::write(&file, "")?;
        let output = format!("--output={}", file.display());
        git::run(mirror, &["archive", "--format=tar.gz", &output, hash])?;
        let origin = Origin { mirror: mirror.to_owned(), commit: hash.to_owned() };
        self.remember(path, folder.is_none().then_some(origin))
    }

    /// A packed chart under its own name. One of that name that is there already stays: to Flux, a
    /// chart is its version.
    pub(super) fn of_chart(&mut self, owner: &str, chart: &Path) -> anyhow::Result<Artifact> {
        let name = chart.file_name().context("a packed chart has a name")?.to_string_lossy();
        let path = format!("{owner}/{name}");
        if let Some((artifact, _)) = self.written.get(&path) {
            return Ok(artifact.clone());
        }
        self.copy(path, chart)
    }

    /// A copy of a file that may change: its digest is in its name.
    pub(super) fn of_file(&mut self, owner: &str, stem: &str, file: &Path) -> anyhow::Result<Artifact> {
        let digest = files::hex(&Sha256::digest(&read(file)?));
        let extension = file.extension().unwrap_or_default().to_string_lossy();
        let path = format!("{owner}/{stem}-{digest}.{extension}");
        if let Some((artifact, _)) = self.written.get(&path) {
            return Ok(artifact.clone());
        }
        self.copy(path, file)
    }

    /// What the archive at this path was made of, if that was a whole commit.
    pub(super) fn origin(&self, path: &str) -> Option<&Origin> {
        self.written.get(path)?.1.as_ref()
    }

    fn copy(&mut self, path: String, from: &Path) -> anyhow::Result<Artifact> {
        let file = self.folder.join(&path);
        files::write(&file, "")?;
        std::fs::copy(from, &file).with_context(|| format!("cannot write {}", file.display()))?;
        self.remember(path, None)
    }

    fn remember(&mut self, path: String, origin: Option<Origin>) -> anyhow::Result<Artifact> {
        let bytes = read(&self.folder.join(&path))?;
        let artifact = Artifact {
            url: format!("{}/{path}", self.base_url),
            digest: format!("sha256:{}", files::hex(&Sha256::digest(&bytes))),
            size: u64::try_from(bytes.len())?,
            path: path.clone(),
        };
        self.written.insert(path, (artifact.clone(), origin));
        Ok(artifact)
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}
