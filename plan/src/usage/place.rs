//! Which Flux objects were made for a cluster.

use fleetgate_api::AttachedCluster;

use crate::{Catalog, Cluster, ClusterKey, ObjectKey, Purpose, names};

/// How the Flux objects of an `AttachedCluster` are told.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The namespace of them all, and of the Secret.
    pub namespace: String,
    /// The Secret with the kubeconfig that they name.
    pub secret: String,
    /// Other clusters with the same Secret.
    others: Vec<ClusterKey>,
}

impl Place {
    /// Of `cluster`; none without a Secret.
    #[must_use]
    pub fn of(cluster: &AttachedCluster, catalog: &Catalog) -> Option<Self> {
        let secret = cluster.spec.kubeconfig.as_ref()?.name.clone();
        let key = Cluster::from(cluster).key;
        let of_secret = ObjectKey::new(key.namespace.as_str(), secret.as_str());
        let all = catalog.clusters_with_secret(&of_secret);
        let others = all.map(|other| other.key.clone()).filter(|other| *other != key).collect();
        Some(Self { namespace: key.namespace, secret, others })
    }

    /// Whether other clusters have the same Secret.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        !self.others.is_empty()
    }

    /// Whether the object of that name and purpose, which names that Secret, was
    /// made for the cluster. Where several share the Secret, names tell.
    #[must_use]
    pub fn has(&self, name: &str, purpose: Purpose<'_>, secret: Option<&str>) -> bool {
        let is_named_for = |cluster: &ClusterKey| match purpose {
            Purpose::Policy { name: policy, .. } => names::is_child_of(name, policy, cluster),
            Purpose::Source | Purpose::Unknown => false,
        };
        secret == Some(&self.secret) && !self.others.iter().any(is_named_for)
    }
}

/// Whether the Flux object of that namespace, name and purpose was made for a
/// cluster that lets go of what was delivered to it.
#[must_use]
pub fn lets_go_of((namespace, name): (&str, &str), purpose: Purpose<'_>, catalog: &Catalog) -> bool {
    let Purpose::Policy { name: policy, .. } = purpose else { return false };
    let mut clusters = catalog.clusters().filter(|cluster| cluster.lets_go);
    clusters
        .any(|cluster| cluster.key.namespace == namespace && names::is_child_of(name, policy, &cluster.key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cluster(name: &str, secret: &str) -> AttachedCluster {
        let object = serde_json::from_value(json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": name, "namespace": "default"}, "spec": {"kubeconfig": {"name": secret}},
        }));
        object.expect("an AttachedCluster")
    }

    #[test]
    fn they_are_told_by_their_secret_and_where_two_clusters_share_it_by_name() {
        let mut catalog = Catalog::default();
        for (name, secret) in [("old", "m1"), ("new", "m1"), ("m2", "m2")] {
            catalog.insert_cluster(Cluster::from(&cluster(name, secret)));
        }
        let place = |name: &str, secret: &str| Place::of(&cluster(name, secret), &catalog).expect("a place");
        let (old, new) = (place("old", "m1"), place("new", "m1"));
        let web = Purpose::Policy { name: "web", destination: None };
        let table = [
            ("web-attachedcluster-old", web, Some("m1"), (true, false)),
            ("web-attachedcluster-new", web, Some("m1"), (false, true)),
            ("web-attachedcluster-m2", web, Some("m2"), (false, false)),
            ("web-attachedcluster-old", web, None, (false, false)),
            // Whose these are nobody can say: they keep both.
            ("web-attachedcluster-old", Purpose::Unknown, Some("m1"), (true, true)),
            ("web-attachedcluster-older", web, Some("m1"), (true, true)),
        ];
        for (name, purpose, secret, expected) in table {
            let has = |place: &Place| place.has(name, purpose, secret);
            assert_eq!((has(&old), has(&new)), expected, "{name}");
        }
    }
    #[test]
    fn what_a_cluster_lets_go_of_is_told_by_its_name() {
        let mut catalog = Catalog::default();
        for (name, lets_go) in [("m1", true), ("m2", false)] {
            catalog.insert_cluster(Cluster { lets_go, ..Cluster::from(&cluster(name, name)) });
        }
        let web = Purpose::Policy { name: "web", destination: None };
        let table = [
            (("default", "web-attachedcluster-m1"), web, true),
            (("default", "web-attachedcluster-m2"), web, false),
            (("default", "web-currentcluster-host"), web, false),
            (("other", "web-attachedcluster-m1"), web, false),
            (("default", "shop"), Purpose::Source, false),
            (("default", "web-attachedcluster-m1"), Purpose::Unknown, false),
        ];
        for (child, purpose, expected) in table {
            assert_eq!(lets_go_of(child, purpose, &catalog), expected, "{child:?} {purpose:?}");
        }
    }
}
