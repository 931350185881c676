//! Free ports on loopback, such that neither an outgoing connection nor another sandbox takes them in between.
//!
//! They are taken below the range that the kernel uses for outgoing connections, and each is locked
//! by a file as long as the sandbox lives.

use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// The ports that one sandbox holds.
#[derive(Debug)]
pub(crate) struct Ports {
    locks: PathBuf,
    held: Mutex<Vec<File>>,
}

impl Ports {
    /// Holds nothing yet; `locks` is the folder that all sandboxes of this checkout share.
    pub(crate) fn new(locks: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(locks)
            .with_context(|| format!("cannot create the folder of port locks {}", locks.display()))?;
        Ok(Self { locks: locks.to_owned(), held: Mutex::default() })
    }

    /// A port that nobody listens on, ours until the sandbox is gone.
    pub(crate) fn take(&self) -> anyhow::Result<u16> {
        let begin = RandomState::new().build_hasher().finish() % u64::from(COUNT);
        for step in 0..COUNT {
            let offset = u16::try_from((begin + u64::from(step)) % u64::from(COUNT))?;
            if self.hold(FIRST + offset)? {
                return Ok(FIRST + offset);
            }
        }
        bail!("no free port between {FIRST} and {}: stop other sandboxes or servers", FIRST + COUNT)
    }

    fn hold(&self, port: u16) -> anyhow::Result<bool> {
        let path = self.locks.join(port.to_string());
        let lock =
            File::create(&path).with_context(|| format!("cannot write the port lock {}", path.display()))?;
        if lock.try_lock().is_err() || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
            return Ok(false);
        }
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(lock);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::until_blocking;
    use std::time::Duration;

    #[test]
    fn two_sandboxes_never_share_a_port() {
        let folder = std::env::temp_dir().join(format!("fleetgate-sandbox-ports-{}", std::process::id()));
        let (one, other) = (Ports::new(&folder).unwrap(), Ports::new(&folder).unwrap());
        let port = one.take().unwrap();
        assert!(!other.hold(port).unwrap());
        drop(one);
        // A program that another test is just starting has the lock until it has become that program.
        assert!(until_blocking(Duration::from_secs(5), || other.hold(port).unwrap()));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
