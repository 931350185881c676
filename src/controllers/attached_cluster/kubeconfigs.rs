//! Kubeconfigs as they were read last: a Secret that has not changed is not
//! asked for again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fleetgate_api::attached_cluster::KubeconfigReference;
use fleetgate_plan::ObjectKey;
use kube::{Client, Config};

use crate::controllers::conditions::Summary;
use crate::controllers::kubeconfig::{self, Unread};
use crate::controllers::secrets::Secrets;

pub(super) struct Kubeconfigs {
    client: Client,
    secrets: Secrets,
    /// By the AttachedCluster.
    read: Mutex<HashMap<ObjectKey, Read>>,
}

/// What was found in one version of a Secret.
struct Read {
    reference: KubeconfigReference,
    version: String,
    found: Result<Config, Summary>,
}

impl Kubeconfigs {
    pub(super) fn new(client: Client, secrets: Secrets) -> Self {
        Self { client, secrets, read: Mutex::default() }
    }

    /// The kubeconfig to which that AttachedCluster refers.
    pub(super) async fn of(
        &self,
        cluster: &ObjectKey,
        reference: &KubeconfigReference,
    ) -> Result<Config, Unread> {
        let known =
            self.secrets.version(&ObjectKey::new(cluster.namespace.as_str(), reference.name.as_str()));
        if let Some(read) = self.read().get(cluster)
            && read.reference == *reference
            && Some(&read.version) == known.as_ref()
        {
            return Ok(read.found.clone()?);
        }
        // What was read before is of no use, whatever comes of this.
        self.forget(cluster);
        let secret = kubeconfig::secret(&self.client, &cluster.namespace, reference).await?;
        let version = self.secrets.mark(&secret).await.unwrap_or_else(|error| {
            tracing::warn!(%error, namespace = cluster.namespace, name = reference.name, "a Secret is not labelled: its changes are not seen at once");
            None
        });
        let found = kubeconfig::config(&secret, reference).await;
        if let Some(version) = version {
            let read = Read { reference: reference.clone(), version, found: found.clone() };
            self.read().insert(cluster.clone(), read);
        }
        Ok(found?)
    }

    /// Whether that Secret is, to the AttachedCluster, as it was read.
    pub(super) fn is_read(&self, cluster: &ObjectKey, secret: &ObjectKey) -> bool {
        let known = self.secrets.version(secret);
        self.read().get(cluster).is_some_and(|read| known.as_ref() == Some(&read.version))
    }

    /// Whether the Secret to which that AttachedCluster refers is being deleted.
    pub(super) fn is_going(&self, cluster: &ObjectKey, reference: &KubeconfigReference) -> bool {
        self.secrets.is_going(&ObjectKey::new(cluster.namespace.as_str(), reference.name.as_str()))
    }

    /// Forgets the kubeconfig of an AttachedCluster that is gone.
    pub(super) fn forget(&self, cluster: &ObjectKey) {
        self.read().remove(cluster);
    }

    /// Whoever panics under the lock leaves a map behind, and not half of one.
    fn read(&self) -> MutexGuard<'_, HashMap<ObjectKey, Read>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
