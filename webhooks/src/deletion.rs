//! May it be deleted? A help for people, not the guard: where nobody is asked,
//! or the answer is not heeded, the controllers' finalizers hold.

use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster, lets_go};
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use crate::finding::Finding;
use crate::rules::{cluster, fleet};
use crate::schema::Kind;

/// What keeps the stored object from being deleted. One that cannot be read is
/// in nobody's way.
#[must_use]
pub fn check(kind: Kind, stored: &Value, catalog: &Catalog) -> Option<Finding> {
    match kind {
        Kind::Application => None,
        Kind::Fleet => {
            let object = PartialObjectMeta::<Fleet>::deserialize(stored).ok()?;
            fleet::in_use::check(&object.namespace().unwrap_or_default(), &object.name_any(), catalog)
        }
        Kind::AttachedCluster => {
            let object = AttachedCluster::deserialize(stored).ok()?;
            // One that lets go of what was delivered is needed for nothing.
            (!lets_go(&object)).then(|| cluster::in_use::check(&Cluster::from(&object), catalog)).flatten()
        }
    }
}
