//! What the Catalog takes from the objects of files.

use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster};
use fleetgate_webhooks::Kind;
use serde_json::Value;

use super::object::{kind_of, with_namespace};

/// Something that Applications are judged by.
#[derive(Debug)]
pub(super) enum Fact {
    Fleet(Box<Fleet>),
    Cluster(Box<Cluster>),
}

impl Fact {
    /// What an object tells; nothing, if it is an Application or of a kind that
    /// the Catalog has no place for.
    ///
    /// # Errors
    ///
    /// When it should tell something and cannot be read.
    pub(super) fn of(value: &Value) -> Result<Option<Self>, String> {
        let Some(kind @ (Kind::Fleet | Kind::AttachedCluster)) = kind_of(value) else {
            return Ok(None);
        };
        let mut value = with_namespace(value);
        kind.schema().prepare(&mut value);
        let fact = match kind {
            Kind::Fleet => serde_json::from_value(value).map(|fleet| Some(Self::Fleet(Box::new(fleet)))),
            Kind::AttachedCluster => serde_json::from_value(value)
                .map(|cluster: AttachedCluster| Some(Self::Cluster(Box::new(Cluster::from(&cluster))))),
            Kind::Application => Ok(None),
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
