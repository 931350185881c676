//! What the Catalog takes from the objects of files.

use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster};
use fleetgate_webhooks::Kind;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Something that Applications are judged by.
#[derive(Debug)]
pub(super) enum Fact {
    Fleet(Box<Fleet>),
    Cluster(Box<Cluster>),
}

impl Fact {
    /// What an object tells, whoever's it is; nothing, if the Catalog has no
    /// place for its kind.
    ///
    /// # Errors
    ///
    /// When it should tell something and cannot be read.
    pub(super) fn of(object: &Value) -> Result<Option<Self>, String> {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
        let fact = match Kind::of(group, text("kind")) {
            Some(kind @ Kind::Fleet) => typed(kind, object).map(|fleet| Some(Self::Fleet(Box::new(fleet)))),
            Some(kind @ Kind::AttachedCluster) => typed(kind, object)
                .map(|cluster: AttachedCluster| Some(Self::Cluster(Box::new(Cluster::from(&cluster))))),
            Some(Kind::Application) | None => Ok(None),
        };
        fact.map_err(|error| format!("cannot be read as its kind: {error}"))
    }

    /// Puts it into the Catalog, in place of what was known before.
    pub(super) fn tell(self, catalog: &mut Catalog) {
        match self {
            Self::Fleet(fleet) => catalog.insert_fleet(&fleet),
            Self::Cluster(cluster) => catalog.insert_cluster(*cluster),
        };
    }
}

/// The object as the API server would store it, in its type.
fn typed<T: DeserializeOwned>(kind: Kind, object: &Value) -> serde_json::Result<T> {
    let mut object = object.clone();
    kind.schema().prepare(&mut object);
    serde_json::from_value(object)
}
