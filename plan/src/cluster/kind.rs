//! The kinds of cluster object.

use std::fmt;

use fleetgate_api::ClusterReference;
use kube::core::{ApiResource, GroupVersionKind};

/// The kinds of cluster object that a Fleet may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClusterKind {
    /// A cluster that was made elsewhere and is reached by a kubeconfig Secret.
    AttachedCluster,
    /// A cluster that Kurator provisions.
    Cluster,
    /// A cluster that Kurator installs on machines of the user's own.
    CustomCluster,
    /// A cluster that Cluster API provisions; its kind is `Cluster`, too.
    ClusterApi,
}

impl ClusterKind {
    /// Every kind, in the order in which messages list them.
    pub const ALL: [Self; 4] = [Self::AttachedCluster, Self::Cluster, Self::CustomCluster, Self::ClusterApi];

    /// Those that others provision. A host has their CRDs or has not.
    pub const PROVISIONED: [Self; 3] = [Self::Cluster, Self::CustomCluster, Self::ClusterApi];

    /// The `kind` as it is written in a Fleet.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AttachedCluster => "AttachedCluster",
            Self::Cluster | Self::ClusterApi => "Cluster",
            Self::CustomCluster => "CustomCluster",
        }
    }

    /// What stands for it in the names of children. Kurator makes a Cluster of
    /// Cluster API beside each of its own, of the same name.
    #[must_use]
    pub const fn infix(self) -> &'static str {
        match self {
            Self::AttachedCluster => "attachedcluster",
            Self::Cluster => "cluster",
            Self::CustomCluster => "customcluster",
            Self::ClusterApi => "clusterapi",
        }
    }

    /// The API group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::AttachedCluster | Self::Cluster => "cluster.kurator.dev",
            Self::CustomCluster => "infrastructure.cluster.x-k8s.io",
            Self::ClusterApi => "cluster.x-k8s.io",
        }
    }

    /// The resource's name in URLs and roles.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::AttachedCluster => "attachedclusters",
            Self::Cluster | Self::ClusterApi => "clusters",
            Self::CustomCluster => "customclusters",
        }
    }

    /// The name of its CRD.
    #[must_use]
    pub fn crd_name(self) -> String {
        format!("{}.{}", self.plural(), self.group())
    }

    /// How its objects are reached in that version.
    #[must_use]
    pub fn resource(self, version: &str) -> ApiResource {
        let kind = GroupVersionKind::gvk(self.group(), version, self.as_str());
        ApiResource::from_gvk_with_plural(&kind, self.plural())
    }

    /// The kind that a Fleet's cluster reference means; an absent or empty one
    /// means `Cluster`, as Kurator's fleet manager reads it. Whose Cluster it
    /// is, the group says.
    #[must_use]
    pub fn of(reference: &ClusterReference) -> Option<Self> {
        let kind = reference.kind.as_deref().filter(|kind| !kind.is_empty()).unwrap_or("Cluster");
        let api_version = reference.api_version.as_deref().unwrap_or_default();
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self::of_object(group, kind).or_else(|| Self::ALL.into_iter().find(|known| known.as_str() == kind))
    }

    /// The kind of an object of that group and kind, in whatever version.
    #[must_use]
    pub fn of_object(group: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.group() == group && known.as_str() == kind)
    }
}

/// As messages name it: no two kinds alike.
impl fmt::Display for ClusterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterApi => write!(f, "{}.{}", self.as_str(), self.group()),
            _ => f.write_str(self.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn whose_cluster_is_meant() {
        let table = [
            ("", "", Some(ClusterKind::Cluster)),
            ("", "Cluster", Some(ClusterKind::Cluster)),
            ("v1", "Cluster", Some(ClusterKind::Cluster)),
            ("cluster.kurator.dev/v1alpha1", "Cluster", Some(ClusterKind::Cluster)),
            ("cluster.x-k8s.io/v1beta2", "Cluster", Some(ClusterKind::ClusterApi)),
            ("cluster.x-k8s.io/v1beta2", "", Some(ClusterKind::ClusterApi)),
            ("cluster.x-k8s.io/v1beta2", "AttachedCluster", Some(ClusterKind::AttachedCluster)),
            ("", "CustomCluster", Some(ClusterKind::CustomCluster)),
            ("", "cluster", None),
        ];
        for (api_version, kind, expected) in table {
            let reference = ClusterReference {
                api_version: Some(api_version.to_owned()),
                kind: Some(kind.to_owned()),
                ..ClusterReference::default()
            };
            assert_eq!(ClusterKind::of(&reference), expected, "{api_version} {kind}");
        }
        assert_eq!(ClusterKind::of(&ClusterReference::default()), Some(ClusterKind::Cluster));
    }

    #[test]
    fn no_two_kinds_are_called_alike() {
        let told_apart = |name: fn(ClusterKind) -> String| {
            ClusterKind::ALL.into_iter().map(name).collect::<BTreeSet<_>>().len() == ClusterKind::ALL.len()
        };
        assert!(told_apart(|kind| kind.to_string()));
        assert!(told_apart(|kind| kind.infix().to_owned()));
        assert!(told_apart(ClusterKind::crd_name));
        for kind in ClusterKind::ALL {
            assert_eq!(ClusterKind::of_object(kind.group(), kind.as_str()), Some(kind));
        }
    }
}
