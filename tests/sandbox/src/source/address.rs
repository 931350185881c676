//! Which repository an address stands for in the sandbox. Pure: no address is ever contacted.

use std::path::PathBuf;

/// The Helm repository that the examples name, in whose place the sandbox's own stands.
pub(super) const HELM: &str = "https://stefanprodan.github.io/podinfo";

/// The chart in a registry, in whose place the sandbox's own stands.
pub(super) const OCI_CHART: &str = "oci://ghcr.io/stefanprodan/charts/podinfo";

/// The name of the sandbox's own chart.
pub(super) const CHART: &str = "podinfo";

/// The artifact in a registry, in whose place the manifests of the sandbox's own repository stand.
pub(super) const OCI_MANIFESTS: &str = "oci://ghcr.io/stefanprodan/manifests/podinfo";

/// The endpoint and the name of the bucket that has the files of the sandbox's own repository.
pub(super) const BUCKET: &str = "minio.example.com/podinfo";

/// Where git finds a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// The address that git is given.
    pub(super) url: String,
    /// A value for git's `-c` that leads a public address to a local repository.
    pub(super) instead_of: Option<String>,
}

/// Resolves an address; the error is a sentence for the Ready condition.
pub(super) fn resolve(url: &str, known: &[(String, PathBuf)]) -> Result<Location, String> {
    if url.starts_with("file:///") {
        return Ok(Location { url: url.to_owned(), instead_of: None });
    }
    let plain = normal(url);
    known
        .iter()
        .find(|(address, _)| normal(address) == plain)
        .map(|(_, folder)| Location {
            url: plain.to_owned(),
            instead_of: Some(format!("url.file://{}.insteadOf={plain}", folder.display())),
        })
        .ok_or_else(|| unknown(url, known))
}

fn unknown(url: &str, known: &[(String, PathBuf)]) -> String {
    let addresses: Vec<&str> = known.iter().map(|(address, _)| address.as_str()).collect();
    format!(
        "the sandbox has no repository {url} and contacts no other host; it has {}, and reads file:// addresses",
        addresses.join(", ")
    )
}

/// Checks that an address is one of these, which stand for something of the sandbox.
pub(super) fn is_ours(url: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&url.trim_end_matches('/')) {
        return Ok(());
    }
    Err(format!("the sandbox has no {url} and contacts no other host; it has {}", known.join(", ")))
}

/// The address without what makes no difference: a trailing slash and `.git`.
fn normal(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    url.strip_suffix(".git").unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<(String, PathBuf)> {
        vec![("https://github.com/a/b".to_owned(), "/run/git/b.git".into())]
    }

    #[test]
    fn a_known_address_leads_to_ours() {
        for url in ["https://github.com/a/b", "https://github.com/a/b.git", "https://github.com/a/b/"] {
            let location = resolve(url, &known()).unwrap();
            assert_eq!(location.url, "https://github.com/a/b", "{url}");
            assert_eq!(
                location.instead_of.as_deref(),
                Some("url.file:///run/git/b.git.insteadOf=https://github.com/a/b")
            );
        }
    }

    #[test]
    fn a_file_is_itself() {
        let location = resolve("file:///tmp/x.git", &known()).unwrap();
        assert_eq!(location, Location { url: "file:///tmp/x.git".to_owned(), instead_of: None });
    }

    #[test]
    fn only_what_the_sandbox_has_is_ours() {
        assert_eq!(is_ours("https://stefanprodan.github.io/podinfo/", &[HELM]), Ok(()));
        let error = is_ours("https://charts.example.com", &[HELM]).unwrap_err();
        assert!(error.contains("contacts no other host; it has https://stefanprodan"), "{error}");
    }

    #[test]
    fn nothing_else_resolves() {
        for url in [
            "https://github.com/a/bc",
            "https://example.com/a/b",
            "ssh://git@github.com/a/b",
            "file://host/x",
        ] {
            let error = resolve(url, &known()).unwrap_err();
            assert!(error.starts_with(&format!("the sandbox has no repository {url} ")), "{error}");
            assert!(error.contains("https://github.com/a/b"), "{error}");
        }
    }
}
