//! Charts: packed by helm from a commit, published as a Helm repository, and chosen from there by helm.
//!
//! ```text
//! master's charts/podinfo ─publish─► index.yaml, podinfo-<version>.tgz ─HTTP on loopback─► pull (helm chooses)
//! any commit's folder ─────pack────► <name>-<version>.tgz
//! ```

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::artifact::Origin;
use crate::helm::Helm;
use crate::{files, git};

/// The folder of the sandbox's repository whose chart is published.
const PUBLISHED: &str = "charts/podinfo";

/// Packs charts, and keeps the Helm repository.
#[derive(Debug)]
pub(super) struct Charts {
    helm: Helm,
    /// For checkouts and packed charts.
    folder: PathBuf,
    /// The Helm repository, below the folder that is served.
    repository: PathBuf,
    repository_url: String,
    /// The commit that was last published.
    published: Option<String>,
    packed: HashMap<PathBuf, Chart>,
}

/// A packed chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chart {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) file: PathBuf,
}

/// What a chart says of itself.
#[derive(Debug, Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

impl Charts {
    pub(super) fn new(helm: Helm, folder: PathBuf, served: &Path, base_url: &str) -> Self {
        Self {
            helm,
            folder,
            repository: served.join("helm/podinfo"),
            repository_url: format!("{base_url}/helm/podinfo"),
            published: None,
            packed: HashMap::new(),
        }
    }

    /// The Helm repository's index, in which every version is that this commit's branch has had.
    pub(super) fn index(&mut self, newest: &Origin) -> anyhow::Result<PathBuf> {
        let index = self.repository.join("index.yaml");
        if self.published.as_ref() != Some(&newest.commit) {
            let outcome = self.publish(newest);
            // A chart that cannot be packed is not published; what was published stays.
            if !index.exists() {
                outcome?;
            }
            self.published = Some(newest.commit.clone());
        }
        Ok(index)
    }

    fn publish(&mut self, newest: &Origin) -> anyhow::Result<()> {
        let chart = self.pack(newest, PUBLISHED, None)?;
        let file = self.repository.join(format!("{}-{}.tgz", chart.name, chart.version));
        if file.exists() {
            return Ok(());
        }
        files::private_folder(&self.repository)?;
        std::fs::copy(&chart.file, &file).with_context(|| format!("cannot write {}", file.display()))?;
        self.helm.run(&["repo", "index", &self.repository.display().to_string()]).map(drop)
    }

    /// The chart that helm chooses from the Helm repository; its newest stable version when none is named.
    pub(super) fn pull(
        &mut self,
        newest: &Origin,
        name: &str,
        version: Option<&str>,
    ) -> anyhow::Result<Chart> {
        let index = files::read(&self.index(newest)?)?;
        let home = self.home(&["pull", &index, name, version.unwrap_or_default()]);
        self.once(home, |charts, home| {
            let output = home.display().to_string();
            let version: Vec<&str> = version.iter().flat_map(|version| ["--version", version]).collect();
            let pull = ["pull", "--repo", &charts.repository_url, "--destination", &output];
            charts.helm.run(&[&pull, &version[..], &["--", name]].concat())?;
            let file = packed_in(home)?;
            let version =
                file.file_stem().and_then(|stem| stem.to_str()?.strip_prefix(name)?.strip_prefix('-'));
            let version = version.with_context(|| format!("helm pulled {}", file.display()))?.to_owned();
            Ok(Chart { name: name.to_owned(), version, file })
        })
    }

    /// The chart in a folder of a commit; `metadata` is added to its version.
    pub(super) fn pack(
        &mut self,
        origin: &Origin,
        path: &str,
        metadata: Option<&str>,
    ) -> anyhow::Result<Chart> {
        let is_inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if !Path::new(path).components().all(is_inside) {
            bail!("{path} is not a path inside the source");
        }
        let mirror = origin.mirror.display().to_string();
        let home = self.home(&["pack", &mirror, &origin.commit, path, metadata.unwrap_or_default()]);
        self.once(home, |charts, home| {
            let checkout = home.join("checkout").display().to_string();
            git::run(&origin.mirror, &["worktree", "add", "--quiet", "--detach", &checkout, &origin.commit])?;
            let chart = charts.pack_folder(&home.join("checkout").join(path), home, metadata);
            git::run(&origin.mirror, &["worktree", "remove", "--force", &checkout])?;
            chart
        })
    }

    fn pack_folder(&self, folder: &Path, home: &Path, metadata: Option<&str>) -> anyhow::Result<Chart> {
        let file = folder.join("Chart.yaml");
        let text = files::read(&file)?;
        let Metadata { name, version } =
            serde_saphyr::from_str(&text).context("Chart.yaml has no name or no version")?;
        let version = metadata.map_or(version.clone(), |metadata| format!("{version}+{metadata}"));
        let (folder, home_text) = (folder.display().to_string(), home.display().to_string());
        self.helm.run(&["package", "--version", &version, "--destination", &home_text, &folder])?;
        Ok(Chart { name, version, file: packed_in(home)? })
    }

    fn home(&self, key: &[&str]) -> PathBuf {
        self.folder.join(files::hex(&Sha256::digest(key.join("\0"))))
    }

    /// Makes a chart in a folder of its own, unless that was done before.
    fn once(
        &mut self,
        home: PathBuf,
        make: impl FnOnce(&Self, &Path) -> anyhow::Result<Chart>,
    ) -> anyhow::Result<Chart> {
        if let Some(chart) = self.packed.get(&home) {
            return Ok(chart.clone());
        }
        files::private_folder(&home)?;
        let chart = make(self, &home)?;
        self.packed.insert(home, chart.clone());
        Ok(chart)
    }
}

/// The one packed chart in a folder.
fn packed_in(folder: &Path) -> anyhow::Result<PathBuf> {
    let packed = files::list(folder, "tgz")?;
    packed.into_iter().next().with_context(|| format!("helm has written no chart to {}", folder.display()))
}
