//! The fields of Flux's `GitRepository`.
//!
//! Invariant: Kurator's gitImplementation and accessFrom stay, though Flux has dropped them: they
//! stand in stored objects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flux::{AccessFrom, LocalObjectReference};
use crate::schema::{DURATION, SHORT_DURATION};

/// A git repository.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitRepository {
    /// The repository's address, over http, https or ssh.
    #[schemars(regex(pattern = "^(http|https|ssh)://.*$"))]
    pub url: String,
    /// How often the repository is asked for something new, for example 5m.
    #[schemars(regex(pattern = DURATION))]
    pub interval: String,
    /// How long a git operation may take, in ms, s or m. Default: 60s.
    #[schemars(regex(pattern = SHORT_DURATION), extend("default" = "60s"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// What to check out. Default: the branch master.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<GitReference>,
    /// The Secret with the credentials: username and password, bearerToken, or identity and
    /// `known_hosts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// By whose identity Flux logs in where there is no Secret: generic, aws, azure or github.
    /// Default: generic, which is none.
    #[schemars(extend("enum" = ["generic", "aws", "azure", "github"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The `ServiceAccount` whose cloud identity is used to log in, with a provider that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The Secret with the address and the credentials of a proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// How the signature of a commit or a tag is verified. Default: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<GitVerification>,
    /// What to leave out of the artifact, in the syntax of .gitignore, in place of Flux's own list
    /// of files that are no manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
    /// The folders to check out. Default: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_checkout: Option<Vec<String>>,
    /// Other `GitRepositories` whose files are copied into this one's artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include: Option<Vec<GitInclude>>,
    /// Whether submodules are fetched too. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurse_submodules: Option<bool>,
    /// Whether to stop looking for something new. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Ignored: which git library Flux once used. Flux has only one today.
    #[schemars(extend("enum" = ["go-git", "libgit2"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_implementation: Option<String>,
    /// Ignored: who else may use the source. Flux never enforced it and has dropped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_from: Option<AccessFrom>,
}

/// What to check out. Of several, commit wins, then name, tag, semver, branch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitReference {
    /// The head of this branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// This tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The latest tag in this range of semantic versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// A reference by its full name, for example refs/pull/7/head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// This commit. With a branch, only that branch is fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// How the signature of a commit or a tag is verified.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitVerification {
    /// What must be signed: the HEAD commit, the Tag, or `TagAndHEAD`. Kurator's spelling head is
    /// accepted. Default: HEAD.
    #[schemars(extend("enum" = ["head", "HEAD", "Tag", "TagAndHEAD"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The Secret with the public keys that are trusted.
    pub secret_ref: LocalObjectReference,
}

/// A `GitRepository` whose files are copied into this one's artifact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitInclude {
    /// The `GitRepository`, in the Application's namespace.
    pub repository: LocalObjectReference,
    /// The folder to copy. Default: all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_path: Option<String>,
    /// Where to copy it. Default: a folder named after the `GitRepository`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_path: Option<String>,
}
