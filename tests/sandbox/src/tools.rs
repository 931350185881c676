//! The programs of the sandbox: built from Go modules when missing, found again by a hash when not.
//!
//! ```text
//! tools/<module>/{go.mod,go.sum,main.go} + flags + Go's version ──hash──► target/sandbox/bin/<tool>-<hash>/<tool>
//! ```
//!
//! Nothing is ever downloaded but Go modules, by `go` itself, pinned by the sums in the repository.

mod build;
mod cargo;
mod crds;
mod go;
mod key;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};

pub(crate) use build::Cancel;
pub use cargo::fleetgate;
pub use crds::{flagger_crds, flux_crds};
pub(crate) use go::{missing as missing_program, module_folder};

use crate::{Progress, files, workdir};

/// The folder of envtest's programs, honoured in place of the built ones.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// Stamps the version into the control plane, which otherwise reports nonsense to kubectl.
const CONTROL_PLANE_LDFLAGS: &str = "-s -w \
    -X k8s.io/component-base/version.gitVersion=v1.36.3 \
    -X k8s.io/component-base/version.gitMajor=1 \
    -X k8s.io/component-base/version.gitMinor=36 \
    -X k8s.io/client-go/pkg/version.gitVersion=v1.36.3 \
    -X k8s.io/client-go/pkg/version.gitMajor=1 \
    -X k8s.io/client-go/pkg/version.gitMinor=36";

/// The names that the control plane's multi-call binary answers to.
const CALLS: [&str; 5] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"];

/// A program that the sandbox builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl in one binary.
    ControlPlane,
    /// Nodes and pods that become ready without a kubelet.
    Kwok,
    /// Flux's kustomize-controller.
    KustomizeController,
    /// Flux's helm-controller.
    HelmController,
    /// Helm's command line, which packs and chooses charts for the source stand-in.
    Helm,
}

impl Tool {
    /// The name of its module folder and of its binary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ControlPlane => "controlplane",
            Self::Kwok => "kwok",
            Self::KustomizeController => "kustomize-controller",
            Self::HelmController => "helm-controller",
            Self::Helm => "helm",
        }
    }

    const fn import_path(self) -> &'static str {
        match self {
            Self::ControlPlane => ".",
            Self::Kwok => "sigs.k8s.io/kwok/cmd/kwok",
            Self::KustomizeController => "github.com/fluxcd/kustomize-controller",
            Self::HelmController => "github.com/fluxcd/helm-controller",
            Self::Helm => "helm.sh/helm/v3/cmd/helm",
        }
    }

    const fn ldflags(self) -> &'static str {
        match self {
            Self::ControlPlane => CONTROL_PLANE_LDFLAGS,
            Self::Kwok | Self::KustomizeController | Self::HelmController | Self::Helm => "-s -w",
        }
    }

    /// What a person is told while it builds.
    const fn announcement(self) -> &'static str {
        match self {
            Self::ControlPlane => {
                "building etcd, kube-apiserver and kubectl (first time only, about 4 minutes)"
            }
            Self::Kwok => "building kwok (first time only, about 1 minute)",
            Self::KustomizeController => {
                "building Flux's kustomize-controller (first time only, about 2 minutes)"
            }
            Self::HelmController => "building Flux's helm-controller (first time only, about 2 minutes)",
            Self::Helm => "building helm (first time only, about 1 minute)",
        }
    }

    fn folder(self) -> PathBuf {
        module(self.name())
    }
}

/// The path of a tool's binary, which is built first when it is missing.
///
/// # Errors
/// When `go` is missing or fails: in the tool's own words.
pub fn ensure(tool: Tool, progress: &Progress) -> anyhow::Result<PathBuf> {
    ensure_unless(tool, progress, &Cancel::default())
}

/// The same, given up as soon as `cancel` says so.
pub(crate) fn ensure_unless(tool: Tool, progress: &Progress, cancel: &Cancel) -> anyhow::Result<PathBuf> {
    let folder = tool.folder();
    let hash = key::hash(
        &folder,
        &go::arguments(tool.ldflags(), tool.import_path(), Path::new(tool.name())),
        &go::version(&folder)?,
    )?;
    let home = workdir::base().join("bin").join(format!("{}-{hash}", tool.name()));
    let binary = home.join(tool.name());
    if !binary.exists() {
        build::build(tool, &binary, progress, cancel)?;
    }
    Ok(binary)
}

/// The programs of a control plane, each under its own name.
#[derive(Clone, Debug)]
pub(crate) struct ControlPlane {
    pub(crate) etcd: PathBuf,
    pub(crate) apiserver: PathBuf,
    pub(crate) controller_manager: PathBuf,
    pub(crate) scheduler: PathBuf,
    pub(crate) kubectl: PathBuf,
}

impl ControlPlane {
    /// The built ones; those that envtest brings come from its folder where one is named.
    pub(crate) fn ensure(progress: &Progress, cancel: &Cancel) -> anyhow::Result<Self> {
        let binary = ensure_unless(Tool::ControlPlane, progress, cancel)?;
        let built = binary.parent().context("the control plane's binary has no folder")?;
        for name in CALLS {
            // By its name alone: the folder may be another checkout's, too, by another path.
            link(Path::new(Tool::ControlPlane.name()), &built.join(name))?;
        }
        let assets = std::env::var_os(ASSETS).map(PathBuf::from);
        let from_assets =
            |name| assets.as_deref().map_or_else(|| Ok(built.join(name)), |folder| asset(folder, name));
        Ok(Self {
            etcd: from_assets("etcd")?,
            apiserver: from_assets("kube-apiserver")?,
            controller_manager: built.join("kube-controller-manager"),
            scheduler: built.join("kube-scheduler"),
            kubectl: from_assets("kubectl")?,
        })
    }
}

/// Makes `link` lead to `target`; that another process or sandbox has just done so is as good.
pub(crate) fn link(target: &Path, link: &Path) -> anyhow::Result<()> {
    static LINKS: AtomicUsize = AtomicUsize::new(0);
    if std::fs::read_link(link).is_ok_and(|found| found == target) {
        return Ok(());
    }
    if let Some(folder) = link.parent() {
        files::private_folder(folder)?;
    }
    let number = LINKS.fetch_add(1, Ordering::Relaxed);
    let fresh = link.with_added_extension(format!("{}-{number}", std::process::id()));
    std::os::unix::fs::symlink(target, &fresh)
        .and_then(|()| std::fs::rename(&fresh, link))
        .with_context(|| format!("cannot link {} to {}", link.display(), target.display()))
}

/// The folder of a Go module of the sandbox.
fn module(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tools").join(name)
}

fn asset(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    if !path.is_file() {
        bail!(
            "{ASSETS} is {}, but there is no {name} in it: unset it, or let setup-envtest fill it",
            folder.display()
        );
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_leads_elsewhere_is_set_right() {
        let folder = std::env::temp_dir().join(format!("fleetgate-sandbox-link-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let call = folder.join("kubectl");
        for target in ["/gone/controlplane", "controlplane", "controlplane"] {
            link(Path::new(target), &call).unwrap();
            assert_eq!(std::fs::read_link(&call).unwrap(), Path::new(target));
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
