//! A member cluster as the plan sees it: its key, its labels, and where its
//! credentials are. Never the credentials themselves.

mod kind;

use std::collections::BTreeMap;
use std::fmt;

use fleetgate_api::AttachedCluster;
use fleetgate_api::names::ANNOTATION_ORPHAN;
use kube::ResourceExt;
use kube::core::DynamicObject;
use serde_json::Value;

pub use self::kind::ClusterKind;
use crate::flux::text;

/// The key of a kubeconfig where nothing else is said: Cluster API's, and Flux's default.
const KEY: &str = "value";

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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubeconfigRef {
    /// Name of the Secret.
    pub secret: String,
    /// Key in the Secret.
    pub key: String,
}

impl KubeconfigRef {
    /// The one that a Flux object of that spec names; none on the host.
    #[must_use]
    pub fn of(spec: &Value) -> Option<Self> {
        let secret = text(spec, "/kubeConfig/secretRef/name")?;
        let key = text(spec, "/kubeConfig/secretRef/key").unwrap_or_else(|| KEY.to_owned());
        Some(Self { secret, key })
    }
}

/// Whether an object lets go of what was delivered for it: its Flux objects go,
/// and what they delivered stays.
#[must_use]
pub fn lets_go(object: &impl ResourceExt) -> bool {
    object.annotations().get(ANNOTATION_ORPHAN).is_some_and(|value| value == "true")
}

/// A member cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// What identifies it.
    pub key: ClusterKey,
    /// The labels that selectors match.
    pub labels: BTreeMap<String, String>,
    /// Where its kubeconfig is; `None` as long as its object names none, or lets
    /// go of what was delivered.
    pub kubeconfig: Option<KubeconfigRef>,
    /// Whether it lets go of what was delivered to it.
    pub lets_go: bool,
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
            kubeconfig: object.spec.kubeconfig.as_ref().filter(|_| !lets_go(object)).map(|reference| {
                KubeconfigRef { secret: reference.name.clone(), key: reference.key.clone() }
            }),
            lets_go: lets_go(object),
        }
    }
}

impl Cluster {
    /// A cluster that somebody else provisions, and puts its kubeconfig into a
    /// Secret under `value`.
    #[must_use]
    pub fn provisioned(kind: ClusterKind, object: &DynamicObject) -> Self {
        let name = object.name_any();
        let secret = match kind {
            // The object says which one, once there is one.
            ClusterKind::AttachedCluster | ClusterKind::Cluster => {
                let named = object.data.pointer("/status/kubeconfigSecretRef").and_then(|name| name.as_str());
                named.filter(|name| !name.is_empty()).map(str::to_owned)
            }
            // Cluster API's convention.
            ClusterKind::CustomCluster | ClusterKind::ClusterApi => Some(format!("{name}-kubeconfig")),
        };
        Self {
            key: ClusterKey { namespace: object.namespace().unwrap_or_default(), kind, name },
            labels: object.labels().clone(),
            kubeconfig: secret.map(|secret| KubeconfigRef { secret, key: KEY.to_owned() }),
            lets_go: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_that_lets_go_is_not_delivered_to() {
        for (value, is_reached) in [("true", false), ("false", true), ("", true)] {
            let object = serde_json::from_value(json!({
                "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
                "metadata": {"name": "m1", "namespace": "default", "annotations": {ANNOTATION_ORPHAN: value}},
                "spec": {"kubeconfig": {"name": "m1"}},
            }));
            let object: AttachedCluster = object.expect("an AttachedCluster");
            let cluster = Cluster::from(&object);
            assert_eq!(
                (cluster.kubeconfig.is_some(), cluster.lets_go),
                (is_reached, !is_reached),
                "{value:?}"
            );
        }
    }

    #[test]
    fn where_a_kubeconfig_is_put() {
        let secret = |kind: ClusterKind, status: Value| {
            let object = serde_json::from_value(json!({
                "apiVersion": format!("{}/v1", kind.group()), "kind": kind.as_str(),
                "metadata": {"name": "prod", "namespace": "default", "labels": {"env": "prod"}}, "status": status,
            }));
            let cluster = Cluster::provisioned(kind, &object.expect("an object"));
            assert_eq!((cluster.key.kind, cluster.labels.len()), (kind, 1));
            cluster.kubeconfig.map(|kubeconfig| format!("{}/{}", kubeconfig.secret, kubeconfig.key))
        };
        let by_name = Some("prod-kubeconfig/value".to_owned());
        assert_eq!(secret(ClusterKind::ClusterApi, json!(null)), by_name);
        assert_eq!(secret(ClusterKind::CustomCluster, json!({"phase": "Provisioning"})), by_name);
        let table = [
            (json!(null), None),
            (json!({"phase": "Provisioning"}), None),
            (json!({"kubeconfigSecretRef": ""}), None),
            (json!({"kubeconfigSecretRef": {"name": "x"}}), None),
            (json!({"kubeconfigSecretRef": "of-prod"}), Some("of-prod/value".to_owned())),
        ];
        for (status, expected) in table {
            assert_eq!(secret(ClusterKind::Cluster, status.clone()), expected, "{status}");
        }
    }
}
