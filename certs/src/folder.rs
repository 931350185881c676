//! A certificate that someone else keeps, in a folder: `tls.crt` and `tls.key`, as a Secret of type
//! `kubernetes.io/tls` is mounted. It is read, and nothing else.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use crate::certificate::{Certificate, Fault};
use crate::serving::{Serving, Shown};

const CHAIN: &str = "tls.crt";
const KEY: &str = "tls.key";

/// A kubelet has this link lead to one folder after the other, each of which never changes.
const KUBELETS: &str = "..data";

/// How often the folder is looked at. By content: a kubelet swaps a link to a folder, an editor
/// renames a file, and both are no change of the file that was there.
const LOOK: Duration = Duration::from_secs(2);

/// No certificate is longer, nor a Secret.
const LARGEST: u64 = 1024 * 1024;

/// Why a folder holds no certificate.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file cannot be read.
    #[error("cannot read {}: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// What the files hold is no certificate.
    #[error("{}: {fault}", .folder.display())]
    Faulty {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        fault: Fault,
    },
}

/// The certificate in a folder, and what reads it again whenever it has changed.
///
/// # Errors
///
/// When there is none yet.
pub fn in_folder(folder: &Path) -> Result<(Serving, impl Future<Output = Infallible> + use<>), FolderError> {
    let files = Files::read(folder)?;
    let certificate = files.certificate(folder)?;
    let (shown, serving) = Serving::new();
    serve(folder, &shown, certificate);
    shown.set_ready(true);
    Ok((serving, follow(folder.to_owned(), files, shown)))
}

/// The content of both files.
#[derive(PartialEq, Eq)]
struct Files {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    /// Reads both from the same folder, wherever a link may lead by the time of the second.
    fn read(folder: &Path) -> Result<Self, FolderError> {
        let there = fs::canonicalize(folder.join(KUBELETS)).unwrap_or_else(|_| folder.to_owned());
        let read = |name: &str| {
            let path = there.join(name);
            let mut content = Vec::new();
            let read = File::open(&path).and_then(|file| file.take(LARGEST).read_to_end(&mut content));
            read.map(|_| content).map_err(|error| FolderError::Unreadable { path: folder.join(name), error })
        };
        Ok(Self { chain: read(CHAIN)?, key: read(KEY)? })
    }

    fn certificate(&self, folder: &Path) -> Result<Certificate, FolderError> {
        Certificate::read(&self.chain, CHAIN, &self.key, KEY)
            .map_err(|fault| FolderError::Faulty { folder: folder.to_owned(), fault })
    }
}

/// Serves what the folder holds. What is no certificate, since only one of the files has been written
/// so far for instance, is not served, and told once; what was there before goes on.
async fn follow(folder: PathBuf, mut seen: Files, shown: Shown) -> Infallible {
    let mut told = None;
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let trouble = match look(folder.clone()).await {
            Ok(files) if files == seen => None,
            Ok(files) => match files.certificate(&folder) {
                Ok(certificate) => {
                    seen = files;
                    serve(&folder, &shown, certificate);
                    None
                }
                Err(error) => Some(error.to_string()),
            },
            Err(error) => Some(error.to_string()),
        };
        if let Some(trouble) = trouble.as_ref().filter(|_| trouble != told) {
            tracing::warn!("the certificate that was read before is served: {trouble}");
        }
        told = trouble;
    }
}

/// Files may be far away, and slow.
async fn look(folder: PathBuf) -> Result<Files, FolderError> {
    let path = folder.clone();
    spawn_blocking(move || Files::read(&folder))
        .await
        .unwrap_or_else(|error| Err(FolderError::Unreadable { path, error: error.into() }))
}

/// Also what has expired: whether that counts is for the clock of whoever asks to say.
fn serve(folder: &Path, shown: &Shown, certificate: Certificate) {
    let (folder, expires) = (folder.display(), certificate.expires);
    if certificate.is_valid(Timestamp::now()) {
        tracing::info!(%folder, %expires, "serving the certificate in a folder");
    } else {
        tracing::warn!(%folder, expired = %expires, "the certificate in a folder has expired: put another one there");
    }
    shown.serve(certificate);
}
