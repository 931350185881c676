//! A member cluster as the plan sees it: its key, its labels, and where its
//! credentials are. Never the credentials themselves.

use std::collections::BTreeMap;
use std::fmt;

use fleetgate_api::{AttachedCluster, ClusterReference};
use kube::ResourceExt;

/// The kinds of cluster object that a Fleet may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClusterKind {
    /// A cluster that was made elsewhere and is reached by a kubeconfig Secret.
    AttachedCluster,
    /// A cluster that Kurator provisions.
    Cluster,
    /// A cluster that Kurator installs on machines of the user's own.
    CustomCluster,
}

impl ClusterKind {
    /// Every kind, in the order in which messages list them.
    pub const ALL: [Self; 3] = [Self::AttachedCluster, Self::Cluster, Self::CustomCluster];

    /// The `kind` as it is written in a Fleet.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AttachedCluster => "AttachedCluster",
            Self::Cluster => "Cluster",
            Self::CustomCluster => "CustomCluster",
        }
    }

    /// The kind that a Fleet's cluster reference means; an absent or empty one
    /// means `Cluster`, as Kurator's fleet manager reads it.
    #[must_use]
    pub fn of(reference: &ClusterReference) -> Option<Self> {
        match reference.kind.as_deref() {
            None | Some("") => Some(Self::Cluster),
            Some(kind) => Self::ALL.into_iter().find(|known| known.as_str() == kind),
        }
    }
}

impl fmt::Display for ClusterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What identifies a cluster object on the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterKey {
    /// Namespace of the cluster object, which is the Fleet's.
    pub namespace: String,
    /// Kind of the cluster object.
    pub kind: ClusterKind,
    /// Name of the cluster object.
    pub name: String,
}

impl fmt::Display for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// The Secret key that holds a cluster's kubeconfig, in the cluster's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeconfigRef {
    /// Name of the Secret.
    pub secret: String,
    /// Key in the Secret.
    pub key: String,
}

/// A member cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// What identifies it.
    pub key: ClusterKey,
    /// The labels that selectors match.
    pub labels: BTreeMap<String, String>,
    /// Where its kubeconfig is; `None` as long as its object names none.
    pub kubeconfig: Option<KubeconfigRef>,
}

impl From<&AttachedCluster> for Cluster {
    fn from(object: &AttachedCluster) -> Self {
        Self {
            key: ClusterKey {
                namespace: object.namespace().unwrap_or_default(),
                kind: ClusterKind::AttachedCluster,
                name: object.name_any(),
            },
            labels: object.labels().clone(),
            kubeconfig: object.spec.kubeconfig.as_ref().map(|reference| KubeconfigRef {
                secret: reference.name.clone(),
                key: reference.key.clone(),
            }),
        }
    }
}
