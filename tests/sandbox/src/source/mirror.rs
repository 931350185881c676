//! Local copies of the repositories that `GitRepository` objects name, fetched when their references have changed.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::address::{self, Location};
use super::reference::{self, References};
use super::words;
use crate::{files, git};

/// The mirrors of all addresses in use. Each is looked at once per round, whoever asks.
#[derive(Debug)]
pub(super) struct Mirrors {
    folder: PathBuf,
    known: Vec<(String, PathBuf)>,
    references: HashMap<String, References>,
    fresh: HashSet<String>,
}

/// One mirror as it is now.
#[derive(Debug)]
pub(super) struct Mirror<'a> {
    pub(super) folder: PathBuf,
    pub(super) references: &'a References,
}

impl Mirrors {
    pub(super) fn new(folder: PathBuf, known: Vec<(String, PathBuf)>) -> Self {
        Self { folder, known, references: HashMap::new(), fresh: HashSet::new() }
    }

    /// From now on every repository is looked at again.
    pub(super) fn begin_round(&mut self) {
        self.fresh.clear();
    }

    /// The up-to-date mirror of an address; the error is a sentence for the Ready condition.
    pub(super) fn get(&mut self, url: &str) -> Result<Mirror<'_>, String> {
        let folder = self.folder.join(files::hex(&Sha256::digest(url)));
        if !self.fresh.contains(url) {
            let location = address::resolve(url, &self.known)?;
            let listing = at(&location, &self.folder, &["ls-remote", &location.url])?;
            let references = reference::parse(&listing);
            if self.references.get(url) != Some(&references) {
                fetch(&location, &folder)?;
                self.references.insert(url.to_owned(), references);
            }
            self.fresh.insert(url.to_owned());
        }
        Ok(Mirror { folder, references: self.references.entry(url.to_owned()).or_default() })
    }
}

fn fetch(location: &Location, mirror: &Path) -> Result<(), String> {
    if !mirror.exists() {
        files::private_folder(mirror).map_err(words)?;
        git::run(mirror, &["init", "--quiet", "--bare"]).map_err(words)?;
    }
    at(location, mirror, &["fetch", "--quiet", "--prune", "--force", &location.url, "+refs/*:refs/*"])
        .map(drop)
}

/// Runs git where it finds the location in place of the address that it is given.
fn at(location: &Location, folder: &Path, arguments: &[&str]) -> Result<String, String> {
    files::private_folder(folder).map_err(words)?;
    let redirection: Vec<&str> = location.instead_of.iter().flat_map(|instead| ["-c", instead]).collect();
    git::run(folder, &[&redirection, arguments].concat()).map_err(words)
}
