//! The git repositories to deploy from. A push here is what a push is to a team: the way to change a fleet.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use walkdir::WalkDir;

use crate::{files, git};

/// The address that the examples name, and the repository of ours that stands there.
pub(crate) const PODINFO: &str = "https://github.com/stefanprodan/podinfo";

/// The branch of the first commit.
pub(crate) const BRANCH: &str = "master";

/// The sandbox's own git repositories: today the one that the examples deploy from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GitRepositories {
    bare: PathBuf,
    work_tree: PathBuf,
    /// One change at a time: they share the working tree.
    turn: Arc<Mutex<()>>,
}

impl GitRepositories {
    /// Writes the repositories with their first commit.
    pub(crate) fn create(home: &Path) -> anyhow::Result<Self> {
        let repositories = Self {
            bare: home.join("git/podinfo.git"),
            work_tree: home.join("git/podinfo"),
            turn: Arc::default(),
        };
        files::private_folder(&repositories.bare)?;
        git::run(&repositories.bare, &["init", "--quiet", "--bare"])?;
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("repository"), &repositories.work_tree)?;
        repositories.in_work_tree(&["init", "--quiet"])?;
        repositories.in_work_tree(&["remote", "add", "origin", &repositories.bare.display().to_string()])?;
        repositories.push_all("Begin")?;
        Ok(repositories)
    }

    /// The public address that stands for the repository in the sandbox.
    #[must_use]
    pub fn url(&self) -> &'static str {
        PODINFO
    }

    /// Each public address and the bare repository that is served for it.
    pub(crate) fn addresses(&self) -> Vec<(String, PathBuf)> {
        vec![(PODINFO.to_owned(), self.bare.clone())]
    }

    /// Writes a file, commits and pushes it; the new commit's hash.
    ///
    /// # Errors
    /// When the path leads out of the repository, or in git's own words.
    pub async fn commit(&self, path: &str, contents: &str) -> anyhow::Result<String> {
        let (path, contents) = (path.to_owned(), contents.to_owned());
        self.change(move |repositories| {
            files::write(&repositories.inside(&path)?, &contents)?;
            repositories.push_all(&format!("Change {path}"))
        })
        .await
    }

    /// Removes a file, commits and pushes that; the new commit's hash.
    ///
    /// # Errors
    /// When there is no such file, or in git's own words.
    pub async fn remove(&self, path: &str) -> anyhow::Result<String> {
        let path = path.to_owned();
        self.change(move |repositories| {
            let file = repositories.inside(&path)?;
            std::fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
            repositories.push_all(&format!("Remove {path}"))
        })
        .await
    }

    /// Puts a tag on the newest commit and pushes it; that commit's hash.
    ///
    /// # Errors
    /// In git's own words, for instance when the tag exists.
    pub async fn tag(&self, name: &str) -> anyhow::Result<String> {
        let name = name.to_owned();
        self.change(move |repositories| {
            repositories.in_work_tree(&["tag", "--annotate", "--message", &name, &name])?;
            repositories.in_work_tree(&["push", "--quiet", "origin", &format!("refs/tags/{name}")])?;
            repositories.head()
        })
        .await
    }

    /// The present contents of a file.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn read(&self, path: &str) -> anyhow::Result<String> {
        files::read(&self.inside(path)?)
    }

    async fn change(
        &self,
        change: impl FnOnce(&Self) -> anyhow::Result<String> + Send + 'static,
    ) -> anyhow::Result<String> {
        let repositories = self.clone();
        let run = move || {
            let _turn = repositories.turn.lock().unwrap_or_else(PoisonError::into_inner);
            change(&repositories)
        };
        tokio::task::spawn_blocking(run).await.context("the change to the git repository was broken off")?
    }

    fn push_all(&self, message: &str) -> anyhow::Result<String> {
        self.in_work_tree(&["add", "--all"])?;
        self.in_work_tree(&["commit", "--quiet", "--allow-empty", "--message", message])?;
        self.in_work_tree(&["push", "--quiet", "origin", BRANCH])?;
        self.head()
    }

    fn head(&self) -> anyhow::Result<String> {
        Ok(self.in_work_tree(&["rev-parse", "HEAD"])?.trim().to_owned())
    }

    fn in_work_tree(&self, arguments: &[&str]) -> anyhow::Result<String> {
        git::run(&self.work_tree, arguments)
            .with_context(|| format!("git {} failed in the sandbox's repository", arguments.join(" ")))
    }

    fn inside(&self, path: &str) -> anyhow::Result<PathBuf> {
        let plain = |part| matches!(part, std::path::Component::Normal(name) if name != ".git");
        if path.is_empty() || !Path::new(path).components().all(plain) {
            bail!("{path:?} is not a path inside the repository");
        }
        Ok(self.work_tree.join(path))
    }
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in WalkDir::new(from).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot read {}", from.display()))?;
        if entry.file_type().is_file() {
            files::write(&to.join(entry.path().strip_prefix(from)?), &files::read(entry.path())?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_commit_is_pushed() {
        let home = std::env::temp_dir().join(format!("fleetgate-sandbox-repository-{}", std::process::id()));
        let repositories = GitRepositories::create(&home).unwrap();
        let commit = repositories.commit("kustomize/note.txt", "hello").await.unwrap();
        let pushed = git::run(&repositories.bare, &["rev-parse", "refs/heads/master"]).unwrap();
        assert_eq!(pushed.trim(), commit);
        assert_eq!(repositories.tag("v1").await.unwrap(), commit);
        assert!(repositories.commit("../outside", "").await.is_err());
        std::fs::remove_dir_all(home).unwrap();
    }
}
