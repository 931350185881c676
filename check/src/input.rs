//! Which files are read, and what is said of those that cannot be.

use std::borrow::Cow;
use std::fs::{self, FileType};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::slice::Chunks;
use std::sync::Arc;

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

/// What a Helm chart's folder holds, and the folder in it whose files are none
/// of YAML before Helm has rendered them.
const CHART: &str = "Chart.yaml";
const TEMPLATES: &str = "templates";

/// The name under which standard input is reported.
const STDIN: &str = "<stdin>";

/// Something that documents are read from. Files are read whenever they are
/// asked for, so that none is kept; what is no regular file (standard input, a
/// pipe that a shell makes of `<(…)`) can be read only once.
#[derive(Debug)]
pub(super) struct Input {
    source: Source,
    /// Whether nobody named it: it was found in a folder, where anything may be.
    is_found: bool,
}

/// Of a size with the path of a file, of which there may be very many.
#[derive(Debug)]
enum Source {
    File(PathBuf),
    /// What was read of it, once, and its name.
    Stream(Box<(PathBuf, String)>),
    /// What it is, and why nothing can be read from it.
    Unreadable(Box<(PathBuf, String)>),
}

impl Input {
    fn new(source: Source) -> Self {
        Self { source, is_found: false }
    }

    /// Reads what can be read only once.
    fn stream(path: &Path, reader: io::Result<impl Read>) -> Self {
        match reader.map_err(|error| unread(&error)).and_then(read_text) {
            Ok(text) => Self::new(Source::Stream(Box::new((path.to_owned(), text)))),
            Err(reason) => unreadable(path, reason),
        }
    }

    /// Standard input, of which that was read.
    #[cfg(test)]
    pub(super) fn stdin(text: String) -> Self {
        Self::stream(Path::new(STDIN), Ok(text.as_bytes()))
    }

    /// What a user calls it. It is made anew each time: of most files nothing is said.
    pub(super) fn name(&self) -> Arc<str> {
        self.path().to_string_lossy().into()
    }

    /// Where it is.
    fn path(&self) -> &Path {
        match &self.source {
            Source::File(path) => path,
            Source::Stream(read) => &read.0,
            Source::Unreadable(unreadable) => &unreadable.0,
        }
    }

    /// Whether nobody named it: a document that is no object at all is none of
    /// anybody's mistakes there.
    pub(super) fn is_found(&self) -> bool {
        self.is_found
    }

    /// Whether it is the same file, perhaps by another name.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let (Source::File(one), Source::File(other)) = (&self.source, &other.source) else {
            return false;
        };
        one == other
            || fs::canonicalize(one).ok().is_some_and(|one| fs::canonicalize(other).ok() == Some(one))
    }

    /// Its text, or why there is none.
    pub(super) fn read(&self) -> Result<Cow<'_, str>, String> {
        match &self.source {
            Source::File(path) => match fs::File::open(path) {
                Ok(file) => read_text(file).map(Cow::Owned),
                Err(error) => Err(unread(&error)),
            },
            Source::Stream(read) => Ok(read.1.as_str().into()),
            Source::Unreadable(unreadable) => Err(unreadable.1.clone()),
        }
    }
}

/// What there is to read below some paths.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In the order of the arguments and then of the names.
    pub(super) inputs: Vec<Input>,
    /// How many folders of a Helm chart's templates were left out.
    pub(super) templates: usize,
    /// How much in folders is called like a manifest, and is no file.
    pub(super) others: usize,
}

/// Every input below `paths`. `-` is standard input.
pub(super) fn find(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for path in paths {
        find_argument(path, &mut found);
    }
    found.inputs.shrink_to_fit();
    found
}

/// Those that are worked on as one.
pub(super) fn batches(inputs: &[Input]) -> Chunks<'_, Input> {
    inputs.chunks((inputs.len() / PARTS).clamp(1, TOGETHER))
}

fn find_argument(path: &Path, found: &mut Found) {
    if path == Path::new("-") {
        return found.inputs.push(Input::stream(Path::new(STDIN), Ok(io::stdin().lock())));
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => find_in_folder(path, found),
        Ok(metadata) if !metadata.is_file() => {
            found.inputs.push(Input::stream(path, fs::File::open(path)));
        }
        // One that is not there says so when it is read.
        _ => found.inputs.push(file(path.to_owned())),
    }
}

/// Hidden files and folders are those of tools; what is named as an argument is
/// looked into, whatever it is called.
fn find_in_folder(root: &Path, found: &mut Found) {
    let (known, mut templates) = (found.inputs.len(), 0);
    let entries = WalkDir::new(root).into_iter();
    let looked_into = entries.filter_entry(|entry| {
        let is_template = is_templates(entry);
        templates += usize::from(is_template);
        entry.depth() == 0 || !is_template && !is_hidden(entry)
    });
    found.inputs.extend(looked_into.filter_map(|entry| find_entry(entry, root, &mut found.others)));
    found.templates += templates;
    // Not by the walk, which would hold all that is in a folder, and its order, beside what is found.
    if let Some(inputs) = found.inputs.get_mut(known..) {
        inputs.sort_unstable_by(|one, other| one.path().cmp(other.path()));
    }
    if found.inputs.len() == known {
        let reason = "holds no .yaml, .yml or .json file that is not hidden";
        found.inputs.push(unreadable(root, reason.to_owned()));
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// Whether it is the folder of a Helm chart's templates, below the root.
fn is_templates(entry: &DirEntry) -> bool {
    let is_in_chart = || entry.path().parent().is_some_and(|chart| chart.join(CHART).is_file());
    entry.depth() > 0 && entry.file_name() == TEMPLATES && entry.file_type().is_dir() && is_in_chart()
}

fn file(path: PathBuf) -> Input {
    Input::new(Source::File(path))
}

fn unreadable(path: &Path, reason: String) -> Input {
    Input::new(Source::Unreadable(Box::new((path.to_owned(), reason))))
}

/// Links to files are followed, as a mounted ConfigMap is made of them; those
/// to folders are not, as kubectl has it. What is neither passes by: into a pipe
/// that lies there perhaps nobody ever writes.
fn find_entry(entry: walkdir::Result<DirEntry>, root: &Path, others: &mut usize) -> Option<Input> {
    match entry {
        Ok(entry) if !is_manifest(entry.path()) => None,
        Ok(entry) => match file_type(&entry) {
            Some(found) if found.is_dir() => None,
            Some(found) if !found.is_file() => {
                *others += 1;
                None
            }
            _ => Some(Input { is_found: true, ..file(entry.into_path()) }),
        },
        Err(error) => {
            let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            Some(unreadable(error.path().unwrap_or(root), format!("cannot be read: {reason}")))
        }
    }
}

/// What it is, or leads to; none of a link that leads nowhere.
fn file_type(entry: &DirEntry) -> Option<FileType> {
    if entry.path_is_symlink() {
        fs::metadata(entry.path()).ok().map(|metadata| metadata.file_type())
    } else {
        Some(entry.file_type())
    }
}

/// In a folder only files with the usual endings count; kubectl does the same.
fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"))
}

fn unread(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

fn read_text(reader: impl Read) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(USUAL_FILE);
    let read = reader.take(MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|error| unread(&error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(format!("is larger than {} MiB", MAX_FILE / 1024 / 1024));
    }
    String::from_utf8(bytes).map_err(|_| "is no text: it is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_the_order_in_which_a_sorted_walk_has_them() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples"));
        let walk = WalkDir::new(root).sort_by_file_name().into_iter();
        let walked = walk.map(|entry| entry.expect("an entry").into_path()).filter(|path| is_manifest(path));
        let expected: Vec<String> = walked.map(|path| path.display().to_string()).collect();
        let found = find(&[root.to_owned()]).inputs;
        assert!(found.len() > 10);
        assert_eq!(found.iter().map(|input| input.name().to_string()).collect::<Vec<_>>(), expected);
    }
}
