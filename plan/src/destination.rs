//! Where a policy goes: which destination holds for it, and which clusters
//! that means today.
//!
//! A policy's own destination wins as a whole over `spec.destination`; with
//! neither it is the host cluster. A policy destination that names no fleet
//! inherits the default's fleet, and keeps its own selector.

mod digest;
mod selection;

use std::collections::BTreeMap;
use std::sync::Arc;

use fleetgate_api::Destination;
use fleetgate_api::application::{ApplicationSpec, SyncPolicy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

pub use self::selection::Selection;
use crate::{Catalog, Cluster, ClusterKey, names};

/// The destination that holds for one policy, after inheritance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Placement<'a> {
    /// The cluster in which Fleetgate runs.
    Host,
    /// The clusters of a Fleet.
    Fleet {
        /// The Fleet's name, in the Application's namespace.
        fleet: &'a str,
        /// Which of its clusters; `None` means all.
        selector: Option<&'a LabelSelector>,
        /// Whether all of it comes from `spec.destination`.
        inherited: bool,
    },
    /// A destination that names no fleet, and no default to inherit it from.
    /// Admission refuses it (`destination/fleet-missing`).
    FleetMissing,
}

/// The fleet that a destination names; an empty name names none. Of one that is
/// too long for a name there is as much as no Fleet is called: all that comes
/// of it, many times over, is short.
#[must_use]
pub fn fleet_of(destination: &Destination) -> Option<&str> {
    destination.fleet.as_deref().filter(|name| !name.is_empty()).map(names::bounded)
}

/// The destination that holds for `policy`.
#[must_use]
pub fn placement<'a>(spec: &'a ApplicationSpec, policy: &'a SyncPolicy) -> Placement<'a> {
    let default = spec.destination.as_ref();
    let Some(destination) = policy.destination.as_ref().or(default) else {
        return Placement::Host;
    };
    let Some(fleet) = fleet_of(destination).or_else(|| default.and_then(fleet_of)) else {
        return Placement::FleetMissing;
    };
    Placement::Fleet {
        fleet,
        selector: destination.cluster_selector.as_ref(),
        inherited: policy.destination.is_none(),
    }
}

/// One place that a policy is delivered to.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The host cluster, with Flux's own credentials.
    Host,
    /// A member cluster, through its kubeconfig Secret.
    Member(Arc<Cluster>),
}

impl Target {
    /// Whether there are credentials to deliver with. Without a kubeconfig Flux
    /// would take its own, and deliver to the host what was meant for a member.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        match self {
            Self::Host => true,
            Self::Member(cluster) => cluster.kubeconfig.is_some(),
        }
    }

    /// The name that users know the place by.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Host => "host",
            Self::Member(cluster) => &cluster.key.name,
        }
    }

    /// The member cluster; none is the host.
    #[must_use]
    pub fn cluster(&self) -> Option<&ClusterKey> {
        match self {
            Self::Host => None,
            Self::Member(cluster) => Some(&cluster.key),
        }
    }

    /// Whether both are the same place.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Host, Self::Host) => true,
            (Self::Member(one), Self::Member(two)) => Arc::ptr_eq(one, two) || one.key == two.key,
            _ => false,
        }
    }
}

/// What a placement means today.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolution {
    /// The clusters, in the Fleet's order.
    pub targets: Vec<Target>,
    /// The Fleet that was named and does not exist.
    pub missing_fleet: Option<String>,
    /// Clusters that the Fleet lists and that do not exist.
    pub missing_clusters: Vec<ClusterKey>,
    /// What of the Fleet or the selector cannot be understood.
    pub faults: Vec<String>,
}

impl Resolution {
    /// The targets that there are credentials to deliver to.
    pub fn reachable(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(|target| target.is_reachable())
    }

    /// Whether the destination is understood as a whole, and leads anywhere: only
    /// then is a cluster that is not among the targets one that was taken out.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.missing_fleet.is_none() && self.faults.is_empty() && self.reachable().next().is_some()
    }
}

/// What placements are told apart by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Distinct<'a> {
    Nowhere,
    Host,
    Default,
    /// A fleet, and the selector as a text: equal ones are written equally.
    Own(&'a str, String),
}

impl<'a> Distinct<'a> {
    pub(crate) fn of(placement: Placement<'a>) -> Self {
        match placement {
            Placement::FleetMissing => Self::Nowhere,
            Placement::Host => Self::Host,
            Placement::Fleet { inherited: true, .. } => Self::Default,
            Placement::Fleet { fleet, selector, .. } => {
                Self::Own(fleet, serde_json::to_string(&selector).unwrap_or_default())
            }
        }
    }
}

/// Resolves the placements of one Application, each different one once: of
/// many policies with one destination the fleet is looked through once.
#[derive(Debug)]
pub struct Resolver<'a> {
    namespace: &'a str,
    catalog: &'a Catalog,
    known: BTreeMap<Distinct<'a>, Arc<Resolution>>,
}

impl<'a> Resolver<'a> {
    /// For an Application in `namespace`.
    #[must_use]
    pub fn new(namespace: &'a str, catalog: &'a Catalog) -> Self {
        Self { namespace, catalog, known: BTreeMap::new() }
    }

    /// What `placement` means today.
    pub fn resolve(&mut self, placement: Placement<'a>) -> Arc<Resolution> {
        let (namespace, catalog) = (self.namespace, self.catalog);
        let resolution = self.known.entry(Distinct::of(placement));
        Arc::clone(resolution.or_insert_with(|| resolve(placement, namespace, catalog)))
    }
}

/// Resolves `placement` for an Application in `namespace`.
#[must_use]
pub fn resolve(placement: Placement<'_>, namespace: &str, catalog: &Catalog) -> Arc<Resolution> {
    match placement {
        Placement::Host => Arc::new(Resolution { targets: vec![Target::Host], ..Resolution::default() }),
        Placement::FleetMissing => Arc::default(),
        Placement::Fleet { fleet, selector, .. } => {
            resolve_in_fleet(fleet, &Selection::of(selector), namespace, catalog)
        }
    }
}

/// The clusters that `selection` means of the Fleet of that name in `namespace`.
pub(crate) fn resolve_in_fleet(
    fleet: &str,
    selection: &Selection,
    namespace: &str,
    catalog: &Catalog,
) -> Arc<Resolution> {
    let Some(entry) = catalog.fleet(namespace, fleet) else {
        return Arc::new(Resolution { missing_fleet: Some(fleet.to_owned()), ..Resolution::default() });
    };
    let whole = catalog.whole(entry);
    let is_meant = |target: &&Target| match target {
        Target::Host => true,
        Target::Member(cluster) => selection.matches(&cluster.labels),
    };
    let unreadable = match selection {
        Selection::All => return whole,
        Selection::Matching(_) => None,
        Selection::Unreadable(error) => Some(format!("clusterSelector: {error}")),
    };
    Arc::new(Resolution {
        targets: whole.targets.iter().filter(is_meant).cloned().collect(),
        missing_fleet: None,
        missing_clusters: whole.missing_clusters.clone(),
        faults: whole.faults.iter().cloned().chain(unreadable).collect(),
    })
}

#[cfg(test)]
mod tests;
