//! Which children were made for a cluster. Pure.

use std::sync::Arc;

use fleetgate_api::AttachedCluster;
use fleetgate_plan::{Catalog, Cluster, ClusterKey, Purpose, names};

use crate::controllers::application::children::{Child, Children, SecretKey};

/// How the children of an `AttachedCluster` are told.
#[derive(Debug)]
pub(super) struct Place {
    secret: SecretKey,
    /// Other clusters with the same Secret, as while one is renamed.
    others: Vec<ClusterKey>,
}

impl Place {
    /// Of `cluster`; none without a Secret.
    pub(super) fn of(cluster: &AttachedCluster, catalog: &Catalog) -> Option<Self> {
        let secret = cluster.spec.kubeconfig.as_ref()?.name.as_str();
        let key = Cluster::from(cluster).key;
        let is_other = |other: &&Arc<Cluster>| {
            let of_other = other.kubeconfig.as_ref().map(|kubeconfig| kubeconfig.secret.as_str());
            other.key.namespace == key.namespace && other.key != key && of_other == Some(secret)
        };
        let others = catalog.clusters().filter(is_other).map(|other| other.key.clone()).collect();
        Some(Self { secret: (key.namespace.as_str().into(), secret.into()), others })
    }

    /// What is there of the children.
    pub(super) fn among(&self, children: &Children) -> Vec<Arc<Child>> {
        let mut all = children.naming(&self.secret);
        all.retain(|child| self.has(child));
        all
    }

    /// Whether the child was made for that cluster.
    pub(super) fn has(&self, child: &Child) -> bool {
        let is_named_for = |cluster: &ClusterKey| match child.purpose() {
            Purpose::Policy(policy) => names::member_child_name(policy, cluster) == *child.name,
            Purpose::Source | Purpose::Unknown => false,
        };
        child.secret().as_ref() == Some(&self.secret) && !self.others.iter().any(is_named_for)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_plan::FluxKind;
    use serde_json::json;

    fn cluster(name: &str, secret: &str) -> AttachedCluster {
        let object = serde_json::from_value(json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": name, "namespace": "default"}, "spec": {"kubeconfig": {"name": secret}},
        }));
        object.expect("an AttachedCluster")
    }

    fn child(name: &str, policy: Option<&str>, secret: &str) -> Child {
        let object = serde_json::from_value(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {
                "name": name, "namespace": "default", "annotations": policy.map(|policy| json!({"fleetgate.dev/policy": policy})),
            },
            "spec": {"kubeConfig": {"secretRef": {"name": secret}}},
        }));
        Child::of(FluxKind::Kustomization, &object.expect("an object"))
    }

    #[test]
    fn children_are_told_by_their_secret_and_where_two_clusters_share_it_by_name() {
        let mut catalog = Catalog::default();
        for (name, secret) in [("old", "m1"), ("new", "m1"), ("m2", "m2")] {
            catalog.insert_cluster(Cluster::from(&cluster(name, secret)));
        }
        let place = |name: &str, secret: &str| Place::of(&cluster(name, secret), &catalog).expect("a place");
        let (old, new) = (place("old", "m1"), place("new", "m1"));
        let table = [
            (child("web-attachedcluster-old", Some("web"), "m1"), (true, false)),
            (child("web-attachedcluster-new", Some("web"), "m1"), (false, true)),
            (child("web-attachedcluster-m2", Some("web"), "m2"), (false, false)),
            // Whose it is nobody can say: it keeps both.
            (child("web-attachedcluster-old", None, "m1"), (true, true)),
            (child("web-attachedcluster-older", Some("web"), "m1"), (true, true)),
        ];
        for (child, expected) in table {
            assert_eq!((old.has(&child), new.has(&child)), expected, "{}", child.name);
        }
    }
}
