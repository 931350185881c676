//! The part of `source/ignore-and-include` about the folders of a repository
//! that are checked out.
//!
//! Flux checks out what begins with an entry as it is written, and fails unless
//! it then finds the folder that the entry leads to below the repository's root
//! (`validateSparseCheckoutPaths` of its source-controller).

use fleetgate_api::source::GitRepository;

use super::verification::IGNORE_AND_INCLUDE;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::policy::path::normalised;

/// Of more entries none is held against all others.
const MOST_COMPARED: usize = 100;

pub(super) fn check(git: &GitRepository, path: &FieldPath, findings: &mut Findings) {
    let entries = git.sparse_checkout.as_deref().unwrap_or_default();
    for (index, entry) in entries.iter().enumerate() {
        if takes_files(written(entry)) {
            continue;
        }
        // No entry leads out of the repository.
        let folder = normalised(entry);
        let path = path.index(index);
        let may_be_there = folder.is_empty()
            || entries.len() > MOST_COMPARED
            || entries.iter().map(|other| written(other)).any(|other| brings(other, &folder));
        let finding = if may_be_there {
            let message = "takes no file, as it is not relative to the repository's root";
            Finding::warning(&IGNORE_AND_INCLUDE, path, Fault::Invalid, message)
        } else {
            let message = "must be a folder relative to the repository's root, without ..";
            Finding::error(&IGNORE_AND_INCLUDE, path, Fault::Invalid, message)
        };
        findings.push(finding.value(entry.as_str()).hint(match folder.as_str() {
            "" => "leave sparseCheckout out to take everything".to_owned(),
            folder => format!("write {folder}"),
        }));
    }
}

/// What the names of files are compared with.
fn written(entry: &str) -> &str {
    entry.strip_prefix("./").unwrap_or(entry)
}

/// Whether any file's name can begin so.
fn takes_files(written: &str) -> bool {
    !written.starts_with('/') && written.split('/').all(|part| part != "..")
}

/// Whether a file that begins with `written` may be in `folder`, or be it.
fn brings(written: &str, folder: &str) -> bool {
    let is_below = written.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    takes_files(written) && (folder.starts_with(written) || is_below)
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{findings, kustomization};
    use serde_json::json;

    fn said(entries: &[&str]) -> Vec<String> {
        let git = json!({"url": "https://github.com/o/r", "interval": "5m", "sparseCheckout": entries});
        let spec =
            json!({"source": {"gitRepository": git}, "syncPolicies": [{"kustomization": kustomization()}]});
        findings(spec).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn folders_that_are_found() {
        for entries in [&["deploy"][..], &["./deploy/", "apps/web"], &[""], &["./"], &[]] {
            assert_eq!(said(entries).len(), 0, "{entries:?}");
        }
    }

    #[test]
    fn folders_that_are_never_found() {
        let table: [(&[&str], usize, &str, &str); 8] = [
            (&["/deploy"], 0, "must be", "write deploy"),
            (&["../deploy"], 0, "must be", "write deploy"),
            (&["apps", "web/../../deploy/"], 1, "must be", "write deploy"),
            (&["apps", "/deploy"], 1, "must be", "write deploy"),
            (&["..", "/"], 0, "takes no file", "leave sparseCheckout out"),
            // The other entry may bring the folder.
            (&["deploy/web", "/deploy"], 1, "takes no file", "write deploy"),
            (&["dep", "/deploy"], 1, "takes no file", "write deploy"),
            (&["", "/deploy"], 1, "takes no file", "write deploy"),
        ];
        for (entries, index, message, hint) in table {
            let said = said(entries);
            let place = format!("spec.source.gitRepository.sparseCheckout[{index}]: ");
            let first = said.first().unwrap_or_else(|| panic!("{entries:?}"));
            assert!(first.starts_with(&place) && first.contains(message) && first.contains(hint), "{first}");
            assert_eq!(first.contains("Invalid value"), message == "must be", "{first}");
        }
    }
}
