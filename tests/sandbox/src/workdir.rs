//! Where a sandbox keeps its files: under the workspace's `target/sandbox/`, locked while it runs.
//!
//! A folder whose sandbox was killed is known by its lock being free, and is cleared by the next one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};

use crate::files;

/// The root of the checkout.
pub(crate) fn repository_root() -> PathBuf {
    let sandbox = Path::new(env!("CARGO_MANIFEST_DIR"));
    sandbox.ancestors().nth(2).unwrap_or(sandbox).to_owned()
}

/// `target/sandbox` of the workspace, wherever cargo was told to put `target`.
#[must_use]
pub fn base() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    repository_root().join(target).join("sandbox")
}

/// A sandbox's own folder; locked as long as this value lives.
#[derive(Debug)]
pub(crate) struct WorkDir {
    path: PathBuf,
    _lock: File,
    temporary: bool,
}

impl WorkDir {
    /// The given folder, or a fresh one under `base()`; emptied of what a dead sandbox left.
    pub(crate) fn open(wanted: Option<PathBuf>) -> anyhow::Result<Self> {
        // Until it is locked, a folder looks like one that a dead sandbox left.
        static OPENING: Mutex<()> = Mutex::new(());
        let _turn = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = wanted {
            return Self::claim(&std::path::absolute(&path)?, false);
        }
        sweep(&base())?;
        Self::claim(&base().join(fresh_name()), true)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes a folder that nobody asked for by name; a test that fails keeps its logs until the next run.
    pub(crate) fn remove(&self) {
        if self.temporary && !std::thread::panicking() {
            // What is left is swept by the next sandbox.
            let _swept_later = fs::remove_dir_all(&self.path);
            let _swept_later = fs::remove_file(lock_path(&self.path));
        }
    }

    fn claim(path: &Path, temporary: bool) -> anyhow::Result<Self> {
        let Some(lock) = try_lock(path)? else {
            bail!(
                "another sandbox runs in {}: stop it with Ctrl-C there, or choose another folder with --work-dir",
                path.display()
            );
        };
        if path.exists() {
            fs::remove_dir_all(path)
                .with_context(|| format!("cannot clear the old sandbox {}", path.display()))?;
        }
        files::private_folder(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock, temporary })
    }
}

/// The lock stands beside the folder, so that the folder can be cleared under it.
fn lock_path(path: &Path) -> PathBuf {
    path.with_added_extension("lock")
}

fn try_lock(path: &Path) -> anyhow::Result<Option<File>> {
    let lock = lock_path(path);
    if let Some(folder) = lock.parent() {
        files::private_folder(folder)?;
    }
    let file = File::create(&lock).with_context(|| format!("cannot write the lock {}", lock.display()))?;
    Ok(file.try_lock().is_ok().then_some(file))
}

fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("run-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn sweep(base: &Path) -> anyhow::Result<()> {
    files::private_folder(base)?;
    for lock in files::list(base, "lock")? {
        let folder = lock.with_extension("");
        let ours = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("run-"));
        if ours && let Some(held) = try_lock(&folder)? {
            let stale = WorkDir { path: folder, _lock: held, temporary: true };
            stale.remove();
        }
    }
    Ok(())
}
