//! Which files are read, and what is said of those that cannot be.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::documents::Position;

/// The largest file that is read, in bytes; an object is at most 1.5 MiB.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// The name under which standard input is reported.
const STDIN: &str = "<stdin>";

/// Something that there is no verdict on.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) file: String,
    pub(super) position: Option<Position>,
    pub(super) message: String,
}

impl Unreadable {
    pub(super) fn at(file: &str, position: Position, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), position: Some(position), message: message.into() }
    }

    fn whole(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), position: None, message: message.into() }
    }
}

/// Every file below `paths` with its text, in the order of the arguments and
/// then of the names. `-` is standard input.
pub(super) fn read_all(paths: &[PathBuf]) -> Vec<(String, Result<String, Unreadable>)> {
    paths.iter().flat_map(|path| read_argument(path)).collect()
}

fn read_argument(path: &Path) -> Vec<(String, Result<String, Unreadable>)> {
    if path == Path::new("-") {
        let text = read_text(STDIN, io::stdin().lock());
        return vec![(STDIN.to_owned(), text)];
    }
    if !path.is_dir() {
        return vec![read_file(path)];
    }
    let entries = WalkDir::new(path).sort_by_file_name().into_iter();
    let found: Vec<_> = entries.filter_map(|entry| read_entry(entry, path)).collect();
    if !found.is_empty() {
        return found;
    }
    let name = path.display().to_string();
    let unreadable = Unreadable::whole(&name, "holds no .yaml, .yml or .json file");
    vec![(name, Err(unreadable))]
}

/// Links to files are followed, as a mounted ConfigMap is made of them; those
/// to folders are not, as kubectl has it.
fn read_entry(entry: walkdir::Result<DirEntry>, root: &Path) -> Option<(String, Result<String, Unreadable>)> {
    match entry {
        Ok(entry) if !is_manifest(entry.path()) || entry.path().is_dir() => None,
        Ok(entry) => Some(read_file(entry.path())),
        Err(error) => {
            let name = error.path().unwrap_or(root).display().to_string();
            let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            let unreadable = Unreadable::whole(&name, format!("cannot be read: {reason}"));
            Some((name, Err(unreadable)))
        }
    }
}

/// In a folder only files with the usual endings count; kubectl does the same.
fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"))
}

fn read_file(path: &Path) -> (String, Result<String, Unreadable>) {
    let name = path.display().to_string();
    let text = match fs::File::open(path) {
        Ok(file) => read_text(&name, file),
        Err(error) => Err(Unreadable::whole(&name, format!("cannot be read: {error}"))),
    };
    (name, text)
}

fn read_text(name: &str, reader: impl Read) -> Result<String, Unreadable> {
    let mut bytes = Vec::new();
    let read = reader.take(MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|error| Unreadable::whole(name, format!("cannot be read: {error}")))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(Unreadable::whole(name, format!("is larger than {} MiB", MAX_FILE / 1024 / 1024)));
    }
    String::from_utf8(bytes).map_err(|_| Unreadable::whole(name, "is no text: it is not UTF-8"))
}
