//! What a built binary depends on, as a short hash. Pure but for reading the module's files.

use std::path::Path;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::files;

/// The files of a module that decide what is built; `main.go` only where there is one.
const INPUTS: [&str; 3] = ["go.mod", "go.sum", "main.go"];

/// Twelve hexadecimal digits over the module's files, the arguments of `go` and its version.
pub(super) fn hash(module: &Path, arguments: &[String], go_version: &str) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    for name in INPUTS {
        let path = module.join(name);
        if path.exists() {
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            part(&mut hasher, name.as_bytes());
            part(&mut hasher, &bytes);
        }
    }
    for argument in arguments {
        part(&mut hasher, argument.as_bytes());
    }
    part(&mut hasher, go_version.as_bytes());
    Ok(files::hex(&hasher.finalize()).chars().take(12).collect())
}

/// Each part with its length before it, so that no two inputs run together to the same bytes.
fn part(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update(bytes.len().to_le_bytes());
    hasher.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_counts() {
        let module = std::env::temp_dir().join(format!("fleetgate-sandbox-key-{}", std::process::id()));
        files::write(&module.join("go.mod"), "module a").unwrap();
        let of = |arguments: &[&str], version: &str| {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            hash(&module, &arguments, version).unwrap()
        };
        let first = of(&["-trimpath", "."], "go1.26");
        assert_eq!(first.len(), 12);
        assert_eq!(first, of(&["-trimpath", "."], "go1.26"));
        assert_ne!(first, of(&["-trimpath."], "go1.26"));
        assert_ne!(first, of(&["-trimpath", "."], "go1.27"));
        files::write(&module.join("go.sum"), "b").unwrap();
        assert_ne!(first, of(&["-trimpath", "."], "go1.26"));
        std::fs::remove_dir_all(module).unwrap();
    }
}
