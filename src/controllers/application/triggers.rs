//! What has an Application looked at again, besides its own change.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use fleetgate_plan::{Catalog, ObjectKey, usage};
use fleetgate_webhooks::router::Snapshots;
use futures::{Stream, StreamExt, stream};
use kube::runtime::reflector::ObjectRef;
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::Guarded;
use super::children::Child;
use crate::controllers::object_ref;
use crate::watches::CatalogWatch;

/// What is named within so much time is named once: Flux reports on many
/// objects of an Application at about the same time. From the first one on, so
/// that a stream of them holds nothing up.
const REST: Duration = Duration::from_millis(50);

/// Names Applications that are to be looked at.
#[derive(Clone, Debug)]
pub(super) struct Triggers {
    named: UnboundedSender<ObjectRef<Guarded>>,
    /// Something may not be needed any more.
    released: Arc<Notify>,
}

impl Triggers {
    /// The triggers, and those whom they name; `released` is told when a Flux object goes.
    pub(super) fn new(released: Arc<Notify>) -> (Self, impl Stream<Item = ObjectRef<Guarded>> + Send) {
        let (sender, named) = mpsc::unbounded_channel();
        let named = stream::unfold(named, async |mut named| Some((together(&mut named).await?, named)));
        (Self { named: sender, released }, named.flat_map(stream::iter))
    }

    /// Names the Application that a Flux object was made for.
    pub(super) fn of_child(&self, child: &Child) {
        if let Some(application) = child.application() {
            // The receiver goes with the controller.
            drop(self.named.send(ObjectRef::new(application).within(&child.namespace)));
        }
    }

    /// The same of one that is gone.
    pub(super) fn of_gone(&self, child: &Child) {
        self.of_child(child);
        self.released.notify_one();
    }
}

/// Those that are named next, at about the same time.
async fn together(named: &mut UnboundedReceiver<ObjectRef<Guarded>>) -> Option<HashSet<ObjectRef<Guarded>>> {
    let mut together = HashSet::from([named.recv().await?]);
    tokio::time::sleep(REST).await;
    while let Ok(another) = named.try_recv() {
        together.insert(another);
    }
    Some(together)
}

/// The Applications that waited for one of the Secrets that are `found`.
pub(super) fn that_waited(
    found: impl Stream<Item = ObjectKey> + Send,
    catalog: CatalogWatch,
) -> impl Stream<Item = ObjectRef<Guarded>> + Send {
    let named =
        move |secret| stream::iter(delivering_by(&secret, &catalog.current()).into_iter().map(object_ref));
    found.flat_map(named)
}

/// The Applications that deliver to a cluster whose kubeconfig is in that Secret.
fn delivering_by(secret: &ObjectKey, catalog: &Catalog) -> BTreeSet<ObjectKey> {
    let uses = catalog.clusters_with_secret(secret).flat_map(|cluster| usage::of_cluster(cluster, catalog));
    let names = uses.flat_map(|usage| usage.applications);
    // They are where their Fleet and its clusters are.
    names.map(|name| ObjectKey::new(secret.namespace.as_str(), name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_api::{Application, AttachedCluster, Fleet};
    use fleetgate_plan::Cluster;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    fn object<T: DeserializeOwned>(api_version: &str, kind: &str, name: &str, spec: &Value) -> T {
        let metadata = json!({"name": name, "namespace": "default"});
        let object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec});
        serde_json::from_value(object).expect("an object")
    }

    #[test]
    fn a_secret_that_comes_is_told_to_those_who_deliver_by_it() {
        let mut catalog = Catalog::default();
        for name in ["m1", "m2"] {
            let spec = json!({"kubeconfig": {"name": format!("of-{name}")}});
            let cluster: AttachedCluster =
                object("cluster.kurator.dev/v1alpha1", "AttachedCluster", name, &spec);
            catalog.insert_cluster(Cluster::from(&cluster));
            let spec = json!({"clusters": [{"kind": "AttachedCluster", "name": name}]});
            let fleet: Fleet = object("fleet.kurator.dev/v1alpha1", "Fleet", name, &spec);
            catalog.insert_fleet(&fleet);
        }
        for (name, fleet) in [("shop", "m1"), ("blog", "m1"), ("mail", "m2")] {
            let spec =
                json!({"source": {}, "destination": {"fleet": fleet}, "syncPolicies": [{"name": "web"}]});
            let application: Application = object("apps.kurator.dev/v1alpha1", "Application", name, &spec);
            catalog.insert_application(&application);
        }
        for (secret, expected) in [("of-m1", vec!["blog", "shop"]), ("of-m2", vec!["mail"]), ("m1", vec![])] {
            let named = delivering_by(&ObjectKey::new("default", secret), &catalog);
            let named: Vec<&str> = named.iter().map(|key| key.name.as_str()).collect();
            assert_eq!(named, expected, "{secret}");
        }
    }
}
