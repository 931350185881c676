//! Which files are read, and what is said of those that cannot be.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::slice::Chunks;
use std::sync::{Arc, OnceLock};

use walkdir::{DirEntry, WalkDir};

/// The largest file that is read, in bytes; an object is at most 1.5 MiB.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// As large as most files are, in bytes: those are read at once.
const USUAL_FILE: usize = 8 * 1024;

/// How many files are worked on as one, at most: what is kept of files that
/// stand together takes less than what is kept of each.
const TOGETHER: usize = 32;

/// Into how many parts files are split, if there are enough of them, so that
/// no processor waits for another.
const PARTS: usize = 64;

/// The name under which standard input is reported.
const STDIN: &str = "<stdin>";

/// Something that documents are read from. Files are read whenever they are
/// asked for, so that none is kept; standard input can be read only once.
#[derive(Debug)]
pub(super) struct Input {
    source: Source,
    name: OnceLock<Arc<str>>,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Stdin(String),
    /// What it is, and why nothing can be read from it.
    Unreadable(PathBuf, String),
}

impl Input {
    fn new(source: Source) -> Self {
        Self { source, name: OnceLock::new() }
    }

    /// Standard input, of which that was read.
    pub(super) fn stdin(text: String) -> Self {
        Self::new(Source::Stdin(text))
    }

    /// What a user calls it.
    pub(super) fn name(&self) -> &Arc<str> {
        self.name.get_or_init(|| match &self.source {
            Source::File(path) | Source::Unreadable(path, _) => path.to_string_lossy().into(),
            Source::Stdin(_) => STDIN.into(),
        })
    }

    /// Its text, or why there is none.
    pub(super) fn read(&self) -> Result<Cow<'_, str>, String> {
        match &self.source {
            Source::File(path) => match fs::File::open(path) {
                Ok(file) => read_text(file).map(Cow::Owned),
                Err(error) => Err(format!("cannot be read: {error}")),
            },
            Source::Stdin(text) => Ok(text.into()),
            Source::Unreadable(_, reason) => Err(reason.clone()),
        }
    }
}

/// Every input below `paths`, in the order of the arguments and then of the
/// names. `-` is standard input.
pub(super) fn find(paths: &[PathBuf]) -> Vec<Input> {
    paths.iter().flat_map(|path| find_argument(path)).collect()
}

/// Those that are worked on as one.
pub(super) fn batches(inputs: &[Input]) -> Chunks<'_, Input> {
    inputs.chunks((inputs.len() / PARTS).clamp(1, TOGETHER))
}

fn find_argument(path: &Path) -> Vec<Input> {
    if path == Path::new("-") {
        return vec![match read_text(io::stdin().lock()) {
            Ok(text) => Input::stdin(text),
            Err(reason) => unreadable(Path::new(STDIN), reason),
        }];
    }
    if !path.is_dir() {
        return vec![file(path.to_owned())];
    }
    let entries = WalkDir::new(path).sort_by_file_name().into_iter();
    let found: Vec<_> = entries.filter_map(|entry| find_entry(entry, path)).collect();
    if !found.is_empty() {
        return found;
    }
    vec![unreadable(path, "holds no .yaml, .yml or .json file".to_owned())]
}

fn file(path: PathBuf) -> Input {
    Input::new(Source::File(path))
}

fn unreadable(path: &Path, reason: String) -> Input {
    Input::new(Source::Unreadable(path.to_owned(), reason))
}

/// Links to files are followed, as a mounted ConfigMap is made of them; those
/// to folders are not, as kubectl has it.
fn find_entry(entry: walkdir::Result<DirEntry>, root: &Path) -> Option<Input> {
    match entry {
        Ok(entry) if !is_manifest(entry.path()) || is_folder(&entry) => None,
        Ok(entry) => Some(file(entry.into_path())),
        Err(error) => {
            let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            Some(unreadable(error.path().unwrap_or(root), format!("cannot be read: {reason}")))
        }
    }
}

fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_dir() || entry.path_is_symlink() && entry.path().is_dir()
}

/// In a folder only files with the usual endings count; kubectl does the same.
fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"))
}

fn read_text(reader: impl Read) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(USUAL_FILE);
    let read = reader.take(MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(format!("is larger than {} MiB", MAX_FILE / 1024 / 1024));
    }
    String::from_utf8(bytes).map_err(|_| "is no text: it is not UTF-8".to_owned())
}
