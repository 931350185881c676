//! Which commit a `GitRepository`'s `ref` means, and how Flux writes that down. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The references of a repository: full name to commit, annotated tags peeled.
pub(super) type References = BTreeMap<String, String>;

/// `spec.ref` of a `GitRepository`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Reference {
    branch: Option<String>,
    tag: Option<String>,
    semver: Option<String>,
    name: Option<String>,
    commit: Option<String>,
}

/// What is to be checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The commit's hash.
    pub(super) commit: String,
    /// As Flux writes it: `master@sha1:<hash>`.
    pub(super) revision: String,
}

/// Reads what `git ls-remote` prints.
pub(super) fn parse(listing: &str) -> References {
    let mut references = References::new();
    for (commit, name) in listing.lines().filter_map(|line| line.split_once('\t')) {
        // `refs/tags/v1^{}` is the commit that the annotated tag `refs/tags/v1` points to, and follows it.
        references.insert(name.trim_end_matches("^{}").to_owned(), commit.to_owned());
    }
    references
}

impl Reference {
    /// Resolves with Flux's precedence: commit, name, semver, tag, branch; `master` when nothing is said.
    ///
    /// The error is a sentence for the Ready condition.
    pub(super) fn resolve(&self, references: &References) -> Result<Target, String> {
        if let Some(commit) = &self.commit {
            let prefix = self.branch.as_ref().map(|branch| format!("{branch}@")).unwrap_or_default();
            return Ok(Target { commit: commit.clone(), revision: format!("{prefix}sha1:{commit}") });
        }
        if let Some(name) = &self.name {
            return find(references, name, name);
        }
        if let Some(range) = &self.semver {
            return Err(format!(
                "the sandbox does not resolve ref.semver ({range}) yet: name a tag or a branch"
            ));
        }
        if let Some(tag) = &self.tag {
            return find(references, &format!("refs/tags/{tag}"), tag);
        }
        let branch = self.branch.as_deref().unwrap_or("master");
        find(references, &format!("refs/heads/{branch}"), branch)
    }
}

fn find(references: &References, name: &str, shown: &str) -> Result<Target, String> {
    let commit = references.get(name).ok_or_else(|| {
        let there: Vec<&str> = references.keys().filter(|name| *name != "HEAD").map(String::as_str).collect();
        format!("couldn't find remote ref {name}; the repository has {}", there.join(", "))
    })?;
    Ok(Target { commit: commit.clone(), revision: format!("{shown}@sha1:{commit}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "aa\tHEAD\naa\trefs/heads/master\nbb\trefs/tags/v1\ncc\trefs/tags/v1^{}\n";

    fn resolve(reference: serde_json::Value) -> Result<String, String> {
        let reference: Reference = serde_json::from_value(reference).unwrap();
        reference.resolve(&parse(LISTING)).map(|target| format!("{} {}", target.commit, target.revision))
    }

    #[test]
    fn resolves_as_flux_does() {
        let table = [
            (serde_json::json!({}), "aa master@sha1:aa"),
            (serde_json::json!({"branch": "master"}), "aa master@sha1:aa"),
            (serde_json::json!({"branch": "master", "tag": "v1"}), "cc v1@sha1:cc"),
            (serde_json::json!({"name": "refs/heads/master"}), "aa refs/heads/master@sha1:aa"),
            (serde_json::json!({"commit": "dd"}), "dd sha1:dd"),
            (serde_json::json!({"commit": "dd", "branch": "x"}), "dd x@sha1:dd"),
        ];
        for (reference, expected) in table {
            assert_eq!(resolve(reference.clone()).as_deref(), Ok(expected), "{reference}");
        }
    }

    #[test]
    fn says_what_is_there_instead() {
        assert_eq!(
            resolve(serde_json::json!({"branch": "main"})).unwrap_err(),
            "couldn't find remote ref refs/heads/main; the repository has refs/heads/master, refs/tags/v1"
        );
        assert!(resolve(serde_json::json!({"semver": ">=1"})).unwrap_err().contains("ref.semver (>=1)"));
    }
}
