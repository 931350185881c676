//! What a list says of one cluster.

use fleetgate_api::{AttachedCluster, ConditionType};
use fleetgate_plan::Cluster;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use serde::{Serialize, Serializer};
use serde_json::json;

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) cluster: Cluster,
    pub(super) endpoint: Option<String>,
    pub(super) version: Option<String>,
    /// `None` where nobody has looked, or may.
    pub(super) ready: Option<bool>,
    /// Reason and message of the Ready condition.
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) fleets: Vec<String>,
    pub(super) created: Option<Timestamp>,
}

impl Row {
    pub(super) fn attached(object: &AttachedCluster) -> Self {
        let status = object.status.clone().unwrap_or_default();
        let is_ready = |type_: &str| type_ == ConditionType::Ready.as_str();
        let ready = status.conditions.into_iter().find(|condition| is_ready(&condition.type_));
        let (reason, message) = ready.map(|ready| (ready.reason, ready.message)).unzip();
        Self {
            version: status.version,
            ready: status.ready,
            reason,
            message,
            created: object.creation_timestamp().map(|created| created.0),
            ..Self::provisioned(&Cluster::from(object))
        }
    }

    /// One of which no status of ours tells.
    pub(super) fn provisioned(cluster: &Cluster) -> Self {
        Self {
            cluster: cluster.clone(),
            endpoint: None,
            version: None,
            ready: None,
            reason: None,
            message: None,
            fleets: Vec::new(),
            created: None,
        }
    }

    /// As kubectl takes it.
    pub(super) fn resource(&self) -> String {
        let key = &self.cluster.key;
        format!("{}.{}/{}", key.kind.as_str().to_lowercase(), key.kind.group(), key.name)
    }
}

/// For programs: nothing is cut, and what is not known is null.
impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Cluster { key, labels, kubeconfig, .. } = &self.cluster;
        let row = json!({
            "namespace": key.namespace, "name": key.name, "kind": key.kind.as_str(), "group": key.kind.group(),
            "endpoint": self.endpoint, "version": self.version, "ready": self.ready,
            "reason": self.reason, "message": self.message, "fleets": self.fleets, "labels": labels,
            "secret": kubeconfig.as_ref().map(|kubeconfig| &kubeconfig.secret),
            "created": self.created.map(|created| created.to_string()),
        });
        row.serialize(serializer)
    }
}
